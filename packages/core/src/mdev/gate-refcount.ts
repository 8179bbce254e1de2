/**
 * The refcount gate (second posting, patch 10): a count that starts at one; entering is increment-unless-zero,
 * unregistering drops the first reference and waits for zero. Newcomers are admitted as long as anybody is inside,
 * so overlapping operations starve the unregistration. Closed for ever afterwards. The count is a tracked one: the
 * references of a thread that dies inside are dropped.
 */
import type { LockHandle } from '../sync/lock.js';
import { RefCount } from '../sync/ref-count.js';
import type { Gate, GateHandle } from './gate.js';

export class RefCountGate implements Gate {
  readonly refusedCreate = 'EINVAL';
  readonly #count: RefCount;
  readonly #refusals: GateHandle['refusals'];

  constructor({ locks, refusals }: GateHandle) {
    this.#refusals = refusals;
    this.#count = RefCount.from(locks[0] as LockHandle<'trackedRefCount'>);
  }

  tryEnter(): number {
    if (this.#count.tryGet()) return 0;
    Atomics.add(this.#refusals, 0, 1);
    return -1;
  }

  exit(_token: number): void {
    this.#count.put();
  }

  withdraw(): void {
    this.#count.put();
  }

  closeAndDrain(): Promise<void> {
    return this.#count.zero();
  }

  finish(): void {}
}
