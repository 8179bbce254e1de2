/**
 * What an eventfd is to interrupts: a counter that a driver raises by one per signal and that somebody else reads, on
 * any thread. One shared record of the words of a `Completion`; no owner, every operation is atomic.
 */
import { Completion, type WaitOptions } from '@mediated/core/sync';

export class InterruptCounter {
  readonly buffer: SharedArrayBuffer;
  readonly #completion: Completion;

  private constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.#completion = Completion.at(new Int32Array(buffer), 0, { name: 'interrupt counter' });
  }

  static create(): InterruptCounter {
    return new InterruptCounter(new SharedArrayBuffer(Completion.WORDS * Int32Array.BYTES_PER_ELEMENT));
  }

  /** Opens the counter of another thread, by its `buffer`. */
  static from(buffer: SharedArrayBuffer): InterruptCounter {
    return new InterruptCounter(buffer);
  }

  /** As a file that an ioctl's argument names. */
  get passed(): { readonly kind: 'eventfd'; readonly counter: SharedArrayBuffer } {
    return { kind: 'eventfd', counter: this.buffer };
  }

  /** One signal more. */
  signal(): void {
    this.#completion.complete();
  }

  /** Whether a signal has come that nobody has taken. */
  get signalled(): boolean {
    return this.#completion.done;
  }

  /** Takes all signals that have come: how many, possibly 0. Never waits. */
  take(): number {
    let signals = 0;
    while (this.#completion.tryWait()) signals++;
    return signals;
  }

  /** Awaits at least one signal and takes all that have come. ETIMEDOUT, ECANCELED. */
  async wait(options?: WaitOptions): Promise<number> {
    await this.#completion.wait(options);
    return 1 + this.take();
  }

  /** {@link wait}, blocking. EDEADLK on a thread that must not block. */
  waitSync(options?: WaitOptions): number {
    this.#completion.waitSync(options);
    return 1 + this.take();
  }
}
