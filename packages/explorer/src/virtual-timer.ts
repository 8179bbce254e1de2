/** A timer as the code under test sees it: what `setTimeout` and `setInterval` give in an explored thread. */

/** Who keeps the timers of the thread: `tasks.ts`. */
export interface TimerOwner {
  arm(timer: VirtualTimer): void;
  clear(timer: VirtualTimer): void;
}

/** Private to its thread. */
export class VirtualTimer {
  /** By the thread's clock, in milliseconds. */
  due = 0;
  #referenced = true;

  constructor(
    readonly owner: TimerOwner,
    readonly run: () => void,
    readonly delay: number,
    readonly repeats: boolean,
  ) {}

  ref(): this {
    this.#referenced = true;
    return this;
  }

  unref(): this {
    this.#referenced = false;
    return this;
  }

  hasRef(): boolean {
    return this.#referenced;
  }

  refresh(): this {
    this.owner.arm(this);
    return this;
  }

  close(): this {
    this.owner.clear(this);
    return this;
  }

  [Symbol.dispose](): void {
    this.owner.clear(this);
  }
}
