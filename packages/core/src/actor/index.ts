/** Entry `@mediated/core/actor`: typed actors on real threads, with shared-memory inboxes. */
export {
  type ActorContext,
  type ActorDefinition,
  defineActor,
  type Handlers,
  type StartedActor,
} from './actor.js';
export { type ActorHandle, ActorRef } from './actor-ref.js';
export type { ActorNotice, TellFailure, ThreadNotice } from './channels.js';
export { Client, type ClientOptions, type ClientTicket } from './client.js';
export { Endpoint, MAX_OUTSTANDING } from './endpoint.js';
export { ForeignSleep } from './foreign-sleep.js';
export type { AskOptions } from './pending.js';
export {
  type ArgsOf,
  ask,
  type AskNames,
  boolean,
  bytes,
  type Codec,
  defineProtocol,
  int,
  type Message,
  type MessageMap,
  none,
  number,
  type Protocol,
  type ReplyOf,
  tell,
  uint,
  value,
} from './protocol.js';
export type { RestartPolicy } from './restart-limit.js';
export {
  ActorSystem,
  type NamedThreadStatistics,
  type Placement,
  type SystemEvents,
  type SystemOptions,
} from './system.js';
export type { ThreadStatistics } from './statistics.js';
export { Workqueue, type WorkItem, type WorkOptions } from './workqueue.js';
