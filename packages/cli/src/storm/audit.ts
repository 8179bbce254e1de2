/**
 * What the storm's own driver writes down about every callback it gets, in shared memory: the second set of books that
 * the invariants are checked against. Written on the driver's threads, read by the supervisor.
 *
 * Owner rules. A device's word is changed by compare-and-swap only, from the one state in which the callback is legal:
 * NONE -> CLOSED (init) -> OPEN (openDevice) -> CLOSED (closeDevice) -> NONE (release). A swap that fails is a violation.
 * A UUID's word: by compare-and-swap from 0 to device slot + 1 (init) and back (release). A parent's REGISTERED:
 * the supervisor, which clears it once unregistering has returned; its INSIDE and BOUND: any thread of the driver, by
 * add. Violations: a slot is claimed by add, then filled; those past the last slot are only counted.
 */
import type { InvariantName } from './invariants.js';

const COUNT = 0;
const REPORTS = 1;
const MOST_REPORTS = 32;
const REPORT_WORDS = 4;
const PARENTS = REPORTS + MOST_REPORTS * REPORT_WORDS;
const REGISTERED = 0;
const INSIDE = 1;
const BOUND = 2;
const PARENT_WORDS = 3;

const NONE = 0;
const CLOSED = 1;
const OPEN = 2;

/** What a driver callback may find wrong; the number is the report's first word. */
const COMPLAINTS = [
  ['init of a device that was there already', 'each device begins and ends once'],
  ['release of a device that was not there, or was open', 'each device begins and ends once'],
  ['open_device of a device that was not closed', 'open_device and close_device alternate'],
  ['close_device of a device that was not open', 'open_device and close_device alternate'],
  ['an access to a device that was not open', 'open_device and close_device alternate'],
  ['init of a UUID that another device has', 'UUIDs are unique'],
  ['a callback after unregistering had returned', 'nothing is left after unregistering'],
] as const satisfies readonly (readonly [string, InvariantName])[];

const [INIT, RELEASE, OPENED, CLOSE, ACCESS, TWIN, LATE] = COMPLAINTS.keys();

/** A violation as the driver saw it. */
export interface AuditReport {
  readonly invariant: InvariantName;
  readonly text: string;
}

/** Structured-cloneable access to the books. */
export interface AuditHandle {
  readonly buffer: SharedArrayBuffer;
  readonly parents: readonly string[];
  readonly uuids: readonly string[];
  readonly devices: number;
}

export class Audit {
  readonly handle: AuditHandle;
  readonly #words: Int32Array;
  readonly #parents: ReadonlyMap<string, number>;
  readonly #uuids: ReadonlyMap<string, number>;
  readonly #devices: number;

  private constructor(handle: AuditHandle) {
    this.handle = handle;
    this.#words = new Int32Array(handle.buffer);
    this.#parents = new Map(handle.parents.map((name, at) => [name, PARENTS + at * PARENT_WORDS]));
    const uuids = PARENTS + handle.parents.length * PARENT_WORDS;
    this.#uuids = new Map(handle.uuids.map((uuid, at) => [uuid, uuids + at]));
    this.#devices = uuids + handle.uuids.length;
  }

  /** Books for device slots 0 to `devices` - 1, for these parents and these UUIDs. Others are not watched. */
  static create(parents: readonly string[], uuids: readonly string[], devices: number): Audit {
    const words = PARENTS + parents.length * PARENT_WORDS + uuids.length + devices;
    return new Audit({ buffer: new SharedArrayBuffer(words * 4), parents, uuids, devices });
  }

  static from(handle: AuditHandle): Audit {
    return new Audit(handle);
  }

  /** Driver: a callback for a device of `parent` begins; the function returned ends it. */
  enter(parent: string, device: number): () => void {
    const at = this.#parent(parent);
    Atomics.add(this.#words, at + INSIDE, 1);
    if (Atomics.load(this.#words, at + REGISTERED) === 0) this.#complain(LATE, device);
    return () => Atomics.sub(this.#words, at + INSIDE, 1);
  }

  /** Driver: `init` succeeds. */
  initialized(parent: string, device: number, uuid: string): void {
    this.#move(device, NONE, CLOSED, INIT);
    const at = this.#uuids.get(uuid);
    if (at !== undefined && Atomics.compareExchange(this.#words, at, 0, device + 1) !== 0) this.#complain(TWIN, device);
    Atomics.add(this.#words, this.#parent(parent) + BOUND, 1);
  }

  /** Driver: `release`. */
  released(parent: string, device: number, uuid: string): void {
    this.#move(device, CLOSED, NONE, RELEASE);
    const at = this.#uuids.get(uuid);
    if (at !== undefined) Atomics.compareExchange(this.#words, at, device + 1, 0);
    Atomics.sub(this.#words, this.#parent(parent) + BOUND, 1);
  }

  /** Driver: `openDevice`. */
  opened(device: number): void {
    this.#move(device, CLOSED, OPEN, OPENED);
  }

  /** Driver: `closeDevice`. */
  closed(device: number): void {
    this.#move(device, OPEN, CLOSED, CLOSE);
  }

  /** Driver: `read`, `write` or `ioctl`. */
  accessed(device: number): void {
    if (Atomics.load(this.#words, this.#devices + device) !== OPEN) this.#complain(ACCESS, device);
  }

  /** Supervisor: callbacks for devices of `parent` are legal from now on, or not any more. */
  setRegistered(parent: string, registered: boolean): void {
    Atomics.store(this.#words, this.#parent(parent) + REGISTERED, registered ? 1 : 0);
  }

  /** Callbacks for devices of `parent` that are running. */
  inside(parent: string): number {
    return Atomics.load(this.#words, this.#parent(parent) + INSIDE);
  }

  /** Devices of `parent` between `init` and `release`. */
  bound(parent: string): number {
    return Atomics.load(this.#words, this.#parent(parent) + BOUND);
  }

  /** Devices that are open. */
  open(): number {
    let open = 0;
    for (let device = 0; device < this.handle.devices; device++) {
      if (Atomics.load(this.#words, this.#devices + device) === OPEN) open++;
    }
    return open;
  }

  /** How many callbacks were illegal. */
  get violations(): number {
    return Atomics.load(this.#words, COUNT);
  }

  /** The first illegal callbacks. */
  reports(): AuditReport[] {
    return Array.from({ length: Math.min(this.violations, MOST_REPORTS) }, (_, report) => {
      const at = REPORTS + report * REPORT_WORDS;
      const [text, invariant] = COMPLAINTS[this.#words[at]];
      return { invariant, text: `${text} (device slot ${this.#words[at + 1]})` };
    });
  }

  #parent(name: string): number {
    const at = this.#parents.get(name);
    if (at === undefined) throw new Error(`the audit does not know parent ${name}`);
    return at;
  }

  #move(device: number, from: number, to: number, complaint: number): void {
    if (Atomics.compareExchange(this.#words, this.#devices + device, from, to) === from) return;
    this.#complain(complaint, device);
    Atomics.store(this.#words, this.#devices + device, to);
  }

  #complain(complaint: number, device: number): void {
    const report = Atomics.add(this.#words, COUNT, 1);
    if (report >= MOST_REPORTS) return;
    const at = REPORTS + report * REPORT_WORDS;
    this.#words[at + 1] = device;
    Atomics.store(this.#words, at, complaint);
  }
}
