/**
 * What vfio needs on the supervising thread: the bus's table of device sets and records of groups, made with the first
 * vfio driver, the control actor, the recovery of the locks in device slots and sets, the last words of devices whose thread has died, and statistics. Called when
 * a driver is loaded, when a thread has died, and when the driver's threads have ended.
 */
import { type BusMemory, DEVICE_FRAMEWORK, DEVICE_IDS, type LockStatistics, type Supervision } from '@mediated/core';
import { type LockStats, Mutex, registerLockRegion } from '@mediated/core/sync';
import { GroupRecords, type GroupRecordsHandle } from './control/group-records.js';
import { SET_LOCK } from './device-set.js';
import { LISTED, OWN_MUTEX, REFERENCES, SET } from './device-words.js';
import { SPACE_LOCK } from './iommu/address-space.js';
import { GuardTable, type GuardTableHandle } from './pci/guard-table.js';
import { REGISTRY_LOCK, recoverSets, SetTable, type SetTableHandle } from './set-table.js';
import { emitDevice, emitGroup } from './uevents.js';

/** What reaches each thread of a driver. */
export interface VfioShared {
  readonly sets: SetTableHandle;
  readonly groups: GroupRecordsHandle;
  readonly guards: GuardTableHandle;
}

/** The supervising thread's state of a bus. */
interface BusSupervision {
  readonly memory: BusMemory;
  readonly shared: VfioShared;
  readonly sets: SetTable;
  readonly groups: GroupRecords;
  readonly guards: GuardTable;
  /** Loaded vfio drivers. */
  drivers: number;
  /** Ends the recovery of what {@link recoverLocks} says; present while there are drivers. */
  forget: (() => void) | undefined;
}

const CONTROL = new URL('./control/control-actor.js', import.meta.url).href;

const buses = new WeakMap<BusMemory, BusSupervision>();

export function supervise(memory: BusMemory): Supervision {
  let bus = buses.get(memory);
  if (bus === undefined) {
    const sets = SetTable.create(memory);
    const guards = GuardTable.create();
    const groups = GroupRecords.create(Math.ceil(memory.devices.capacity / 32) * 32);
    bus = {
      memory,
      shared: { sets, groups: groups.handle, guards },
      sets: SetTable.from(sets, memory),
      groups,
      guards: new GuardTable(guards, memory),
      drivers: 0,
      forget: undefined,
    };
    buses.set(memory, bus);
  }
  bus.drivers++;
  bus.forget ??= recoverLocks(bus);
  return {
    shared: bus.shared,
    framework: bus.shared,
    actor: { module: CONTROL, name: 'controlActor', thread: 'vfio', options: bus.shared },
    lockOrder: [REGISTRY_LOCK, SET_LOCK, SPACE_LOCK],
    lockStatistics: () => lockStatistics(bus),
    reclaim: (index) => reclaim(bus, index),
    release: () => release(bus),
  };
}

/** Has the locks of device slots and of sets freed of dead threads; returns the function that ends this. */
function recoverLocks({ memory: { devices }, shared }: BusSupervision): () => void {
  const forgetSlots = registerLockRegion({
    words: devices.words,
    first: devices.base(0) + DEVICE_FRAMEWORK + OWN_MUTEX,
    stride: devices.slotWords,
    count: () => devices.top,
    kind: 'mutex',
  });
  const forgetSets = recoverSets(shared.sets);
  return () => {
    forgetSlots();
    forgetSets();
  };
}

function release(bus: BusSupervision): void {
  if (--bus.drivers !== 0) return;
  bus.forget?.();
  bus.forget = undefined;
}

/** What the device's thread would have said at the end, as far as it had not; the core gives the numbers back. */
function reclaim({ memory, sets, groups, guards }: BusSupervision, index: number): void {
  guards.reclaim(index);
  const { words } = memory.devices;
  const base = memory.devices.base(index);
  const own = base + DEVICE_FRAMEWORK;
  const group = words[base + DEVICE_IDS] - 1;
  const number = words[base + DEVICE_IDS + 1] - 1;
  if (words[own + LISTED] !== 0) {
    Atomics.store(words, own + LISTED, 0);
    emitDevice(memory, 'remove', index, number);
  }
  if (group >= 0) {
    // The control actor looks for itself what it has lost with a thread.
    groups.end(group);
    emitGroup(memory, 'remove', group);
  }
  const mutex = ownMutex(memory, index);
  if (mutex !== undefined) sets.ownSets.add(mutex);
}

function lockStatistics({ memory, sets }: BusSupervision): LockStatistics[] {
  const own: Mutex[] = [];
  for (let index = 0; index < memory.devices.top; index++) {
    const mutex = (memory.devices.generation(index) & 1) === 0 ? undefined : ownMutex(memory, index);
    if (mutex !== undefined) own.push(mutex);
  }
  return [
    ofMutexes(REGISTRY_LOCK, sets.registry.stats()),
    ofMutexes(`${SET_LOCK}: shared`, sets.statistics()),
    ofMutexes(`${SET_LOCK}: own`, sets.ownSets.with(own)),
  ];
}

function ofMutexes(name: string, stats: LockStats): LockStatistics {
  return { name, kind: 'mutex', stats };
}

/** The mutex of the set of one device, if the device in this slot is registered and has such a set. */
function ownMutex({ devices }: BusMemory, index: number): Mutex | undefined {
  const own = devices.base(index) + DEVICE_FRAMEWORK;
  if (Atomics.load(devices.words, own + REFERENCES) <= 0 || Atomics.load(devices.words, own + SET) !== 0)
    return undefined;
  return Mutex.at(devices.words, own + OWN_MUTEX);
}
