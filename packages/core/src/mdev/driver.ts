/**
 * What a vendor driver is to the mdev core: a module whose default export declares types and starts the driver on
 * each of its threads. Frameworks (`@mediated/vfio`) wrap this in something friendlier.
 * Spec: mdev-core sections 1.4, 3 and 7.5.
 */
import type { Semaphore } from '../sync/semaphore.js';
import type { BusMemory } from './bus-memory.js';
import type { MdevDevice } from './device.js';
import type { LockStatistics } from './lock-statistics.js';
import type { ParentSpec } from './parent-spec.js';
import type { ThreadBus } from './thread-bus.js';

/** A type as a driver declares it. */
export interface TypeSpec {
  /** Suffix of the type's directory (`<driver>-<sysfsName>`), up to 40 bytes. */
  readonly sysfsName: string;
  /** Text of the `name` attribute; default: the sysfs name. */
  readonly prettyName?: string | undefined;
}

/** A type as driver callbacks see it. */
export interface MdevType {
  /** Position in the driver's list of types. */
  readonly index: number;
  readonly sysfsName: string;
  readonly prettyName: string | undefined;
  /** Name of the parent it belongs to. */
  readonly parent: string;
  /** The parent itself, on this thread. */
  readonly parentDevice: MdevParent;
}

/** A parent as driver callbacks see it, on each of the driver's threads that serve it. */
export interface MdevParent {
  readonly name: string;
  readonly types: readonly MdevType[];
  /** Its own budgets, as the driver's `perParent` declares them. Shared by the threads; a dead thread's share returns. */
  readonly budgets: Readonly<Record<string, Semaphore>>;
  /** Its own shared memory, likewise. Who may write which word is the driver's affair. */
  readonly memory: Readonly<Record<string, Int32Array<SharedArrayBuffer>>>;
  /**
   * Hot unplug: has the supervising thread unregister the parent, soon. Its devices are removed, those in use when
   * their users have let go. Any of the driver's threads; asking again does nothing.
   */
  unplug(): void;
}

/** A vendor attribute of each bound mdev: a file in the device's directory. */
export interface VendorAttribute {
  /** `group/name`, or `name` for a file directly in the device's directory. */
  readonly path: string;
  /** Text of the file; absent: write-only. */
  show?(device: MdevDevice): string | Promise<string>;
  /** Takes a write; throw a `MediatedError` to refuse it. Absent: read-only. */
  store?(device: MdevDevice, text: string): void | Promise<void>;
}

/** A vendor attribute of each parent: a file in the parent device's directory. Runs on the parent's first thread. */
export interface ParentAttribute {
  /** `group/name`, or `name` for a file directly in the parent's directory. */
  readonly path: string;
  /** Text of the file; absent: write-only. */
  show?(parent: MdevParent): string | Promise<string>;
  /** Takes a write; throw a `MediatedError` to refuse it. Absent: read-only. */
  store?(parent: MdevParent, text: string): void | Promise<void>;
}

/**
 * The running driver on one of its threads. Callbacks for one device always run on the thread that probed it; they
 * may be synchronous or return a promise. Throw a `MediatedError` to fail with its errno; anything else that is thrown
 * becomes EIO with the thrown value as cause.
 */
export interface MdevDriver {
  /** Takes a device into use. Absent: always succeeds. */
  probe?(device: MdevDevice): void | Promise<void>;
  /** Lets a device go; runs exactly once per successful probe, may wait for its users, and cannot fail. */
  remove?(device: MdevDevice): void | Promise<void>;
  /**
   * Asked before a removal that somebody wants begins, not when the parent is unregistered; may wait. Throw to refuse
   * it: then the device is as before, its `remove` file too. (The kernel's drivers could do so before version 5.13.)
   */
  admitRemove?(device: MdevDevice): void | Promise<void>;
  /** Value of `available_instances`. Its presence turns the core's own accounting off. Any of the driver's threads. */
  getAvailable?(type: MdevType): number;
  /** What `available_instances` says when `available` is what there is; changes nothing else. Default: the same. */
  reportAvailable?(type: MdevType, available: number): number;
  /** Text of `description`; its absence hides the attribute. */
  showDescription?(type: MdevType): string;
  readonly attributes?: readonly VendorAttribute[];
  readonly parentAttributes?: readonly ParentAttribute[];
  /** Actor that serves the driver's devices for a framework, e.g. device files. Started next to each parent. */
  readonly framework?: FrameworkActor;
  /** The driver is unloaded or its thread stops gracefully. */
  stop?(): void | Promise<void>;
}

/** Where a framework's per-thread actor is found; its options are the driver's name. */
export interface FrameworkActor {
  readonly module: string;
  readonly name: string;
}

/** A budget that all threads of a driver share, e.g. ports or memory. */
export interface BudgetSpec {
  /** Units at the start; at most 2^30. */
  readonly budget: number;
}

/** What each parent of a driver has of its own, shared by the driver's threads. Made when it is registered. */
export interface PerParent {
  readonly budgets?: Readonly<Record<string, BudgetSpec>>;
  /** Shared memory by name: bytes of it (a multiple of 4, zeroed), or the words that it begins with. */
  readonly memory?: Readonly<Record<string, number | Int32Array>>;
}

/** What a driver is by its load options, in place of what its module declares. */
export interface DriverConfiguration {
  readonly name?: string;
  readonly deviceApi?: string;
  readonly types?: readonly TypeSpec[];
  readonly maxInstances?: number;
  /** Units of declared budgets, by name; the others keep theirs. */
  readonly shared?: Record<string, BudgetSpec>;
  readonly perParent?: PerParent;
  /** Parents to register with the driver unless `loadDriver` is told others. */
  readonly parents?: readonly Omit<ParentSpec, 'driver'>[];
  /** What the driver's threads get as options; default: those of `loadDriver`. Structured-cloneable. */
  readonly options?: unknown;
}

/** What a driver is started with, once per thread. */
export interface DriverHost<Shared extends Record<string, BudgetSpec> = Record<string, BudgetSpec>> {
  readonly name: string;
  /** This thread's place among the driver's threads, from 0. */
  readonly shard: number;
  readonly shards: number;
  /** The declared budgets: `tryAcquire(n)` and `release(n)` are atomic across threads; a dead thread's share returns. */
  readonly shared: { readonly [K in keyof Shared]: Semaphore };
  /**
   * One unit is held per open device file or the like: while any is, the driver cannot be unloaded (EAGAIN), and when
   * it is being unloaded none can be had.
   */
  readonly pins: Semaphore;
  /** Options given to `loadDriver`, or what the module's `configure` made of them. */
  readonly options: unknown;
  /** What the module's `supervise` shares with the driver's threads. */
  readonly supervised: unknown;
  /** This thread's view of the bus, for frameworks. */
  readonly bus: ThreadBus;
}

/** An actor that a framework has for a whole bus. */
export interface BusActor {
  /** `import.meta.url` of the module that exports it, and its name there. It gets `{ bus, options }` as its options. */
  readonly module: string;
  readonly name: string;
  /** Name of its thread, which is its alone. */
  readonly thread: string;
  /** Structured-cloneable. */
  readonly options: unknown;
}

/** What a framework keeps on the supervising thread for a loaded driver. */
export interface Supervision {
  /** Reaches each of the driver's threads as `host.supervised`; structured-cloneable. */
  readonly shared: unknown;
  /**
   * The framework's actor for the whole bus: started with its first driver, on a thread of its own and while the
   * driver's threads start; stopped after its last. Any thread finds it with `frameworkActor`.
   */
  readonly actor?: BusActor;
  /**
   * Classes of the framework's locks, outermost first: they are taken in this order and inside a parent's gate. For the
   * order checker.
   */
  readonly lockOrder?: readonly string[];
  /** What tells the frameworks of several drivers apart; default: `shared`. Its locks are told of once. */
  readonly framework?: unknown;
  /** What the framework's locks have counted on this bus, for all drivers that have the same `framework`. */
  lockStatistics?(): LockStatistics[];
  /**
   * The thread of a device of this driver has died. Called with its slot before the core's own events of the end, when
   * what the thread held has been passed on: for the events and counts of what the framework had below the device.
   */
  reclaim?(index: number): void;
  /** The driver's threads have ended. */
  release(): void;
}

/** The default export of a driver module. */
export interface DriverModule<Shared extends Record<string, BudgetSpec> = Record<string, BudgetSpec>> {
  /** Name on the bus, up to 20 bytes. */
  readonly name: string;
  /** Text of `device_api`: `vfio-pci`, `vfio-platform`, `vfio-amba`, `vfio-ccw`, `vfio-ap`. */
  readonly deviceApi: string;
  /**
   * The bus that the driver and its devices are on, e.g. `pci`; default `mdev`. Devices of another bus are not mediated:
   * they were there before and stay, so that creating one is binding it and removing one is unbinding it. The tree of the
   * mdev bus has none of them, their uevents are those of a device of that bus, and their probe names them
   * (`MdevDevice.named`).
   */
  readonly bus?: string;
  readonly types: readonly TypeSpec[];
  /** Parent-wide limit on live mdevs when there is no `getAvailable`. Default 0: every create is EUSERS. */
  readonly maxInstances?: number;
  readonly shared?: Shared;
  readonly perParent?: PerParent;
  /**
   * Makes name, types, parents and so on of the options of `loadDriver`. Runs once per load, on the supervising thread,
   * before the driver's threads start; all of them get what it returned. What it throws fails the load.
   * `threads`: how many threads the driver will have.
   */
  configure?(options: unknown, threads: number): DriverConfiguration | Promise<DriverConfiguration>;
  /**
   * For frameworks: runs on the supervising thread before the driver's first thread starts, e.g. to have locks in the
   * framework's words of device slots recovered. `options` are those of `loadDriver`.
   */
  supervise?(memory: BusMemory, options: unknown): Supervision;
  start(host: DriverHost<Shared>): MdevDriver | Promise<MdevDriver>;
}

/** Declares a driver module; gives `start` its types. */
export function defineMdevDriver<const Shared extends Record<string, BudgetSpec>>(
  module: DriverModule<Shared>,
): DriverModule<Shared> {
  return module;
}
