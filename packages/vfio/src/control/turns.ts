/**
 * One thing after the other, as under a kernel lock that may be slept under: steps of one object that wait for other
 * threads. Thread-private. A step that finds nobody inside is a plain call.
 */
export class Turns {
  #last: Promise<unknown> | undefined;

  /** Runs `step` when all before it are through. What it throws is its caller's only. */
  take<T>(step: () => T | Promise<T>): T | Promise<T> {
    const before = this.#last;
    const result = before === undefined ? step() : before.then(step);
    if (!(result instanceof Promise)) return result;
    const through: Promise<void> = result.then(
      () => this.#leave(through),
      () => this.#leave(through),
    );
    this.#last = through;
    return result;
  }

  #leave(through: Promise<unknown>): void {
    if (this.#last === through) this.#last = undefined;
  }
}
