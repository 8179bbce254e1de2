/**
 * The clock of an explored thread. It stands still but for a microsecond per reading, so that loops over it end, and jumps
 * to the end of the sleep or timer whose time has come. Its two numbers lie in shared memory, where the scheduler sees
 * whose rest is the shortest; written by the thread, with the token.
 */
import { type ControlMemory, deadlineOf } from './control-memory.js';

const MICROSECOND = 0.001;

/** Times are milliseconds since the execution began. */
export class VirtualClock {
  readonly #clocks: Float64Array;
  readonly #thread: number;

  constructor({ clocks }: ControlMemory, thread: number) {
    this.#clocks = clocks;
    this.#thread = thread;
  }

  /** What the code under test reads: takes a microsecond. */
  now(): number {
    this.#clocks[this.#thread] += MICROSECOND;
    return this.#clocks[this.#thread];
  }

  /** When something ends that lasts so long, from now. */
  after(milliseconds: number): number {
    return this.#clocks[this.#thread] + milliseconds;
  }

  /** What the thread rests for ends then. */
  setDeadline(deadline: number): void {
    this.#clocks[deadlineOf(this.#thread)] = deadline;
  }

  /** Jumps to the deadline. */
  pass(): void {
    const deadline = this.#clocks[deadlineOf(this.#thread)];
    if (deadline > this.#clocks[this.#thread]) this.#clocks[this.#thread] = deadline;
  }
}
