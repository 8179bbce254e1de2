/**
 * What an actor is: a protocol and a function that starts it on its thread. State lives in the closure of `start`
 * and needs no lock; other threads reach it through its `ActorRef` only.
 */
import { lockDebug, lockTask } from '../sync/lockdep.js';
import type { ActorCell, Handler } from './dispatcher.js';
import type { Endpoint } from './endpoint.js';
import type { ArgsOf, MessageMap, Protocol, ReplyOf } from './protocol.js';

/** One handler per message. A handler may be synchronous (fastest) or return a promise. */
export type Handlers<M extends MessageMap> = {
  readonly [K in keyof M]: (...args: ArgsOf<M, K>) => ReplyOf<M, K> | Promise<ReplyOf<M, K>>;
};

/** What `start` gives back: the handlers and, if there is something to clean up, `stop`. */
export interface StartedActor<M extends MessageMap> {
  readonly handlers: Handlers<M>;
  /** Runs once, when the actor or its thread is stopped gracefully; not when the thread dies. */
  stop?(): void | Promise<void>;
}

/** What an actor knows about where it runs. */
export interface ActorContext {
  readonly id: number;
  readonly name: string;
  /** The actor's own thread. */
  readonly thread: number;
  /** The thread whose message is being handled; valid until the handler's first await. */
  readonly sender: number;
  /** Calls `listener` when another thread of the system has died or left. Returns how to stop watching. */
  watch(listener: (thread: number) => void): () => void;
  /** The thread's end of the system, for asking other actors. */
  readonly endpoint: Endpoint;
}

/** A kind of actor. Declare it as an exported constant, so that the target thread can load it by module and name. */
export interface ActorDefinition<M extends MessageMap, Options> {
  /** `import.meta.url` of the module that exports it. */
  readonly module: string;
  /** Name under which the module exports it. */
  readonly name: string;
  readonly protocol: Protocol<M>;
  /**
   * Handle one message at a time, awaits included. Default false: handlers interleave where they await, as a kernel
   * driver's callbacks do, and serialise themselves where they must.
   */
  readonly serial?: boolean;
  /** Runs on the actor's thread. `options` were cloned to it. */
  start(context: ActorContext, options: Options): StartedActor<M> | Promise<StartedActor<M>>;
}

/** Declares a kind of actor; gives `start` its types. */
export function defineActor<M extends MessageMap, Options>(
  definition: ActorDefinition<M, Options>,
): ActorDefinition<M, Options> {
  return definition;
}

/** A started actor on its thread. */
export interface RunningActor {
  readonly cell: ActorCell;
  stop(): Promise<void>;
}

/** Starts an actor on the calling thread. Called by thread hosts. */
export async function startActor<M extends MessageMap, Options>(
  endpoint: Endpoint,
  definition: ActorDefinition<M, Options>,
  id: number,
  name: string,
  options: Options,
): Promise<RunningActor> {
  const { dispatcher } = endpoint;
  const watches: (() => void)[] = [];
  const context: ActorContext = {
    id,
    name,
    thread: endpoint.thread,
    endpoint,
    get sender() {
      return dispatcher.sender;
    },
    watch(listener) {
      const unwatch = endpoint.onDeath(listener);
      watches.push(unwatch);
      return unwatch;
    },
  };
  const unwatchAll = () => {
    for (const unwatch of watches) unwatch();
  };
  let started: StartedActor<M>;
  try {
    started = await definition.start(context, options);
  } catch (error) {
    unwatchAll();
    throw error;
  }
  const byName = started.handlers as unknown as Record<string, Handler>;
  const serialise = definition.serial === true ? oneAtATime() : (handler: Handler) => handler;
  const { messages } = definition.protocol;
  const cell: ActorCell = {
    id,
    name,
    messages,
    handlers: messages.map((message) => serialise(asLockTask(byName[message.name].bind(started.handlers)))),
  };
  dispatcher.add(cell);
  return {
    cell,
    async stop() {
      dispatcher.delete(id);
      unwatchAll();
      await started.stop?.();
    },
  };
}

/** In lock debug mode each message is a task of its own to the order checker. */
function asLockTask(handler: Handler): Handler {
  return lockDebug ? (...args) => lockTask(() => handler(...args)) : handler;
}

/** Every handler begins when all that were called before it are through, whatever came of them. */
function oneAtATime(): (handler: Handler) => Handler {
  let last: Promise<unknown> = Promise.resolve();
  return (handler) =>
    (...args) => {
      const result = last.then(() => handler(...args));
      last = result.catch(() => {});
      return result;
    };
}
