/**
 * Everything the threads of one mdev bus share: device slots and the UUID table over them, parent slots, names,
 * locks, the event log. Made by the supervising thread; other threads attach with the handle.
 */
import { Arena, type ArenaHandle } from '../memory/arena.js';
import { IdAllocator, type IdAllocatorHandle } from '../memory/id-allocator.js';
import { NameTable, type NameTableHandle } from '../memory/name-table.js';
import { UuidTable, type UuidTableHandle } from '../memory/uuid-table.js';
import { LockSpace, type LockSpaceHandle } from '../sync/lock-space.js';
import { EventLog, type EventLogHandle } from './event-log.js';
import type { GateKind } from './gate.js';
import { AUTOPROBE, DEVICE_NEXT, DEVICE_UUID, DEVICE_WORDS, DRIVER_WORDS, FLAG_WORDS, PARENT_WORDS } from './layout.js';

/** Kernel quirks as they are, or repaired (spec/mdev-core section 16; docs/mdev.md). */
export type Quirks = 'kernel' | 'mended';

/** Room for the locks of a parent, and the least for a bus. Memory is used as locks are made. */
const LOCK_WORDS = 2048;
const MIN_LOCK_WORDS = 2 ** 18;

/** Most drivers on one bus. */
const MAX_DRIVERS = 256;

/** Settings that every thread of a bus must agree on. */
export interface BusSettings {
  /** Tells this process's buses apart. */
  readonly id: string;
  readonly gate: GateKind;
  readonly quirks: Quirks;
  /** Milliseconds that a driver's probe may take before the create fails with ETIMEDOUT; 0: no limit. */
  readonly probeDeadline: number;
}

/** Structured-cloneable access to a bus. */
export interface BusHandle {
  readonly settings: BusSettings;
  readonly devices: ArenaHandle;
  readonly uuids: UuidTableHandle;
  readonly parents: ArenaHandle;
  readonly names: NameTableHandle;
  readonly locks: LockSpaceHandle;
  readonly events: EventLogHandle;
  readonly groups: IdAllocatorHandle;
  readonly numbers: IdAllocatorHandle;
  readonly drivers: ArenaHandle;
  readonly flags: Int32Array<SharedArrayBuffer>;
}

/** Sizes of a new bus. */
export interface BusCapacity {
  readonly devices: number;
  readonly parents: number;
}

export class BusMemory {
  readonly settings: BusSettings;
  readonly devices: Arena;
  readonly uuids: UuidTable;
  readonly parents: Arena;
  readonly names: NameTable;
  readonly locks: LockSpace;
  readonly events: EventLog;
  /** IOMMU group numbers. */
  readonly groups: IdAllocator;
  /** Numbers of framework devices (`vfioN`). */
  readonly numbers: IdAllocator;
  /** Drivers on the bus (`driver-slots.ts`). */
  readonly drivers: Arena;
  /** Words of the bus itself (`layout.ts`). */
  readonly flags: Int32Array<SharedArrayBuffer>;

  private constructor(parts: Omit<BusMemory, 'handle' | 'nameOf'>) {
    this.settings = parts.settings;
    this.devices = parts.devices;
    this.uuids = parts.uuids;
    this.parents = parts.parents;
    this.names = parts.names;
    this.locks = parts.locks;
    this.events = parts.events;
    this.groups = parts.groups;
    this.numbers = parts.numbers;
    this.drivers = parts.drivers;
    this.flags = parts.flags;
  }

  static create(settings: BusSettings, capacity: BusCapacity): BusMemory {
    const devices = Arena.create({ capacity: capacity.devices, slotWords: DEVICE_WORDS });
    return new BusMemory({
      settings,
      devices,
      uuids: UuidTable.create({ arena: devices, uuidOffset: DEVICE_UUID, nextOffset: DEVICE_NEXT }),
      parents: Arena.create({ capacity: capacity.parents, slotWords: PARENT_WORDS }),
      names: NameTable.create({ capacity: capacity.parents * 2 + 1024 }),
      locks: LockSpace.create({ words: Math.max(capacity.parents * LOCK_WORDS, MIN_LOCK_WORDS) }),
      events: EventLog.create(),
      groups: IdAllocator.create(capacity.devices),
      numbers: IdAllocator.create(capacity.devices),
      drivers: Arena.create({ capacity: MAX_DRIVERS, slotWords: DRIVER_WORDS }),
      flags: new Int32Array(new SharedArrayBuffer(FLAG_WORDS * 4)).fill(1, AUTOPROBE, AUTOPROBE + 1),
    });
  }

  static from(handle: BusHandle): BusMemory {
    const devices = Arena.from(handle.devices);
    return new BusMemory({
      settings: handle.settings,
      devices,
      uuids: UuidTable.from(handle.uuids, devices),
      parents: Arena.from(handle.parents),
      names: NameTable.from(handle.names),
      locks: LockSpace.from(handle.locks),
      events: EventLog.from(handle.events),
      groups: IdAllocator.from(handle.groups),
      numbers: IdAllocator.from(handle.numbers),
      drivers: Arena.from(handle.drivers),
      flags: handle.flags,
    });
  }

  get handle(): BusHandle {
    return {
      settings: this.settings,
      devices: this.devices.handle,
      uuids: this.uuids.handle,
      parents: this.parents.handle,
      names: this.names.handle,
      locks: this.locks.handle,
      events: this.events.handle,
      groups: this.groups.handle,
      numbers: this.numbers.handle,
      drivers: this.drivers.handle,
      flags: this.flags,
    };
  }

  /** An interned name; the empty string for an unknown id. */
  nameOf(id: number): string {
    return this.names.name(id) ?? '';
  }
}
