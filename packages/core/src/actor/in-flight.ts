/** Counts the handlers of a thread that have been called and not finished. Private to one endpoint. */
export class InFlight {
  #count = 0;
  #listeners: (() => void)[] = [];

  began(): void {
    this.#count++;
  }

  finished(): void {
    if (--this.#count !== 0) return;
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const done of listeners) done();
  }

  /** Calls `done` once nothing is being handled. */
  whenNone(done: () => void): void {
    if (this.#count === 0) done();
    else this.#listeners.push(done);
  }
}
