/**
 * Work that is put off: what interrupts leave to do. One queue per thread for all its subchannels, one work at a time in
 * the order of queueing (ccw section 7). Called by privates; a work that waits for a device's io mutex holds up the
 * others, as it does in a kernel, so whoever flushes must not hold one.
 */

export class Works {
  #tail: Promise<void> = Promise.resolve();

  /** Makes a work of a function; it does not run before it is queued. */
  work(run: () => void | Promise<void>): Work {
    return new Work(run, (turn) => {
      this.#tail = this.#tail.then(turn);
    });
  }

  /** Resolves when all that is queued now has been done. */
  flush(): Promise<void> {
    return this.#tail;
  }
}

export class Work {
  readonly #run: () => void | Promise<void>;
  readonly #append: (turn: () => Promise<void>) => void;
  #queued = false;
  #running: Promise<void> | undefined;

  constructor(run: () => void | Promise<void>, append: (turn: () => Promise<void>) => void) {
    this.#run = run;
    this.#append = append;
  }

  /** Does nothing when it is queued and has not begun. */
  queue(): void {
    if (this.#queued) return;
    this.#queued = true;
    this.#append(() => this.#turn());
  }

  /** Takes it out of the queue, or waits for its end when it has begun. */
  async cancel(): Promise<void> {
    this.#queued = false;
    await this.#running;
  }

  async #turn(): Promise<void> {
    // Called off meanwhile, or queued twice around a cancel and done by the earlier turn.
    if (!this.#queued) return;
    this.#queued = false;
    this.#running = (async () => this.#run())().catch((error: Error) => process.emitWarning(error));
    await this.#running;
    this.#running = undefined;
  }
}
