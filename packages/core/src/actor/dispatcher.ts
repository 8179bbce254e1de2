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
  #sender = -1;

  /** The thread whose message is being handled, valid until the handler's first await. */
  get sender(): number {
    return this.#sender;
  }

  add(cell: ActorCell): void {
    this.#cells[cell.id] = cell;
  }

  delete(id: number): void {
    this.#cells[id] = undefined;
  }

  find(id: number): ActorCell | undefined {
    return this.#cells[id];
  }

  get cells(): ActorCell[] {
    return this.#cells.filter((cell) => cell !== undefined);
  }

  /** Marks who sent the message that is about to be handled. */
  enter(sender: number): void {
    this.#sender = sender;
  }

  /** Calls a handler with arguments that did not come through a slot (an actor of the same thread asks). */
  call(actor: number, message: PlannedMessage, args: readonly unknown[], self: number): unknown {
    const cell = this.#cells[actor];
    if (cell === undefined) throw noSuchActor(actor, message.name);
    const before = this.#sender;
    this.#sender = self;
    try {
      return cell.handlers[message.index](...args);
    } finally {
      this.#sender = before;
    }
  }
}

/** The answer to a message for an actor that has stopped. */
export function noSuchActor(actor: number, name: string): MediatedError {
  return new MediatedError('ESRCH', `${name}: actor ${actor} has stopped`, { syscall: name });
}
