/**
 * Messages between actors of one thread: function calls, without slots, copies or turns of the event loop.
 * Private to one endpoint. An ask calls the handler at once; a tell calls it at the next microtask, or before the next
 * local ask, so that messages are handled in the order in which they were sent.
 */
import { tellFailed } from './channels.js';
import { type Dispatcher, isThenable } from './dispatcher.js';
import type { InFlight } from './in-flight.js';
import { abortedAsk, type AskOptions, PendingAsk } from './pending.js';
import type { PlannedMessage } from './protocol.js';
import { Queue } from './queue.js';

/** Most tells of one thread to itself that wait. */
const MAX_WAITING_TELLS = 65_536;

interface WaitingTell {
  readonly actor: number;
  readonly message: PlannedMessage;
  readonly args: readonly unknown[];
}

export class LocalCalls {
  readonly #thread: number;
  readonly #dispatcher: Dispatcher;
  readonly #inFlight: InFlight;
  readonly #tells = new Queue<WaitingTell>();
  #scheduled = false;

  constructor(thread: number, dispatcher: Dispatcher, inFlight: InFlight) {
    this.#thread = thread;
    this.#dispatcher = dispatcher;
    this.#inFlight = inFlight;
  }

  /** Calls the handler of an ask. Never throws. */
  ask(
    actor: number,
    message: PlannedMessage,
    args: readonly unknown[],
    options: AskOptions | undefined,
  ): Promise<unknown> {
    if (options?.signal?.aborted) return Promise.reject(abortedAsk(message.name, options.signal));
    if (this.#tells.length !== 0) this.#runTells();
    let result: unknown;
    try {
      result = this.#call(actor, message, args);
      if (!isThenable(result)) return Promise.resolve(result);
    } catch (error) {
      return Promise.reject(error);
    }
    const reply = this.#watch(result);
    if (options === undefined) return reply;
    return new Promise((resolve, reject) => {
      const entry = new PendingAsk(this.#thread, actor, message);
      entry.resolve = resolve;
      entry.reject = reject;
      entry.guard(options);
      reply.then(
        (value) => entry.succeed(value),
        (error) => entry.fail(error),
      );
    });
  }

  /** Sends a tell. Returns false when too many wait. */
  tell(actor: number, message: PlannedMessage, args: readonly unknown[]): boolean {
    if (this.#tells.length >= MAX_WAITING_TELLS) return false;
    this.#tells.push({ actor, message, args });
    if (!this.#scheduled) {
      this.#scheduled = true;
      queueMicrotask(() => {
        this.#scheduled = false;
        this.#runTells();
      });
    }
    return true;
  }

  #runTells(): void {
    for (let next = this.#tells.shift(); next !== undefined; next = this.#tells.shift()) {
      const { actor, message, args } = next;
      const failed = (error: unknown) =>
        tellFailed.publish({ thread: this.#thread, sender: this.#thread, actor, message: message.name, error });
      if (this.#dispatcher.find(actor) === undefined) continue;
      try {
        const result = this.#call(actor, message, args);
        if (isThenable(result)) this.#watch(result).catch(failed);
      } catch (error) {
        failed(error);
      }
    }
  }

  #call(actor: number, message: PlannedMessage, args: readonly unknown[]): unknown {
    return this.#dispatcher.call(actor, message, args, this.#thread);
  }

  /** Counts an asynchronous handler until it has finished. */
  #watch(result: PromiseLike<unknown>): Promise<unknown> {
    const reply = Promise.resolve(result);
    this.#inFlight.began();
    const finished = () => this.#inFlight.finished();
    reply.then(finished, finished);
    return reply;
  }
}
