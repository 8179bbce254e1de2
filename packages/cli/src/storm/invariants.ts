/**
 * What must hold of a bus, checked on readings of its real state (`snapshot.ts`). Pure functions; the supervisor calls
 * them when nobody uses the bus. Spec: mdev-core section 18; the numbers stand beside the checks.
 */

/** Every invariant that a storm checks, in the words of its report. */
export const INVARIANTS = [
  'UUIDs are unique',
  'instances + live devices = maximum',
  'each device begins and ends once',
  'open_device and close_device alternate',
  'nothing is left after unregistering',
  'no lock is held',
  'devices are whole',
  'a file reads its own device',
  'only errnos that the kernel gives',
  'the storm goes on',
] as const;
export type InvariantName = (typeof INVARIANTS)[number];

/** An invariant that does not hold. */
export interface Violation {
  readonly invariant: InvariantName;
  readonly text: string;
}

/** A device on the bus. */
export interface DeviceReading {
  readonly uuid: string;
  readonly parent: string;
  /** It is bound and has its links. */
  readonly whole: boolean;
  /** Its `remove` file is there. */
  readonly removable: boolean;
}

/** A registered parent. */
export interface ParentReading {
  readonly name: string;
  /** Limit and value of the core's own instance counter; undefined for a driver that counts by itself. */
  readonly instances: { readonly maximum: number; readonly available: number } | undefined;
  /** Devices that the driver has begun and not ended; undefined for a driver that keeps no books. */
  readonly bound: number | undefined;
  /** Callbacks of the driver that are running; undefined likewise. */
  readonly inside: number | undefined;
}

/** A budget that all devices of a driver share. */
export interface BudgetReading {
  readonly name: string;
  readonly maximum: number;
  readonly free: number;
  /** What the live devices use of it by their types. */
  readonly used: number;
}

/** A reading of the bus while no operation is under way. */
export interface Snapshot {
  readonly devices: readonly DeviceReading[];
  readonly parents: readonly ParentReading[];
  readonly budgets: readonly BudgetReading[];
  /** Device slots in use in the arena. */
  readonly slots: number;
  /** Entries of the UUID table. */
  readonly uuids: number;
  /** Devices that the driver's books call open. */
  readonly open: number;
  /** Files that clients still have. */
  readonly files: number;
  /** `remove` files so far that vanished with an EAGAIN (quirk Q2). */
  readonly wedged: number;
  /** Ids of threads that hold a lock while they should hold none. */
  readonly holders: readonly number[];
}

/** What does not hold of a quiescent bus. */
export function checkQuiescent(snapshot: Snapshot): Violation[] {
  return [
    ...checkUuids(snapshot),
    ...snapshot.parents.flatMap((parent) => checkParent(parent, snapshot)),
    ...snapshot.budgets.flatMap(checkBudget),
    ...checkWhole(snapshot),
    ...checkOpen(snapshot),
    ...checkLocks(snapshot),
  ];
}

/** What is left of a bus all of whose parents are unregistered (mdev-core 8). */
export function checkEmpty(snapshot: Snapshot): Violation[] {
  const left: [what: string, count: number][] = [
    ['devices on the bus', snapshot.devices.length],
    ['device slots in use', snapshot.slots],
    ['entries in the UUID table', snapshot.uuids],
    ['registered parents', snapshot.parents.length],
    ['files of clients', snapshot.files],
    ['open devices', snapshot.open],
  ];
  return [
    ...left.filter(([, count]) => count !== 0).map(([what, count]) => leftover(`${count} ${what}`)),
    ...snapshot.budgets.flatMap(checkBudget),
    ...checkLocks(snapshot),
  ];
}

/** What is left of one parent whose unregistering has returned, while the others work on (mdev-core 8). */
export function checkUnregistered(parent: ParentReading, devices: readonly DeviceReading[]): Violation[] {
  const children = devices.filter((device) => device.parent === parent.name);
  const left: [what: string, count: number][] = [
    ['devices on the bus', children.length],
    ['devices of the driver', parent.bound ?? 0],
    ['running callbacks', parent.inside ?? 0],
  ];
  return left.filter(([, count]) => count !== 0).map(([what, count]) => leftover(`${count} ${what} of ${parent.name}`));
}

/** mdev-core 1: the devices, the slots and the table tell of the same devices, none twice. */
function checkUuids({ devices, slots, uuids }: Snapshot): Violation[] {
  const invariant = 'UUIDs are unique';
  const violations: Violation[] = [];
  const seen = new Set<string>();
  for (const { uuid } of devices) {
    if (seen.has(uuid)) violations.push({ invariant, text: `${uuid} is on the bus twice` });
    seen.add(uuid);
  }
  if (uuids !== devices.length) {
    violations.push({ invariant, text: `the UUID table has ${uuids} entries for ${devices.length} devices` });
  }
  if (slots !== devices.length) {
    violations.push({ invariant, text: `${slots} device slots are in use for ${devices.length} devices` });
  }
  return violations;
}

/** mdev-core 2 and 7. */
function checkParent(parent: ParentReading, { devices }: Snapshot): Violation[] {
  const violations: Violation[] = [];
  const live = devices.filter((device) => device.parent === parent.name).length;
  const { instances, bound, inside } = parent;
  if (instances !== undefined && instances.available + live !== instances.maximum) {
    const text = `${parent.name} has ${instances.available} instances and ${live} devices, at most ${instances.maximum}`;
    violations.push({ invariant: 'instances + live devices = maximum', text });
  }
  if (bound !== undefined && bound !== live) {
    const text = `the driver of ${parent.name} has ${bound} devices, the bus ${live}`;
    violations.push({ invariant: 'each device begins and ends once', text });
  }
  if (inside !== undefined && inside !== 0) {
    const text = `${inside} callbacks of ${parent.name} are running without an operation`;
    violations.push({ invariant: 'each device begins and ends once', text });
  }
  return violations;
}

function checkBudget({ name, maximum, free, used }: BudgetReading): Violation[] {
  if (free + used === maximum) return [];
  const text = `of ${name}, ${free} are free and ${used} in use, together not ${maximum}`;
  return [{ invariant: 'instances + live devices = maximum', text }];
}

/** mdev-core 4 and 13: a device lacks at most its `remove` file, if a removal came before its creation was complete. */
function checkWhole({ devices, wedged }: Snapshot): Violation[] {
  const invariant = 'devices are whole';
  const violations: Violation[] = devices
    .filter((device) => !device.whole)
    .map(({ uuid, parent }) => ({ invariant, text: `${uuid} of ${parent} is not bound or has no links` }));
  const without = devices.filter((device) => !device.removable).length;
  if (without > wedged) {
    const text = `${without} devices have no remove file, but only ${wedged} removals met an unfinished create`;
    violations.push({ invariant, text });
  }
  return violations;
}

/** vfio-core: without files nothing is open. */
function checkOpen({ open, files }: Snapshot): Violation[] {
  if (open === 0 && files === 0) return [];
  const text = `${open} devices are open and ${files} files left although all were closed`;
  return [{ invariant: 'open_device and close_device alternate', text }];
}

function checkLocks({ holders }: Snapshot): Violation[] {
  return holders.map((thread) => ({ invariant: 'no lock is held', text: `thread ${thread} holds or awaits a lock` }));
}

function leftover(what: string): Violation {
  return { invariant: 'nothing is left after unregistering', text: what };
}
