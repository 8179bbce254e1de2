/**
 * A reference to an actor, from any thread of the system. Immutable; `handle` can be posted to another thread and
 * made a reference again there with `client.ref(handle, protocol)`.
 */
import { assertMayBlock } from '../sync/blocking.js';
import type { Endpoint } from './endpoint.js';
import type { AskOptions } from './pending.js';
import type { ArgsOf, AskNames, MessageMap, Protocol, ReplyOf, TellNames } from './protocol.js';

/** The structured-cloneable form of a reference. */
export interface ActorHandle {
  readonly thread: number;
  readonly actor: number;
}

export class ActorRef<M extends MessageMap> {
  readonly handle: ActorHandle;
  readonly #endpoint: Endpoint;
  readonly #protocol: Protocol<M>;
  readonly #options: AskOptions | undefined;

  constructor(endpoint: Endpoint, handle: ActorHandle, protocol: Protocol<M>, options?: AskOptions) {
    this.handle = handle;
    this.#endpoint = endpoint;
    this.#protocol = protocol;
    this.#options = options;
  }

  /** The same actor; its asks have a time-out and/or an AbortSignal. */
  with(options: AskOptions): ActorRef<M> {
    return new ActorRef(this.#endpoint, this.handle, this.#protocol, { ...this.#options, ...options });
  }

  /**
   * Sends a message and promises the reply. Rejects with what the handler threw, or with a `MediatedError`:
   * EIO (thread ended), ESHUTDOWN (actor stopped), ETIMEDOUT, ECANCELED (aborted, or this thread left the system), EAGAIN
   * (too many unanswered asks). Between actors of one thread this is a function call: arguments are not copied.
   */
  ask<K extends AskNames<M>>(name: K, ...args: ArgsOf<M, K>): Promise<ReplyOf<M, K>> {
    const { thread, actor } = this.handle;
    return this.#endpoint.ask(thread, actor, this.#protocol.byName[name], args, this.#options) as Promise<
      ReplyOf<M, K>
    >;
  }

  /**
   * Like {@link ask}, but blocks the calling thread, as a system call does.
   * Only on threads that host no actor and not on the main thread (EDEADLK).
   */
  askSync<K extends AskNames<M>>(name: K, ...args: ArgsOf<M, K>): ReplyOf<M, K> {
    assertMayBlock('askSync', 'ask');
    const { thread, actor } = this.handle;
    const message = this.#protocol.byName[name];
    return this.#endpoint.askSync(thread, actor, message, args, this.#options) as ReplyOf<M, K>;
  }

  /**
   * Sends a message without a reply. Returns false when the target's inbox is full: then nothing was sent.
   * What its handler throws is published on `mediated:tell:failed`. Throws EIO when the target's thread has ended.
   */
  tell<K extends TellNames<M>>(name: K, ...args: ArgsOf<M, K>): boolean {
    const { thread, actor } = this.handle;
    return this.#endpoint.tell(thread, actor, this.#protocol.byName[name], args);
  }
}
