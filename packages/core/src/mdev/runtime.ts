/**
 * A running mdev framework: the supervising thread's side. Owns the bus memory, the actor system, the drivers and the
 * parents. Start one, load drivers, register parents; other threads attach with an invitation (`BusClient`).
 * All methods belong on the thread that started it.
 */
import type { MessagePort, Worker } from 'node:worker_threads';
import type { ClientTicket } from '../actor/client.js';
import type { ActorHandle } from '../actor/actor-ref.js';
import { ActorSystem } from '../actor/system.js';
import { isMediatedError, MediatedError } from '../errors.js';
import { ThreadTable } from '../sync/threads.js';
import { Bus } from './bus.js';
import { BusMemory, type BusHandle } from './bus-memory.js';
import { DriverRegistry, type LoadOptions } from './driver-registry.js';
import { HangWatch } from './hang-watch.js';
import type { LockStatistics } from './lock-statistics.js';
import type { Parent } from './parent.js';
import type { DriverInfo } from './parent-protocol.js';
import { ParentRegistry } from './parent-registry.js';
import type { ParentSpec } from './parent-spec.js';
import { reclaimDevices } from './reclaim.js';
import { hasReserver, setReserver } from './reserver.js';
import { resolveOptions, type RuntimeOptions } from './runtime-options.js';
import { emitObject } from './uevents.js';
import { UnplugWatch } from './unplug.js';

/** What a worker needs to become a client of the bus. Good for one worker. */
export interface BusTicket {
  readonly client: ClientTicket;
  readonly bus: BusHandle;
}

export class Runtime {
  readonly system: ActorSystem;
  readonly bus: Bus;
  readonly #memory: BusMemory;
  readonly #drivers: DriverRegistry;
  readonly #parents: ParentRegistry;
  readonly #forgetDeaths: () => void;
  readonly #closeDeadline: number;
  readonly #hangs: HangWatch | undefined;
  readonly #unplugs: UnplugWatch;
  #closing: Promise<void> | undefined;

  private constructor(options: RuntimeOptions) {
    const { settings, capacity, closeDeadline, hangDeadline } = resolveOptions(options);
    this.#closeDeadline = closeDeadline;
    this.#memory = BusMemory.create(settings, capacity);
    // Before the actor system hears of a death: whoever is told EIO may create the same UUID again at once.
    this.#forgetDeaths = ThreadTable.current().onDeath((thread) =>
      reclaimDevices(this.#memory, thread, (index) => this.#drivers.reclaim(index)),
    );
    const { restart } = options;
    this.system = ActorSystem.start({ grace: closeDeadline, ...(restart === undefined ? {} : { restart }) });
    this.#drivers = new DriverRegistry(this.system, this.#memory);
    this.#hangs = hangDeadline === 0 ? undefined : this.#watchHangs(hangDeadline);
    this.bus = new Bus(this.system.client, this.#memory, this.#hangs);
    this.#parents = new ParentRegistry(this.system, this.#memory);
    this.#unplugs = new UnplugWatch(this.#memory, (parent) => {
      this.#parents.unregister(parent).catch((error) => {
        // ENODEV: somebody has unregistered it meanwhile.
        if (this.#closing === undefined && !isMediatedError(error, 'ENODEV')) process.emitWarning(error);
      });
    });
    this.system.events.on('threadDied', ({ name, restarting }) => {
      if (restarting) return;
      this.#parents.bury(name).catch((error) => {
        if (this.#closing === undefined) process.emitWarning(error);
      });
    });
  }

  /** Starts a runtime. EINVAL names an option that is wrong. */
  static start(options: RuntimeOptions = {}): Runtime {
    return new Runtime(options);
  }

  /** Names of the loaded drivers. */
  get drivers(): string[] {
    return this.#drivers.names;
  }

  /**
   * Loads a driver module onto its own thread or threads and, in order, registers `parents` of it, as a kernel module
   * does when it is inserted; by default those that the driver names itself, if it does. Errors: EINVAL (no driver, or it does not load; cause), EBUSY (name taken), what the
   * driver's `start` threw. When a parent cannot be registered, the driver is unloaded again.
   */
  async loadDriver(
    module: string | URL,
    options: LoadOptions & { readonly parents?: readonly Omit<ParentSpec, 'driver'>[] } = {},
  ): Promise<DriverInfo> {
    this.#refuseWhenClosing('loadDriver');
    const driver = await this.#drivers.load(String(module), options);
    const { name } = driver.info;
    try {
      for (const parent of options.parents ?? driver.resolved.parents)
        await this.#parents.register({ ...parent, driver: name }, driver);
    } catch (error) {
      await this.unloadDriver(name);
      throw error;
    }
    emitObject(this.#memory, 'add', '/module', name, 'module');
    return driver.info;
  }

  /**
   * Unregisters a driver's parents and unloads it. ENODEV: not loaded. EAGAIN: a device of it is in use, or it is being
   * unloaded already. EIO: a thread died meanwhile; the driver is still loaded.
   */
  async unloadDriver(name: string): Promise<void> {
    const driver = this.#drivers.get(name);
    this.#drivers.claimForUnload(driver);
    try {
      await this.#parents.unregisterAll(driver);
    } catch (error) {
      this.#drivers.giveUpUnload(driver);
      throw error;
    }
    await this.#drivers.unload(driver);
    emitObject(this.#memory, 'remove', '/module', name, 'module');
  }

  /**
   * Registers a parent (spec/mdev-core section 4). Errors: EINVAL (name, threads), ENODEV (no such driver),
   * ENOMEM (registered already, quirk Q4; or no slot left), EEXIST (two types of one name), EIO (a thread died).
   * A failed registration leaves nothing behind.
   */
  async registerParent(spec: ParentSpec): Promise<Parent> {
    this.#refuseWhenClosing('registerParent');
    const index = await this.#parents.register(spec, this.#drivers.get(spec.driver));
    const parent = this.bus.parents().find((candidate) => candidate.index === index);
    if (parent === undefined) throw new MediatedError('ENODEV', `${spec.name} was unregistered at once`);
    return parent;
  }

  /**
   * Unregisters a parent (spec/mdev-core section 9): refuses new creates and removes, waits for those under way,
   * removes every device, waiting for its users. Whoever calls it meanwhile waits for the same.
   * ENODEV: no such parent. EIO: its thread died meanwhile; call it again.
   */
  unregisterParent(parent: string | Parent): Promise<void> {
    return this.#parents.unregister(parent);
  }

  /**
   * What the locks have counted since the runtime started, by name: gates and instance counters of parents, also of
   * unregistered ones; budgets and pins of drivers; the locks of frameworks. Counters are read one after the other while
   * others go on counting. `acquisitions` is what is cheap to know: every take of a mutex, closings of an rwsem gate,
   * grace periods of an srcu gate, takes of a semaphore that had to wait.
   */
  lockStatistics(): LockStatistics[] {
    return [...this.#parents.lockStatistics(), ...this.#drivers.lockStatistics()];
  }

  /**
   * Has every create, from any thread, ask an actor of this system ({@link reserverProtocol}) before it begins; undefined: nobody.
   * EBUSY: there is one already.
   */
  reserveWith(handle: ActorHandle | undefined): void {
    if (handle !== undefined && hasReserver(this.#memory)) {
      throw new MediatedError('EBUSY', 'this bus has somebody who reserves its UUIDs');
    }
    setReserver(this.#memory, handle);
  }

  /** An invitation for one worker. Post `ticket` with `transfer`; attach there with `BusClient.attach(ticket)`. */
  invite(): { ticket: BusTicket; transfer: MessagePort[] } {
    const { ticket, transfer } = this.system.invite();
    return { ticket: { client: ticket, bus: this.#memory.handle }, transfer };
  }

  /** Watches a client worker: when it ends, what it held is let go. */
  watch(worker: Worker): void {
    this.system.watch(worker);
  }

  /**
   * Unregisters all parents, unloads all drivers and ends all threads. Devices that are still in use after
   * `closeDeadline` milliseconds are given up with their threads. Idempotent.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.#closeDeadline);
    });
    const unloading = (async () => {
      await this.#parents.unregisterAll();
      for (const name of this.drivers) await this.#drivers.unload(this.#drivers.get(name));
    })();
    await Promise.race([unloading.catch(() => {}), deadline]);
    clearTimeout(timer);
    this.#hangs?.close();
    this.#unplugs.close();
    this.bus.close();
    await this.system.close();
    this.#forgetDeaths();
    this.#memory.locks.close();
  }

  #watchHangs(deadline: number): HangWatch {
    return new HangWatch(deadline, {
      ping: async (thread) => this.#drivers.onThread(thread)?.actor.with({ timeout: deadline }).ask('ping'),
      terminate: (thread) => {
        const shard = this.#drivers.onThread(thread);
        if (shard !== undefined)
          void this.system.thread(shard.thread).then(
            ({ worker }) => worker.terminate(),
            () => {},
          );
      },
      after: (milliseconds, callback) => {
        const timer = setTimeout(callback, milliseconds);
        return () => clearTimeout(timer);
      },
      now: () => performance.now(),
    });
  }

  #refuseWhenClosing(syscall: string): void {
    if (this.#closing !== undefined) throw new MediatedError('ECANCELED', 'the runtime is closing', { syscall });
  }
}
