/**
 * A counter that a program signals and a driver acts on: the way from a program to a device without a call
 * (spec/vfio-core section 17; eventfds of MASK and UNMASK, ioeventfds). Made by drivers or by `device-interrupts.ts`; lives
 * on the device's thread, which awaits the counter: nothing else may take its signals. A program that closes its counter
 * merely stops signalling; the place is emptied by `disable`.
 */
import { isMediatedError, MediatedError } from '@mediated/core';
import type { InterruptCounter } from '../interrupt-counter.js';

/** What happens when signals have come, however many: at least one of the first two is there. */
export interface VirqfdCallbacks {
  /** Called at once. Returns whether `thread` is to be called too. */
  handler?(): boolean;
  /** Called on its own turn of the event loop, once for all signals until then; when there is no `handler`, always. */
  thread?(): void | Promise<void>;
  /** A callback has thrown. */
  failed(error: unknown): void;
}

/** A place for one such counter. */
export class Virqfd {
  #listening: { readonly stop: AbortController; readonly ended: Promise<void> } | undefined;
  /** `thread` is due: queued and not begun. */
  #due = false;
  #work: Promise<void> = Promise.resolve();

  /** True from `enable` to `disable`. */
  get enabled(): boolean {
    return this.#listening !== undefined;
  }

  /**
   * Calls back from now on; at once if the counter has been signalled already. Errors: EBUSY (the place is taken).
   */
  enable(counter: InterruptCounter, callbacks: VirqfdCallbacks): void {
    if (this.enabled) throw new MediatedError('EBUSY', 'another counter is there already', { syscall: 'ioctl' });
    const stop = new AbortController();
    if (counter.take() > 0) this.#fire(callbacks);
    this.#listening = { stop, ended: this.#listen(counter, callbacks, stop.signal) };
  }

  /** Empties the place. When it resolves, no callback runs any more; also when the place was empty. */
  async disable(): Promise<void> {
    const listening = this.#listening;
    this.#listening = undefined;
    listening?.stop.abort();
    await listening?.ended;
    await this.flush();
  }

  /** Waits until a `thread` callback that is due has ended. */
  flush(): Promise<void> {
    return this.#work;
  }

  async #listen(counter: InterruptCounter, callbacks: VirqfdCallbacks, signal: AbortSignal): Promise<void> {
    for (;;) {
      let signals: number;
      try {
        signals = await counter.wait({ signal });
      } catch (error) {
        if (!isMediatedError(error, 'ECANCELED')) callbacks.failed(error);
        return;
      }
      // Taken in the moment in which it was disabled: as if they had come later.
      if (signal.aborted) {
        while (signals-- > 0) counter.signal();
        return;
      }
      this.#fire(callbacks);
    }
  }

  #fire(callbacks: VirqfdCallbacks): void {
    try {
      if (callbacks.handler?.() === false) return;
    } catch (error) {
      callbacks.failed(error);
      return;
    }
    if (callbacks.thread === undefined || this.#due) return;
    this.#due = true;
    this.#work = this.#work
      .then(() => {
        this.#due = false;
        return callbacks.thread?.();
      })
      .catch((error: unknown) => callbacks.failed(error));
  }
}
