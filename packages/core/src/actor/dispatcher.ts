/**
 * The actors of one thread by number, and how a message reaches a handler. Private to that thread.
 */
import { MediatedError } from '../errors.js';
import type { PlannedMessage } from './protocol.js';

/** A handler as the dispatcher calls it. */
export type Handler = (...args: unknown[]) => unknown;

/** A running actor. */
export interface ActorCell {
  readonly id: number;
  readonly name: string;
  readonly messages: readonly PlannedMessage[];
  /** Handlers in the order of `messages`. */
  readonly handlers: readonly Handler[];
}

export class Dispatcher {
  readonly #cells: (ActorCell | undefined)[] = [];
  /** Actors that a restarted thread has yet to start again. */
  readonly #expected: Set<number>;
  #sender = -1;

  constructor(expected: readonly number[]) {
    this.#expected = new Set(expected);
  }

  /** The thread whose message is being handled, valid until the handler's first await. */
  get sender(): number {
    return this.#sender;
  }

  add(cell: ActorCell): void {
    this.#cells[cell.id] = cell;
    this.#expected.delete(cell.id);
  }

  delete(id: number): void {
    this.#cells[id] = undefined;
  }

  find(id: number): ActorCell | undefined {
    return this.#cells[id];
  }

  /** Marks who sent the message that is about to be handled. */
  enter(sender: number): void {
    this.#sender = sender;
  }

  /** Calls a handler with arguments that did not come through a slot (an actor of the same thread asks). */
  call(actor: number, message: PlannedMessage, args: readonly unknown[], self: number): unknown {
    const cell = this.#cells[actor];
    if (cell === undefined) throw this.missing(actor, message.name);
    const before = this.#sender;
    this.#sender = self;
    try {
      return cell.handlers[message.index](...args);
    } finally {
      this.#sender = before;
    }
  }

  /** The answer to a message for an actor that is not here: ESHUTDOWN, or EIO while a restarted thread starts it again. */
  missing(actor: number, name: string): MediatedError {
    return this.#expected.has(actor)
      ? new MediatedError('EIO', `${name}: the thread died and actor ${actor} is being started again`, {
          syscall: name,
        })
      : new MediatedError('ESHUTDOWN', `${name}: actor ${actor} has stopped`, { syscall: name });
  }
}

/** Numbers, the usual replies, are told apart without a property look-up. */
export function isThenable(result: unknown): result is PromiseLike<unknown> {
  return typeof result === 'object' && result !== null && typeof (result as { then?: unknown }).then === 'function';
}
