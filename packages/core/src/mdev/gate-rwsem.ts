/**
 * The rwsem gate (as merged, 5715c4dd): operations try to read, unregistering writes. A waiting writer already refuses
 * readers, so nobody starves; the semaphore is free again when unregistration ends.
 */
import type { LockHandle, LockGuard } from '../sync/lock.js';
import { RwSemaphore } from '../sync/rw-semaphore.js';
import type { Gate } from './gate.js';

export class RwsemGate implements Gate {
  readonly refusedCreate = 'ENODEV';
  readonly #semaphore: RwSemaphore;
  #writing: LockGuard | undefined;

  constructor(locks: readonly LockHandle[]) {
    this.#semaphore = RwSemaphore.from(locks[0] as LockHandle<'rwSemaphore'>);
  }

  tryEnter(): number {
    return this.#semaphore.tryRead() ? 0 : -1;
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
