/**
 * The control interface of a hosting thread: rare calls with rich arguments, over a comlink endpoint.
 * `thread-main.ts` implements it, `system.ts` calls it.
 */
import type { MessagePort } from 'node:worker_threads';
import type { WireError } from '../errors.js';
import type { PeerNotice } from './ports.js';
import type { ThreadStatistics } from './statistics.js';

/** How to start an actor on a thread; kept by the system to start it again after the thread died. */
export interface ActorSpec {
  readonly id: number;
  readonly label: string;
  readonly module: string;
  readonly export: string;
  readonly options: unknown;
}

/** An answer that keeps errors whole across the thread boundary. */
export type Outcome<T> = { readonly value: T } | { readonly error: WireError };

/** What the host offers. */
export interface ThreadControl {
  start(spec: ActorSpec): Promise<Outcome<void>>;
  stop(actor: number): Promise<Outcome<void>>;
  statistics(): ThreadStatistics;
  /** Stops every actor, last started first, waits for handlers under way and leaves the system. */
  shutdown(): Promise<Outcome<void>>;
}

/** What a worker needs in order to attach to a system: as `workerData` of a host, or inside a client ticket. */
export interface Attachment {
  readonly segment: SharedArrayBuffer;
  readonly thread: number;
  /** Brings the ports of threads that attach later. */
  readonly control: MessagePort;
  readonly peers: readonly PeerNotice[];
}

/** `workerData` of a hosting thread. */
export interface HostData {
  readonly attachment: Attachment;
  readonly commands: MessagePort;
  /** Numbers of the actors that this thread, restarted, has to start again. */
  readonly expected: readonly number[];
}
