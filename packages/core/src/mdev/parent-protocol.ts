/**
 * The messages of parent actors and driver actors. Used by the facades (`parent.ts`, `mdev.ts`, `runtime.ts`).
 */
import { ask, defineProtocol, int, none, number, value } from '../actor/protocol.js';
import type { ActorHandle } from '../actor/actor-ref.js';
import type { LockHandle } from '../sync/lock.js';
import type { BusHandle } from './bus-memory.js';
import type { DriverConfiguration, FrameworkActor, TypeSpec } from './driver.js';
import type { GateHandle } from './gate.js';
import type { Action } from './uevents.js';

/** A vendor attribute as other threads see it. */
export interface AttributeInfo {
  /** `group/name` or `name`. */
  readonly path: string;
  /** Permission bits: 0o444, 0o200 or 0o644. */
  readonly mode: number;
}

/** A child of a parent on one shard. */
export interface ChildInfo {
  readonly index: number;
  readonly generation: number;
  readonly order: number;
}

/** Handlers answer with 0 (or a handle) or a negative errno, and throw what a driver threw. */
export const parentProtocol = defineProtocol({
  create: ask([int, int, int, int, int], number),
  remove: ask([int, int], int),
  storeRemove: ask([int, int], int),
  unbind: ask([int, int], int),
  removeChild: ask([int, int], none),
  children: ask([], value<ChildInfo[]>()),
  unregister: ask([value<readonly ActorHandle[]>()], none),
  available: ask([int], number),
  description: ask([int], value<string>()),
  showAttribute: ask([int, int, value<string>()], value<string>()),
  storeAttribute: ask([int, int, value<string>(), value<string>()], none),
  attributes: ask([], value<readonly AttributeInfo[]>()),
  parentAttributes: ask([], value<readonly AttributeInfo[]>()),
  showParentAttribute: ask([value<string>()], value<string>()),
  storeParentAttribute: ask([value<string>(), value<string>()], none),
  /** Synthetic uevents: action, and UUID with arguments. */
  synthesize: ask([int, int, value<Action>(), value<string>()], int),
  synthesizeParent: ask([value<Action>(), value<string>()], int),
  /** As `create`, for a UUID that was reserved already (`reserver.ts`). */
  createReserved: ask([int, int, int, int, int], number),
});

export type ParentMessages = NonNullable<(typeof parentProtocol)['types']>;

/** Options of a parent actor. */
export interface ParentOptions {
  readonly bus: BusHandle;
  readonly parent: number;
  readonly generation: number;
  readonly shard: number;
  readonly driver: string;
  readonly name: string;
  readonly types: readonly TypeSpec[];
  readonly attributes: readonly AttributeInfo[];
  readonly parentAttributes: readonly AttributeInfo[];
  readonly gate: GateHandle;
  readonly instances: LockHandle<'semaphore'> | undefined;
  /** The parent's own, as the driver's `perParent` declares it. */
  readonly budgets: Readonly<Record<string, LockHandle<'semaphore'>>>;
  readonly memory: Readonly<Record<string, SharedArrayBuffer>>;
}

/** What a loaded driver says about itself. */
export interface DriverInfo {
  readonly name: string;
  readonly deviceApi: string;
  /** The bus that its devices are on. */
  readonly bus: string;
  readonly types: readonly TypeSpec[];
  readonly maxInstances: number;
  readonly hasGetAvailable: boolean;
  readonly hasDescription: boolean;
  readonly attributes: readonly AttributeInfo[];
  readonly parentAttributes: readonly AttributeInfo[];
  readonly framework: FrameworkActor | undefined;
}

export const driverProtocol = defineProtocol({
  info: ask([], value<DriverInfo>()),
  /** Answers at once: a thread that does not is stuck in a callback. */
  ping: ask([], none),
});

export type DriverMessages = NonNullable<(typeof driverProtocol)['types']>;

/** Options of a driver actor. */
export interface DriverOptions {
  readonly bus: BusHandle;
  /** URL of the driver module. */
  readonly module: string;
  readonly shard: number;
  readonly shards: number;
  readonly shared: Readonly<Record<string, LockHandle<'semaphore'>>>;
  readonly pins: LockHandle<'semaphore'>;
  readonly configuration: DriverConfiguration;
  /** What the module's `supervise` shares. */
  readonly supervised: unknown;
}
