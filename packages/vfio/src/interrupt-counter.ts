/**
 * What an eventfd is to interrupts: a counter that a driver raises by one per signal and that somebody else reads, on
 * any thread. One shared record: the words of a `Completion`, without owner, every operation on them atomic; and behind
 * them the number of an eventfd of this process, which whoever has made the counter writes, and anybody reads.
 */
import { writeSync } from 'node:fs';
import { Completion, type WaitOptions } from '@mediated/core/sync';

/** The word behind the completion: an eventfd's number and one, 0: none. */
const DESCRIPTOR = Completion.WORDS;
const BYTES = (Completion.WORDS + 1) * Int32Array.BYTES_PER_ELEMENT;
const ONE = new Uint8Array(BigUint64Array.of(1n).buffer);

export class InterruptCounter {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #completion: Completion;

  private constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer);
    this.#completion = Completion.at(this.#words, 0, { name: 'interrupt counter' });
  }

  static create(): InterruptCounter {
    return new InterruptCounter(new SharedArrayBuffer(BYTES));
  }

  /**
   * A counter whose signals go to an eventfd of this process, whichever thread signals, and are not counted here. The
   * eventfd does not block, and is open until `detach`.
   */
  static ofDescriptor(number: number): InterruptCounter {
    const counter = InterruptCounter.create();
    Atomics.store(counter.#words, DESCRIPTOR, number + 1);
    return counter;
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
    const descriptor = Atomics.load(this.#words, DESCRIPTOR) - 1;
    if (descriptor < 0) this.#completion.complete();
    else signalDescriptor(descriptor);
  }

  /** Signals do not go to the eventfd any more. Call it when no driver has the counter, before the eventfd is closed. */
  detach(): void {
    Atomics.store(this.#words, DESCRIPTOR, 0);
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

/** A counter that is full stays so, as in the kernel: nobody has taken what came before. */
function signalDescriptor(number: number): void {
  try {
    writeSync(number, ONE);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
  }
}
