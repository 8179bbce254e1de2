/**
 * The control interface of a hosting thread. `thread-main.ts` implements it, `system.ts` calls it, over `control-calls.ts`.
 */
import type { MessagePort } from 'node:worker_threads';
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

/** What the host offers. */
export interface ThreadControl {
  start(spec: ActorSpec): Promise<void>;
  stop(actor: number): Promise<void>;
  statistics(): ThreadStatistics;
  /** Stops every actor, last started first, waits for handlers under way and leaves the system. */
  shutdown(): Promise<void>;
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
