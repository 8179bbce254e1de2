/**
 * The gate of a parent: what stands between create/remove on the one side and unregistration on the other.
 * Three strategies behind one interface (spec/mdev-core section 15). Every shard of the parent enters through its own
 * object over the same shared lock; one shard at a time closes it. What would do harm when done twice, the supervising
 * thread does (`withdraw`): it outlives every shard, which may die in the middle of closing and be followed by another.
 */
import type { ErrnoName } from '../errno.js';
import type { LockHandle } from '../sync/lock.js';
import type { LockSpace } from '../sync/lock-space.js';
import { RefCountGate } from './gate-refcount.js';
import { RwsemGate } from './gate-rwsem.js';
import { SrcuGate } from './gate-srcu.js';

/** `rwsem` as merged, `refcount` as in the second posting, `srcu` as in the first. */
export type GateKind = 'rwsem' | 'refcount' | 'srcu';

/** Structured-cloneable access to a gate. */
export interface GateHandle {
  readonly kind: GateKind;
  readonly locks: readonly LockHandle[];
}

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
  switch (kind) {
    case 'rwsem':
      return { kind, locks: [space.rwSemaphore(`gate of ${parent}`).handle] };
    case 'refcount':
      return { kind, locks: [space.refCount(1, `gate of ${parent}`, { tracked: true }).handle] };
    case 'srcu':
      return { kind, locks: [space.srcu(`gate of ${parent}`).handle, space.completion(`gate of ${parent}`).handle] };
  }
}

/** A thread's view of a gate. */
export function openGate(handle: GateHandle): Gate {
  switch (handle.kind) {
    case 'rwsem':
      return new RwsemGate(handle.locks);
    case 'refcount':
      return new RefCountGate(handle.locks);
    case 'srcu':
      return new SrcuGate(handle.locks);
  }
}
