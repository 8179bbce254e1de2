/**
 * The migration state of one device and the way through its states (spec/vfio-core section 12). Made by a driver for each
 * device, called from its `migration` operations and its reset; lives on the device's thread. Requests run one at a time,
 * in the order in which they came; a driver whose steps are synchronous is never waited for.
 */
import { isThenable, MediatedError } from '@mediated/core';
import type { AnonymousFile } from '../anonymous-file.js';
import { MIGRATION_STATES, type MigrationState } from '../uapi/migration.js';
import { nextHop } from './next-hop.js';

/** A step of a driver's: what it opens for the program, if it opens something. */
type Opened = AnonymousFile | undefined;

/** The driver's part. */
export interface MigrationSteps {
  /**
   * Takes one step, one of `migrationArcs(flags)`; returns the data file if the step opens one. When it throws, the device
   * stays in `from`, or is in ERROR if the machine's `fail` was called.
   */
  step(from: MigrationState, to: MigrationState): Opened | Promise<Opened>;
  /** All data files end: what a program still has open of them fails from now on. Nothing may be open at all. */
  endSessions(): void;
}

/** Migration state of a device. */
export class MigrationMachine {
  readonly flags: number;
  readonly #steps: MigrationSteps;
  #state: MigrationState = MIGRATION_STATES.running;
  /** The last of the requests that wait or run; undefined: none. */
  #last: Promise<unknown> | undefined;
  #resetDue = false;

  /** `flags`: `MIGRATION_FLAGS`. */
  constructor(flags: number, steps: MigrationSteps) {
    this.flags = flags;
    this.#steps = steps;
  }

  get state(): MigrationState {
    return this.#state;
  }

  /**
   * Goes to a state hop by hop; returns the data file that the last hop has opened.
   * Errors: EINVAL (no such state, no way, or a step before the last opened a file), and what a step throws. Then the
   * device is where the last step that succeeded has brought it.
   */
  setState(target: number): Opened | Promise<Opened> {
    const result = this.#last === undefined ? this.#walk(target) : this.#last.then(() => this.#walk(target));
    if (!isThenable(result)) return result as Opened;
    const settled: Promise<unknown> = (result as Promise<Opened>)
      .then(
        () => {},
        () => {},
      )
      .then(() => {
        if (this.#last === settled) this.#last = undefined;
        if (this.#resetDue) this.#reset();
      });
    this.#last = settled;
    return result as Promise<Opened>;
  }

  /** Back to RUNNING, also from ERROR, without data files. While a request runs: at its end. Never waits. */
  reset(): void {
    if (this.#last === undefined) this.#reset();
    else this.#resetDue = true;
  }

  /** The device is in ERROR, which only `reset` leaves. For steps that cannot go back. */
  fail(): void {
    this.#state = MIGRATION_STATES.error;
    this.#steps.endSessions();
  }

  #reset(): void {
    this.#resetDue = false;
    this.#state = MIGRATION_STATES.running;
    this.#steps.endSessions();
  }

  #walk(target: number): Opened | Promise<Opened> {
    let opened: Opened;
    do {
      const from = this.#state;
      const to = nextHop(this.flags, from, target);
      if (to === from) return undefined;
      const result = this.#steps.step(from, to);
      if (isThenable(result)) {
        return (result as Promise<Opened>).then((file) => {
          this.#arrive(to, target, file);
          return to === target ? file : this.#walk(target);
        });
      }
      opened = result as Opened;
      this.#arrive(to, target, opened);
    } while (this.#state !== target);
    return opened;
  }

  /** Only the last step may open a file. */
  #arrive(at: MigrationState, target: number, opened: Opened): void {
    this.#state = at;
    if (at === target || opened === undefined) return;
    opened.release?.();
    throw new MediatedError('EINVAL', `${opened.name} was opened on the way to state ${target}`, { syscall: 'ioctl' });
  }
}
