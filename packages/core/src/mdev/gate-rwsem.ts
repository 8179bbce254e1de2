/**
 * The rwsem gate (as merged, 5715c4dd): operations try to read, unregistering writes. A waiting writer already refuses
 * readers, so nobody starves; the semaphore is free again when unregistration ends.
 */
import type { LockHandle, LockGuard } from '../sync/lock.js';
import { RwSemaphore } from '../sync/rw-semaphore.js';
import type { Gate, GateHandle } from './gate.js';

export class RwsemGate implements Gate {
  readonly refusedCreate = 'ENODEV';
  readonly #semaphore: RwSemaphore;
  readonly #refusals: GateHandle['refusals'];
  #writing: LockGuard | undefined;

  constructor({ locks, refusals }: GateHandle) {
    this.#refusals = refusals;
    this.#semaphore = RwSemaphore.from(locks[0] as LockHandle<'rwSemaphore'>);
  }

  tryEnter(): number {
    if (this.#semaphore.tryRead()) return 0;
    Atomics.add(this.#refusals, 0, 1);
    return -1;
  }

  exit(_token: number): void {
    this.#semaphore.unlockRead();
  }

  withdraw(): void {}

  async closeAndDrain(): Promise<void> {
    this.#writing = await this.#semaphore.write();
  }

  finish(): void {
    this.#writing?.release();
    this.#writing = undefined;
  }
}
