/**
 * The gate of a parent: what stands between create/remove on the one side and unregistration on the other.
 * Three strategies behind one interface (spec/mdev-core section 15). Every shard of the parent enters through its own
 * object over the same shared lock; one shard at a time closes it. What would do harm when done twice, the supervising
 * thread does (`withdraw`): it outlives every shard, which may die in the middle of closing and be followed by another.
 */
import type { ErrnoName } from '../errno.js';
import type { LockHandle } from '../sync/lock.js';
import type { LockSpace } from '../sync/lock-space.js';
import { RefCount } from '../sync/ref-count.js';
import { RwSemaphore } from '../sync/rw-semaphore.js';
import { Srcu } from '../sync/srcu.js';
import { RefCountGate } from './gate-refcount.js';
import { RwsemGate } from './gate-rwsem.js';
import { SrcuGate } from './gate-srcu.js';
import type { LockStatistics } from './lock-statistics.js';

/** `rwsem` as merged, `refcount` as in the second posting, `srcu` as in the first. */
export type GateKind = 'rwsem' | 'refcount' | 'srcu';

/** Structured-cloneable access to a gate. */
export interface GateHandle {
  readonly kind: GateKind;
  readonly locks: readonly LockHandle[];
  /** One word: refused tries. Any thread, by add. */
  readonly refusals: Int32Array<SharedArrayBuffer>;
}

/** Class of all gates to the order checker. */
export const GATE_LOCK = 'gate';

export interface Gate {
  /** Errno of a create that was refused; a refused remove is always ENODEV. */
  readonly refusedCreate: ErrnoName;
  /** Enters without ever waiting; returns a token for {@link exit}, or -1 when refused. */
  tryEnter(): number;
  exit(token: number): void;
  /** Gives the parent's own hold up. Before the first {@link closeAndDrain}, by the supervising thread, once. */
  withdraw(): void;
  /** Refuses newcomers (in the strategy's own way) and resolves when all who had entered are out. */
  closeAndDrain(): Promise<void>;
  /** Ends the closing. The rwsem is then open again, the others stay closed. */
  finish(): void;
}

/** Makes the shared part of a gate. */
export function createGate(kind: GateKind, space: LockSpace, parent: string): GateHandle {
  const name = `${GATE_LOCK}: ${parent}`;
  const refusals = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  switch (kind) {
    case 'rwsem':
      return { kind, refusals, locks: [space.rwSemaphore(name).handle] };
    case 'refcount':
      return { kind, refusals, locks: [space.refCount(1, name, { tracked: true }).handle] };
    case 'srcu':
      return { kind, refusals, locks: [space.srcu(name).handle, space.completion(name).handle] };
  }
}

/** A thread's view of a gate. */
export function openGate(handle: GateHandle): Gate {
  switch (handle.kind) {
    case 'rwsem':
      return new RwsemGate(handle);
    case 'refcount':
      return new RefCountGate(handle);
    case 'srcu':
      return new SrcuGate(handle);
  }
}

/** What a gate has counted: `acquisitions` are closings of an rwsem, grace periods of an srcu; refused tries contended. */
export function gateStatistics({ locks: [lock], refusals }: GateHandle): LockStatistics {
  const stats = openLock(lock).stats();
  const contended = stats.contended + Atomics.load(refusals, 0);
  return { name: lock.name ?? GATE_LOCK, kind: lock.kind, stats: { ...stats, contended } };
}

function openLock(lock: LockHandle): RwSemaphore | RefCount | Srcu {
  switch (lock.kind) {
    case 'rwSemaphore':
      return RwSemaphore.from(lock as LockHandle<'rwSemaphore'>);
    case 'srcu':
      return Srcu.from(lock as LockHandle<'srcu'>);
    default:
      return RefCount.from(lock as LockHandle<'trackedRefCount'>);
  }
}
