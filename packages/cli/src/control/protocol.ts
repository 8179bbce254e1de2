/**
 * What the commands and a running instance say to each other, in lines of JSON (docs/cli.md#the-control-socket). A connection
 * carries one request. Used by both ends.
 */
import type { LockStatistics } from '@mediated/core';
import type { NamedThreadStatistics } from '@mediated/core/actor';
import type { TraceRecord } from '../trace/trace-record.js';

/** One line of a client: what it wants. */
export type ControlRequest =
  | { readonly request: 'types' | 'list' | 'statistics' | 'events' | 'trace' }
  | { readonly request: 'create'; readonly parent: string; readonly type: string; readonly uuid?: string }
  | { readonly request: 'remove' | 'screenshot'; readonly uuid: string };

/** One line of an instance: `answer` and `error` are the last ones. */
export type ControlLine =
  | { readonly answer: unknown }
  | { readonly error: { readonly code: string; readonly message: string } }
  /** A stream has begun: what happens from now on is in it. */
  | { readonly begun: true }
  | { readonly event: unknown }
  /** The client read too slowly: so many events were left out here. */
  | { readonly lost: number };

/** A type in the answer to `types`. */
export interface TypeAnswer {
  readonly parent: string;
  readonly type: string;
  readonly available: number;
  readonly deviceApi: string;
  readonly name: string;
  readonly description: string;
}

/** How a virtual machine gets a device; absent where it gets none, or `mediated up` has no sockets. */
export interface SocketAnswer {
  readonly socket?: string;
  /** Argument of QEMU's `-device`. */
  readonly qemu?: string;
}

/** The answer to `create`. */
export interface CreateAnswer extends SocketAnswer {
  readonly uuid: string;
  /** Why it has no socket although it should. */
  readonly problem?: string;
}

/** A device in the answer to `list`. */
export interface DeviceAnswer extends SocketAnswer {
  readonly uuid: string;
  readonly parent: string;
  readonly type: string;
  readonly driver: string;
  /** Number of its IOMMU group. */
  readonly group?: number;
}

/** The answer to `statistics`: counts since the start. */
export interface StatisticsAnswer {
  /** Milliseconds since the runtime was started. */
  readonly uptime: number;
  readonly threads: readonly NamedThreadStatistics[];
  readonly locks: readonly LockStatistics[];
  readonly parents: readonly {
    readonly name: string;
    readonly driver: string;
    readonly threads: number;
    readonly devices: number;
  }[];
}

/** An event of `trace`: records of one thread, in their order. */
export interface TraceBatch {
  readonly thread: number;
  readonly name: string;
  readonly records: readonly TraceRecord[];
  /** Records that were left out before these, because they came faster than they could be taken. */
  readonly lost: number;
}
