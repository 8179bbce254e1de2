/**
 * The drivers of a runtime: loading onto threads, unloading. Supervising thread only.
 */
import type { ActorRef } from '../actor/actor-ref.js';
import type { ActorSystem } from '../actor/system.js';
import { MediatedError } from '../errors.js';
import { declareLockOrder } from '../sync/lockdep.js';
import type { Semaphore } from '../sync/semaphore.js';
import type { BusMemory } from './bus-memory.js';
import * as channels from './channels.js';
import type { Supervision } from './driver.js';
import { driverActor } from './driver-actor.js';
import { checkResolved, configureDriver, type ResolvedDriver, resolveDriver } from './driver-configuration.js';
import { loadDriverModule } from './driver-module.js';
import { addDriverSlot, dropDriverSlot } from './driver-slots.js';
import { FrameworkActors } from './framework-actors.js';
import { GATE_LOCK } from './gate.js';
import { DEVICE_PARENT, MAX_SHARDS, MDEV_BUS, PARENT_DRIVER } from './layout.js';
import { LockHistory, type LockStatistics, semaphoreStatistics } from './lock-statistics.js';
import type { DriverInfo, DriverMessages } from './parent-protocol.js';
import { emitObject } from './uevents.js';

/** Options of `runtime.loadDriver`. */
export interface LoadOptions {
  /** Threads to run the driver on, 1 to 16; its parents are spread over them. Default 1. */
  readonly threads?: number;
  /** Handed to the driver's `configure` and `start`; structured-cloneable. */
  readonly options?: unknown;
}

/** One thread of a driver. */
export interface DriverShard {
  readonly thread: string;
  readonly actor: ActorRef<DriverMessages>;
  /** Number of the framework's actor on that thread; 0 without a framework. */
  readonly framework: number;
}

/** A loaded driver. */
export interface LoadedDriver {
  readonly info: DriverInfo;
  readonly resolved: ResolvedDriver;
  readonly shards: readonly DriverShard[];
  readonly budgets: readonly Semaphore[];
  readonly pins: Semaphore;
  /** Its slot on the mdev bus; -1 when it is a driver of another bus. */
  readonly slot: number;
  readonly supervision: Supervision | undefined;
  /** Parents registered so far; chooses the next parent's first thread. */
  parents: number;
  /** Set while its parents are unregistered in order to unload it: no new one is registered. */
  unloading: boolean;
}

/** Most open files and the like that may pin one driver. */
const MAX_PINS = 2 ** 20;

export class DriverRegistry {
  readonly #system: ActorSystem;
  readonly #memory: BusMemory;
  readonly #drivers = new Map<string, LoadedDriver>();
  /** Names that are being loaded or unloaded. */
  readonly #busy = new Set<string>();
  readonly #locks = new LockHistory();
  readonly #frameworks: FrameworkActors;

  constructor(system: ActorSystem, memory: BusMemory) {
    this.#system = system;
    this.#memory = memory;
    this.#frameworks = new FrameworkActors(system, memory);
  }

  get names(): string[] {
    return [...this.#drivers.keys()];
  }

  /** A loaded driver. ENODEV when there is none of that name. */
  get(name: string): LoadedDriver {
    const driver = this.#drivers.get(name);
    if (driver !== undefined) return driver;
    const known = this.names.join(', ') || 'none';
    throw new MediatedError('ENODEV', `no driver ${name} is loaded (loaded: ${known})`, { syscall: 'registerParent' });
  }

  /** The driver's shard that runs on a thread, if any does. */
  onThread(id: number): DriverShard | undefined {
    for (const { shards } of this.#drivers.values()) {
      const shard = shards.find(({ actor }) => actor.handle.thread === id);
      if (shard !== undefined) return shard;
    }
    return undefined;
  }

  /**
   * What the budgets and pins of all drivers have counted, also of those that were unloaded, and the locks of the
   * frameworks of loaded drivers. A framework shares one thing with all its drivers, and is asked once.
   */
  lockStatistics(): LockStatistics[] {
    const drivers = [...this.#drivers.values()];
    const frameworks = new Map(
      drivers.map(({ supervision }) => [supervision?.framework ?? supervision?.shared, supervision]),
    );
    return [
      ...this.#locks.with(drivers.flatMap(locksOf)),
      ...[...frameworks.values()].flatMap((framework) => framework?.lockStatistics?.() ?? []),
    ];
  }

  /** Loads a driver. EINVAL: the module is none. EBUSY: the name is taken. Else what the driver's start threw. */
  async load(url: string, { threads = 1, options }: LoadOptions): Promise<LoadedDriver> {
    if (!Number.isInteger(threads) || threads < 1 || threads > MAX_SHARDS) {
      throw new MediatedError('EINVAL', `threads is ${threads}; 1 to ${MAX_SHARDS} are possible`, {
        syscall: 'loadDriver',
      });
    }
    const module = await loadDriverModule(url);
    const configuration = await configureDriver(url, module, options, threads);
    const resolved = resolveDriver(module, configuration);
    checkResolved(url, resolved);
    const { name } = resolved;
    if (this.#drivers.has(name) || this.#busy.has(name)) {
      throw new MediatedError('EBUSY', `a driver named ${name} is on the bus already`, { syscall: 'loadDriver' });
    }
    this.#busy.add(name);
    const { locks } = this.#memory;
    const budgets = Object.entries(resolved.shared).map(
      ([budget, spec]) => [budget, locks.semaphore(spec.budget, `${budget}: ${name}`)] as const,
    );
    const pins = locks.semaphore(MAX_PINS, `pins: ${name}`);
    const shared = Object.fromEntries(budgets.map(([budget, semaphore]) => [budget, semaphore.handle]));
    const shards: DriverShard[] = [];
    let supervision: Supervision | undefined;
    let frameworkRuns: Promise<void> | undefined;
    try {
      supervision = module.supervise?.(this.#memory, resolved.options);
      declareLockOrder([GATE_LOCK, ...(supervision?.lockOrder ?? [])]);
      const supervised = supervision?.shared;
      frameworkRuns = this.#frameworks.hold(supervision);
      frameworkRuns.catch(() => {});
      let info: DriverInfo | undefined;
      for (let shard = 0; shard < threads; shard++) {
        const thread = threadName(name, shard);
        const actor = await this.#system.spawn(
          driverActor,
          {
            bus: this.#memory.handle,
            module: url,
            shard,
            shards: threads,
            shared,
            pins: pins.handle,
            configuration,
            supervised,
          },
          { thread },
        );
        shards.push({ thread, actor, framework: 0 });
        info = await actor.ask('info');
        if (info.framework !== undefined) {
          const framework = await this.#system.spawnNamed(
            info.framework,
            { bus: this.#memory.handle, driver: name },
            { thread },
          );
          shards[shard] = { thread, actor, framework: framework.actor };
        }
      }
      await frameworkRuns;
      const semaphores = budgets.map(([, semaphore]) => semaphore);
      const onMdevBus = (info as DriverInfo).bus === MDEV_BUS;
      const slot = onMdevBus ? addDriverSlot(this.#memory, name) : -1;
      const loaded: LoadedDriver = {
        info: info as DriverInfo,
        resolved,
        shards,
        budgets: semaphores,
        pins,
        supervision,
        slot,
        parents: 0,
        unloading: false,
      };
      this.#drivers.set(name, loaded);
      emitObject(this.#memory, 'add', `/bus/${loaded.info.bus}/drivers`, name, 'drivers');
      if (onMdevBus) emitObject(this.#memory, 'add', '/class', name, 'class');
      channels.driverLoaded.publish({ driver: name, threads } satisfies channels.DriverNotice);
      return loaded;
    } catch (error) {
      for (let shard = 0; shard < threads; shard++) await this.#system.stopThread(threadName(name, shard));
      if (frameworkRuns !== undefined) await this.#frameworks.drop(supervision);
      supervision?.release();
      for (const [, semaphore] of budgets) locks.free(semaphore);
      locks.free(pins);
      throw error;
    } finally {
      this.#busy.delete(name);
    }
  }

  /** The thread of the device in a slot has died: its framework is told. */
  reclaim(index: number): void {
    const { devices, parents } = this.#memory;
    const parent = parents.base(devices.words[devices.base(index) + DEVICE_PARENT]);
    const name = this.#memory.nameOf(parents.words[parent + PARENT_DRIVER]);
    this.#drivers.get(name)?.supervision?.reclaim?.(index);
  }

  /** Refuses new pins and parents from now on. EAGAIN while the driver is in use or being unloaded. */
  claimForUnload(driver: LoadedDriver): void {
    if (!driver.pins.tryAcquire(MAX_PINS)) {
      const text = `driver ${driver.info.name} is in use; close its devices first`;
      throw new MediatedError('EAGAIN', text, { syscall: 'unloadDriver' });
    }
    driver.unloading = true;
  }

  /** The driver stays after all. */
  giveUpUnload(driver: LoadedDriver): void {
    driver.unloading = false;
    driver.pins.release(MAX_PINS);
  }

  /** Stops a driver's threads; its parents are unregistered. */
  async unload(driver: LoadedDriver): Promise<void> {
    const { name } = driver.info;
    this.#drivers.delete(name);
    this.#busy.add(name);
    try {
      if (driver.slot >= 0) dropDriverSlot(this.#memory, driver.slot);
      emitObject(this.#memory, 'remove', `/bus/${driver.info.bus}/drivers`, name, 'drivers');
      if (driver.slot >= 0) emitObject(this.#memory, 'remove', '/class', name, 'class');
      for (const shard of driver.shards) await this.#system.stopThread(shard.thread);
      await this.#frameworks.drop(driver.supervision);
      driver.supervision?.release();
      for (const lock of locksOf(driver)) this.#locks.retire(lock);
      for (const semaphore of driver.budgets) this.#memory.locks.free(semaphore);
      this.#memory.locks.free(driver.pins);
      channels.driverUnloaded.publish({ driver: name, threads: driver.shards.length } satisfies channels.DriverNotice);
    } finally {
      this.#busy.delete(name);
    }
  }
}

function locksOf({ budgets, pins }: LoadedDriver): LockStatistics[] {
  return [...budgets, pins].map(semaphoreStatistics);
}

function threadName(driver: string, shard: number): string {
  return `${driver}/${shard}`;
}
