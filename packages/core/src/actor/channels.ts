/**
 * `diagnostics_channel` names of the actor runtime: documented API. Publishing costs nothing without subscribers.
 * Channels are per thread; those of a thread's life are published on the supervising thread.
 */
import { channel } from 'node:diagnostics_channel';

/** Message of the `mediated:thread:*` channels. */
export interface ThreadNotice {
  /** Thread id, 0..63. */
  readonly thread: number;
  /** The name it was started under. */
  readonly name: string;
  /** Why it ended, when it died. */
  readonly error?: Error | undefined;
}

/** Message of the `mediated:actor:*` channels. */
export interface ActorNotice extends ThreadNotice {
  readonly actor: number;
  readonly label: string;
}

/** Message of `mediated:tell:failed`: nobody awaits a tell, so this is where its handler's error shows. */
export interface TellFailure {
  /** The actor's thread, on which this is published. */
  readonly thread: number;
  readonly sender: number;
  readonly actor: number;
  /** Name of the message. */
  readonly message: string;
  readonly error: unknown;
}

export const threadStarted = channel('mediated:thread:start');
export const threadStopped = channel('mediated:thread:stop');
export const threadDied = channel('mediated:thread:died');
export const threadRestarted = channel('mediated:thread:restart');
export const actorStarted = channel('mediated:actor:start');
export const actorStopped = channel('mediated:actor:stop');
export const tellFailed = channel('mediated:tell:failed');
