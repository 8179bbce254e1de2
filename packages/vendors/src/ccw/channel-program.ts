/**
 * The channel program of a device: the guest's, translated so that the channel can run it (ccw section 5). Held by the
 * device's private; called by the actions of its state machine under the io mutex, never on two programs at once.
 * While it is held, the guest's pages that it moves data to or from are pinned.
 */
import { isThenable, MediatedError } from '@mediated/core';
import { CCW, ORB, SCSW } from './architected.js';
import { collectLists } from './collect.js';
import type { GuestMemory } from './guest-memory.js';
import type { AddressFormat } from './indirect.js';
import type { PlacedSegment, Plan, PlanRequest } from './plan.js';
import { readSegment, SEGMENTS, targets } from './segment.js';
import { contains } from './segment-bounds.js';
import { HostStorage } from './storage.js';

/** Plans a program: at once, or, when it is long, elsewhere. */
export type Planner = (request: PlanRequest) => Plan | Promise<Plan>;

const PAGE = 4096n;
/** Pages that a long program pins in one turn: about half a millisecond. */
const TURN_PAGES = 1024;

interface Pins {
  readonly iova: bigint;
  readonly pages: number;
}

export class ChannelProgram {
  readonly storage = new HostStorage();
  readonly #memory: GuestMemory;
  readonly #warn: (message: string) => void;
  #orb: Uint8Array | undefined;
  #segments: PlacedSegment[] = [];
  #pins: Pins[] = [];

  /** `warn` is told of what guests should not do but may. */
  constructor(memory: GuestMemory, warn: (message: string) => void) {
    this.#memory = memory;
    this.#warn = warn;
  }

  /** A program is held, from a successful `init` to `free`. */
  get initialized(): boolean {
    return this.#orb !== undefined;
  }

  /** CCWs of each segment, in the order in which they were found. */
  get lengths(): number[] {
    return this.#segments.map(({ ccws }) => ccws.length / CCW.size);
  }

  /**
   * Reads the program that an ORB points to. Errors: EBUSY (one is held), EINVAL (a segment of more than 256 CCWs, more
   * than 16 segments), EINVAL, EPERM, EFAULT (2048 bytes from the start of a segment cannot be read).
   */
  init(orb: Uint8Array): void {
    if (this.initialized) throw failure('EBUSY', 'a channel program is held already');
    if (ORB.get(orb, 'prefetch') === 0)
      this.#warn('a channel program without the prefetch bit: prefetched all the same');
    try {
      this.#load(ORB.get(orb, 'address'), ORB.get(orb, 'format'));
    } catch (error) {
      this.free();
      throw error;
    }
    this.#orb = orb.slice();
  }

  /**
   * Translates what `init` has read and pins its data. Errors, after which `free` releases what was acquired: EFAULT
   * (a TIC leads nowhere), those of reading lists and of pinning, EINVAL (a list changed meanwhile, fewer pages pinned).
   */
  prefetch(planner: Planner): void | Promise<void> {
    const orb = this.#orb;
    if (orb === undefined) throw failure('EIO', 'no channel program is held');
    const format = addressFormat(orb);
    const { lists, failedAt, error } = collectLists(this.#memory, this.#segments, format);
    const listsAt = this.storage.next;
    const finish = (plan: Plan): void => {
      this.#layOut(plan);
      if (plan.lost !== undefined)
        throw failure('EFAULT', `a TIC leads to 0x${plan.lost.toString(16)}: nothing is there`);
      if (failedAt !== undefined) throw error;
    };
    const plan = planner({ ...format, segments: this.#segments, lists, listsAt, end: failedAt });
    if (isThenable(plan))
      return (plan as Promise<Plan>).then((long) => this.#pinInTurns(long).then(() => finish(long)));
    for (const [first, count] of runsOf(plan as Plan)) this.#pin((plan as Plan).words, first, count);
    return finish(plan as Plan);
  }

  /** The ORB with which the channel starts the translation; undefined: no program is held. */
  channelOrb(intparm: number, lpm: number): Uint8Array | undefined {
    if (this.#orb === undefined) return undefined;
    const orb = this.#orb.slice();
    ORB.set(orb, 'intparm', intparm);
    ORB.set(orb, 'format', 1);
    if (ORB.get(orb, 'c64') === 0) ORB.set(orb, 'i2k', 1);
    ORB.set(orb, 'c64', 1);
    if (ORB.get(orb, 'lpm') === 0) ORB.set(orb, 'lpm', lpm);
    ORB.set(orb, 'address', this.#segments[0].host);
    return orb;
  }

  /** Puts the guest's address for the channel's into an SCSW; one that is in no segment stays. */
  translateBack(scsw: Uint8Array): void {
    const address = SCSW.get(scsw, 'address');
    const segment = this.#segments.find(({ host, ccws }) => address >= host && address <= host + ccws.length);
    if (segment !== undefined) SCSW.set(scsw, 'address', segment.guest + address - segment.host);
  }

  /** Whether a page of the range is pinned for the program. */
  pinned(iova: bigint, size: bigint): boolean {
    const first = iova / PAGE;
    const last = (iova + size - 1n) / PAGE;
    return this.#pins.some((pins) => pins.iova / PAGE <= last && pins.iova / PAGE + BigInt(pins.pages) > first);
  }

  /** Unpins everything and forgets the program; does nothing when there is none. */
  free(): void {
    for (const { iova, pages } of this.#pins) this.#memory.unpin(iova, pages);
    this.#pins = [];
    this.#segments = [];
    this.#orb = undefined;
    this.storage.clear();
  }

  #load(guest: number, format: number): void {
    const segment = readSegment(this.#memory, guest, format);
    if (this.#segments.length === SEGMENTS) throw failure('EINVAL', `${SEGMENTS} segments are the most`);
    this.#segments.push({ ...segment, host: this.storage.place(segment.ccws.slice()) });
    for (const target of targets(segment)) {
      if (!this.#segments.some((known) => contains(known, target))) this.#load(target, format);
    }
  }

  /** Pins what a long plan names, with turns of the event loop in between for the others on this thread. */
  async #pinInTurns(plan: Plan): Promise<void> {
    let pages = 0;
    for (const [first, count] of runsOf(plan)) {
      this.#pin(plan.words, first, count);
      pages += count;
      if (pages < TURN_PAGES) continue;
      pages = 0;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Lays the translation where the channel finds it. */
  #layOut({ ccws, words }: Plan): void {
    const lists = new Uint8Array(words.length * 8);
    const view = new DataView(lists.buffer);
    for (let word = 0; word < words.length; word++) view.setBigUint64(word * 8, words[word]);
    this.storage.place(lists);
    for (const [index, bytes] of ccws.entries()) this.storage.at(this.#segments[index].host, bytes.length)?.set(bytes);
  }

  /** Pins the pages of a run of words and points the words at them. */
  #pin(words: BigUint64Array, first: number, count: number): void {
    const iova = words[first] - (words[first] % PAGE);
    const pages = this.#memory.pin(iova, count, 'read-write');
    if (pages.length > 0) this.#pins.push({ iova, pages: pages.length });
    if (pages.length < count) throw failure('EINVAL', `${pages.length} of ${count} pages were pinned`);
    pages.forEach((page, index) => {
      words[first + index] = BigInt(this.storage.adopt(page)) + (words[first + index] % PAGE);
    });
  }
}

/** First word and number of words of each run. */
function* runsOf({ runs }: Plan): Generator<[first: number, count: number]> {
  for (let run = 0; run < runs.length; run += 2) yield [runs[run], runs[run + 1]];
}

function addressFormat(orb: Uint8Array): AddressFormat {
  return { c64: ORB.get(orb, 'c64') !== 0, i2k: ORB.get(orb, 'i2k') !== 0 };
}

function failure(code: MediatedError['code'], message: string): MediatedError {
  return new MediatedError(code, message, { syscall: 'write' });
}
