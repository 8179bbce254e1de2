/**
 * What must be true of a runtime that nobody uses at the moment: read from its shared memory, asked of its driver, and seen
 * in the process. Called by the supervising thread while clients rest and nobody is being killed.
 */
import type { Mdev, Parent, Runtime } from '@mediated/core';
import { MAX_THREADS, ThreadTable } from '@mediated/core/sync';
import {
  ALL_UNITS,
  type BudgetReading,
  CHAOS_DRIVER,
  type DeviceReading,
  MOST_DEVICES,
  PARENT_SLOTS,
  UNITS,
} from './chaos-driver.js';
import type { ClientReading } from './client-words.js';
import { openGroup } from '@mediated/vfio';
import type { LockYard } from './lock-yard.js';
import { readDescriptors, threadCount } from '../process-reading.js';
import type { UeventBalance } from './uevent-balance.js';

/** Everything that a chaos run checks, in the words of its report. */
export const CHECKS = [
  'asks have settled',
  'devices, slots and UUIDs agree',
  'devices are whole',
  'instances',
  'budgets',
  'open counts',
  'device sets',
  'groups and containers',
  'group and device numbers',
  'locks',
  'memory of locks',
  'inbox slots',
  'thread ids',
  'threads',
  'descriptors',
  'uevents',
  'restarts',
  'stalls',
  'errors that a death explains',
] as const;
export type CheckName = (typeof CHECKS)[number];

/** Something that is not as it must be. */
export interface Violation {
  readonly check: CheckName;
  readonly text: string;
}

/** What is looked at. */
export interface Subject {
  readonly runtime: Runtime;
  readonly yard: LockYard;
  readonly events: UeventBalance;
  /** Thread ids that may be taken: of the supervisor, the hosted threads and the clients. */
  readonly expectedThreads: number;
}

/** Numbers of one moment that must not grow from one quiet moment to the next. */
export interface Footprint {
  readonly threads: number;
  /** Without those of modules: a thread that dies while it loads some leaves the files open that Node was opening. */
  readonly descriptors: number;
  readonly lockWords: number;
}

export function readFootprint({ runtime, yard }: Pick<Subject, 'runtime' | 'yard'>): Footprint {
  return {
    threads: threadCount(),
    descriptors: readDescriptors().others.length,
    lockWords: runtime.bus.memory.locks.used + yard.space.used,
  };
}

/**
 * Words of the mutexes of all address spaces that there may be at once. A death of the control thread loses those that are there:
 * device threads may still be inside (docs/chaos.md).
 */
const SPACE_MUTEXES = 5 * 16;

/** What has grown. `controlDeaths`: of the control thread, in between. */
export function compareFootprints(before: Footprint, after: Footprint, controlDeaths: number): Violation[] {
  const found: Violation[] = [];
  if (after.threads > before.threads) {
    found.push({ check: 'threads', text: `${after.threads} threads, ${before.threads} before` });
  }
  if (after.descriptors > before.descriptors) {
    const kinds = readDescriptors().others.join(' ');
    found.push({
      check: 'descriptors',
      text: `${after.descriptors} descriptors, ${before.descriptors} before: ${kinds}`,
    });
  }
  if (after.lockWords > before.lockWords + (1 + controlDeaths) * SPACE_MUTEXES) {
    const text = `locks take ${after.lockWords} words, ${before.lockWords} before`;
    found.push({ check: 'memory of locks', text });
  }
  return found;
}

/** What must hold while the clients rest. */
export async function takeCensus(subject: Subject, clients: readonly ClientReading[]): Promise<Violation[]> {
  const { runtime, yard } = subject;
  const { bus } = runtime;
  const found: Violation[] = [];
  const say = (check: CheckName, text: string) => found.push({ check, text });

  const mdevs = bus.mdevs();
  const { devices, uuids } = bus.memory;
  const counts = [mdevs.length, devices.liveCount(), uuids.count()];
  if (new Set(counts).size !== 1) {
    const [there, slots, entries] = counts;
    say('devices, slots and UUIDs agree', `${there} devices, ${slots} slots, ${entries} UUIDs`);
  }
  for (const { uuid, presence } of mdevs) {
    if (!presence.driver || !presence.links) say('devices are whole', `${uuid} is not bound or has no links`);
  }
  for (const parent of bus.parents()) for (const each of await readParent(parent, mdevs)) found.push(each);
  for (const mdev of mdevs) for (const each of await readDevice(subject, mdev, mdevs)) found.push(each);

  for (const { place, thread, pending, files, step } of clients) {
    if (pending !== 0) say('asks have settled', `client ${place} (thread ${thread}) awaits ${pending} asks at ${step}`);
    if (files !== 0) say('open counts', `client ${place} (thread ${thread}) says that it has ${files} files`);
  }
  const { awaited } = runtime.system.endpoint.pending;
  if (awaited !== 0) say('asks have settled', `the supervising thread awaits ${awaited} asks`);
  for (const { name, unread } of runtime.system.statistics()) {
    if (unread !== 0) say('inbox slots', `${unread} messages in the inbox of ${name} are not read`);
  }
  for (const text of await yard.leftovers()) say('locks', text);
  for (const text of heldOnBus(runtime)) say('locks', text);

  const taken = takenThreads();
  if (taken.length !== subject.expectedThreads) {
    say(
      'thread ids',
      `${taken.length} ids are taken (${taken.join(' ')}), ${subject.expectedThreads} threads are there`,
    );
  }
  bus.drainEvents();
  for (const text of subject.events.compare(mdevs.map(({ uuid }) => uuid))) say('uevents', text);
  return found;
}

/** What must hold of a bus all of whose parents were unregistered, besides {@link takeCensus}. */
export function takeEmptyCensus({ runtime }: Subject): Violation[] {
  const { bus } = runtime;
  const found: Violation[] = [];
  const left = [bus.mdevs().length, bus.memory.devices.liveCount(), bus.memory.uuids.count(), bus.parents().length];
  if (left.some((count) => count !== 0)) {
    const text = `${left[0]} devices, ${left[1]} slots, ${left[2]} UUIDs and ${left[3]} parents are left`;
    found.push({ check: 'devices, slots and UUIDs agree', text });
  }
  for (const [what, numbers] of [
    ['groups', bus.memory.groups],
    ['devices', bus.memory.numbers],
  ] as const) {
    // Numbers are given out from the lowest on: those that come now are 0, 1, 2... unless some are lost.
    const given = Array.from({ length: NUMBERS_TRIED }, () => numbers.allocate());
    if (given.some((number, at) => number !== at)) {
      const text = `numbers of ${what} that are free: ${given.slice(0, 8).join(' ')}...; they should begin with 0`;
      found.push({ check: 'group and device numbers', text });
    }
    for (const number of given) numbers.free(number);
  }
  return found;
}

/** More than there are ever devices at once. */
const NUMBERS_TRIED = 64;

/** What a thread that has just died must not have any more. */
export function readDead({ runtime, yard }: Pick<Subject, 'runtime' | 'yard'>, thread: number): Violation[] {
  const found: Violation[] = [];
  const { locks, devices } = runtime.bus.memory;
  const holds = locks.holds(thread) || yard.space.holds(thread);
  // Another thread may have its id by now.
  if (holds && !isTaken(thread)) found.push({ check: 'locks', text: `dead thread ${thread} holds or awaits a lock` });
  const slots = [...devices.slotsOf(thread)];
  if (slots.length > 0 && !ThreadTable.current().isAlive(thread)) {
    const text = `dead thread ${thread} has the device slots ${slots.join(' ')}`;
    found.push({ check: 'devices, slots and UUIDs agree', text });
  }
  return found;
}

/** Ids of threads that are taken. */
function takenThreads(): number[] {
  return Array.from({ length: MAX_THREADS }, (_, id) => id).filter(isTaken);
}

function isTaken(thread: number): boolean {
  return ThreadTable.current().isTaken(thread);
}

async function readParent(parent: Parent, mdevs: readonly Mdev[]): Promise<Violation[]> {
  const found: Violation[] = [];
  const own = mdevs.filter((mdev) => mdev.parent.index === parent.index).length;
  const available = await parent.availableInstances(parent.types[0]!.id);
  if (available + own !== MOST_DEVICES) {
    const text = `${parent.name} has ${available} instances and ${own} devices, together not ${MOST_DEVICES}`;
    found.push({ check: 'instances', text });
  }
  const { units, slots } = JSON.parse(await parent.showAttribute('chaos/budgets')) as BudgetReading;
  const used = mdevs.reduce((sum, { type }) => sum + (UNITS[type.slice(CHAOS_DRIVER.length + 1)] ?? 0), 0);
  if (units + used !== ALL_UNITS) {
    found.push({ check: 'budgets', text: `${units} units are free and ${used} in use, together not ${ALL_UNITS}` });
  }
  if (slots + own !== PARENT_SLOTS) {
    const text = `${parent.name} has ${slots} slots and ${own} devices, together not ${PARENT_SLOTS}`;
    found.push({ check: 'budgets', text });
  }
  return found;
}

async function readDevice({ runtime }: Subject, mdev: Mdev, mdevs: readonly Mdev[]): Promise<Violation[]> {
  const found: Violation[] = [];
  const text = await mdev.showAttribute('chaos/device');
  const { open, pins, setOpen, members } = JSON.parse(text) as DeviceReading;
  if (open !== 0 || setOpen !== 0) {
    found.push({ check: 'open counts', text: `${mdev.uuid} is open ${open} times, its set ${setOpen} times` });
  }
  if (pins !== 0) found.push({ check: 'groups and containers', text: `${mdev.uuid} has ${pins} pages pinned` });
  const strangers = members.filter((index) => !mdevs.some((each) => each.index === index));
  if (strangers.length > 0 || (members.length > 0 && !members.includes(mdev.index))) {
    const text = `the set of ${mdev.uuid} (slot ${mdev.index}) has the members ${members.join(' ')}`;
    found.push({ check: 'device sets', text });
  }
  try {
    const group = await openGroup(runtime.bus, mdev);
    const { containerSet } = await group.status();
    if (containerSet)
      found.push({ check: 'groups and containers', text: `the group of ${mdev.uuid} is in a container` });
    await group.close();
  } catch (error) {
    found.push({
      check: 'groups and containers',
      text: `the group of ${mdev.uuid} cannot be opened: ${String(error)}`,
    });
  }
  return found;
}

/** Locks of the bus that somebody holds though nobody does anything. Drivers' threads hold what their devices use. */
function heldOnBus({ system, drivers, bus }: Runtime): string[] {
  const owners = new Set(
    system
      .statistics()
      .filter(({ name }) => drivers.some((driver) => name.startsWith(`${driver}/`)))
      .map(({ thread }) => thread),
  );
  const held: string[] = [];
  for (let thread = 0; thread < MAX_THREADS; thread++) {
    if (owners.has(thread) && bus.mdevs().length > 0) continue;
    if (bus.memory.locks.holds(thread)) held.push(`thread ${thread} holds or awaits a lock of the bus`);
  }
  return held;
}
