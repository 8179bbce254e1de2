/**
 * One interrupt of a device: the counter that it is bound to, and its mask. Made by drivers or by `device-interrupts.ts`;
 * raised by the driver. Lives on the device's thread; nothing in it waits.
 */

/** What a line signals: an `InterruptCounter`. */
export interface Signalled {
  signal(): void;
}

/** How a line behaves. */
export interface LineBehavior {
  /** A signal masks the line, until it is unmasked: what a level-triggered interrupt needs. Default: false. */
  readonly automasked?: boolean;
  /** What is raised while the line is masked is signalled once, when it is unmasked. Default: it is lost. */
  readonly keepsPending?: boolean;
}

/** An interrupt line. */
export class InterruptLine {
  readonly #behavior: LineBehavior;
  #counter: Signalled | undefined;
  #masked = false;
  #pending = false;

  constructor(behavior: LineBehavior = {}) {
    this.#behavior = behavior;
  }

  /** True while there is a counter to signal. */
  get bound(): boolean {
    return this.#counter !== undefined;
  }

  get masked(): boolean {
    return this.#masked;
  }

  /** Signals go to this counter from now on; undefined: nowhere. The mask stays. */
  bind(counter: Signalled | undefined): void {
    this.#counter = counter;
  }

  /** The interrupt happens: signals the counter, if any, unless the line is masked. */
  raise(): void {
    if (this.#masked) {
      this.#pending = this.#behavior.keepsPending === true;
      return;
    }
    if (this.#counter === undefined) return;
    if (this.#behavior.automasked === true) this.#masked = true;
    this.#counter.signal();
  }

  mask(): void {
    this.#masked = true;
  }

  unmask(): void {
    this.#masked = false;
    if (!this.#pending) return;
    this.#pending = false;
    this.raise();
  }

  /** As when it was new: unbound, unmasked, nothing pending. */
  reset(): void {
    this.#counter = undefined;
    this.#masked = false;
    this.#pending = false;
  }
}
