/**
 * One interrupt line of a platform device while the device is open (spec/vendors/platform-fsl A5): requested but disabled,
 * enabled by binding a counter. The mask is independent of that. Lives on the device's thread; nothing in it waits.
 */
import type { MediatedError } from '@mediated/core';
import type { InterruptCounter } from '../interrupt-counter.js';
import { Virqfd } from '../irqs/virqfd.js';

export class PlatformLine {
  readonly level: boolean;
  /** Why the line could not be had. */
  readonly error: MediatedError | undefined;
  /** Places of the counters by which a program masks and unmasks it. */
  readonly virqfds = { mask: new Virqfd(), unmask: new Virqfd() };
  #counter: InterruptCounter | undefined;
  #masked = false;
  #asserted = false;

  constructor(level: boolean, error: MediatedError | undefined) {
    this.level = level;
    this.error = error;
  }

  get masked(): boolean {
    return this.#masked;
  }

  /** Unbinds: the line is disabled. */
  unbind(): void {
    this.#counter = undefined;
  }

  /** Binds to a counter: the line is enabled. */
  bind(counter: InterruptCounter): void {
    this.#counter = counter;
    this.#deliver(this.#asserted);
  }

  mask(): void {
    this.#masked = true;
  }

  unmask(): void {
    this.#masked = false;
    this.#deliver(this.#asserted);
  }

  /** The line fires once. */
  fire(): void {
    this.#deliver(true);
  }

  /** A level-triggered line is at its level, or not any more. */
  assert(asserted: boolean): void {
    this.#asserted = asserted;
    this.#deliver(asserted);
  }

  /** What runs when the line fires, or a program says that it did. A level-triggered line is masked by it. */
  handle(): void {
    if (this.level) {
      if (this.#masked) return;
      this.#masked = true;
    }
    this.#counter?.signal();
  }

  /** Detaches everything; when it resolves, no counter acts on the line any more. */
  async free(): Promise<void> {
    this.unbind();
    await Promise.all([this.virqfds.mask.disable(), this.virqfds.unmask.disable()]);
  }

  /** Runs the handler for a line that fires while it is enabled; a disabled line loses it. */
  #deliver(fires: boolean): void {
    if (fires && this.#counter !== undefined && !this.#masked) this.handle();
  }
}
