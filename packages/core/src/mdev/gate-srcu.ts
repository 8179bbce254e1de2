/**
 * The srcu gate (first posting, patch 7): operations run in a read section and look at a published word; unregistering
 * withdraws the word and waits for a grace period. Newcomers are refused at once. Closed for ever afterwards.
 */
import { Completion } from '../sync/completion.js';
import type { LockHandle } from '../sync/lock.js';
import { Srcu } from '../sync/srcu.js';
import type { Gate, GateHandle } from './gate.js';

export class SrcuGate implements Gate {
  readonly refusedCreate = 'ENODEV';
  readonly #srcu: Srcu;
  /** Done = the parent's self pointer is withdrawn. */
  readonly #withdrawn: Completion;
  readonly #refusals: GateHandle['refusals'];

  constructor({ locks, refusals }: GateHandle) {
    this.#refusals = refusals;
    this.#srcu = Srcu.from(locks[0] as LockHandle<'srcu'>);
    this.#withdrawn = Completion.from(locks[1] as LockHandle<'completion'>);
  }

  tryEnter(): number {
    const bank = this.#srcu.readLock();
    if (!this.#withdrawn.done) return bank;
    this.#srcu.readUnlock(bank);
    Atomics.add(this.#refusals, 0, 1);
    return -1;
  }

  exit(token: number): void {
    this.#srcu.readUnlock(token);
  }

  withdraw(): void {
    this.#withdrawn.completeAll();
  }

  async closeAndDrain(): Promise<void> {
    await this.#srcu.synchronize();
  }

  finish(): void {}
}
