/**
 * The parents of a runtime: registration and unregistration (spec/mdev-core sections 4, 5 and 9) as the supervising
 * thread runs them. What must be atomic with creates and removes happens in the parent's actors.
 */
import type { ActorRef } from '../actor/actor-ref.js';
import type { ActorSystem } from '../actor/system.js';
import { isMediatedError, MediatedError } from '../errors.js';
import type { LockHandle } from '../sync/lock.js';
import { Semaphore } from '../sync/semaphore.js';
import type { BusMemory } from './bus-memory.js';
import * as channels from './channels.js';
import type { DriverShard, LoadedDriver } from './driver-registry.js';
import { createGate, type GateHandle, gateStatistics, openGate } from './gate.js';
import { MDEV_BUS, PARENT_DEAD, PARENT_LIVE, PARENT_STATE } from './layout.js';
import { LockHistory, type LockStatistics, semaphoreStatistics } from './lock-statistics.js';
import { parentActor } from './parent-actor.js';
import type { ParentMessages } from './parent-protocol.js';
import { writeParent, writeShards } from './parent-record.js';
import { checkParentName, type ParentSpec } from './parent-spec.js';
import { emitParent } from './uevents.js';

interface RegisteredParent {
  readonly spec: ParentSpec;
  readonly path: string;
  readonly index: number;
  readonly driver: LoadedDriver;
  readonly shards: readonly DriverShard[];
  readonly actors: readonly ActorRef<ParentMessages>[];
  readonly gate: GateHandle;
  readonly instances: LockHandle<'semaphore'> | undefined;
  readonly budgets: ParentLocks['budgets'];
  /** The parent's own hold on the gate was given up: unregistration has begun, and may be begun again. */
  withdrawn: boolean;
  unregistering: Promise<void> | undefined;
}

/** What a parent needs besides its slot. */
interface ParentLocks {
  gate: GateHandle | undefined;
  instances: LockHandle<'semaphore'> | undefined;
  /** By name, as the driver's `perParent` declares them. */
  readonly budgets: Record<string, LockHandle<'semaphore'>>;
}

export class ParentRegistry {
  readonly #system: ActorSystem;
  readonly #memory: BusMemory;
  /** By path: a device can be a parent once. */
  readonly #parents = new Map<string, RegisteredParent>();
  readonly #registering = new Map<string, Promise<number>>();
  readonly #locks = new LockHistory();

  constructor(system: ActorSystem, memory: BusMemory) {
    this.#system = system;
    this.#memory = memory;
  }

  /** Registers a parent; returns its slot. Errors as the kernel's, see `runtime.registerParent`. */
  async register(spec: ParentSpec, driver: LoadedDriver): Promise<number> {
    const { info } = driver;
    const { name, threads = 1, path = `/devices/virtual/${info.name}/${name}` } = spec;
    checkParentName(name);
    if (!Number.isInteger(threads) || threads < 1 || threads > driver.shards.length) {
      const text = `threads of parent ${name} is ${threads}; driver ${info.name} runs on ${driver.shards.length}`;
      throw new MediatedError('EINVAL', text, { syscall: 'registerParent' });
    }
    if (this.#parents.has(path) || this.#registering.has(path)) {
      // The kernel reports every failure to make the directory, this one too, as ENOMEM (quirk Q4).
      throw new MediatedError('ENOMEM', `${path} is a registered parent already`, { syscall: 'registerParent' });
    }
    const directories = info.types.map((type) => type.sysfsName);
    const twice = directories.find((directory, i) => directories.indexOf(directory) !== i);
    if (twice !== undefined) {
      throw new MediatedError('EEXIST', `driver ${info.name} has two types named ${twice}`, {
        syscall: 'registerParent',
      });
    }
    const registration = this.#register(spec, path, threads, driver);
    this.#registering.set(path, registration);
    try {
      return await registration;
    } finally {
      this.#registering.delete(path);
    }
  }

  async #register(spec: ParentSpec, path: string, threads: number, driver: LoadedDriver): Promise<number> {
    const { info } = driver;
    const { name, subsystem = info.name, typePrefix = info.name } = spec;
    const index = this.#memory.parents.allocate();
    if (index < 0) {
      throw new MediatedError('ENOMEM', 'no parent slot is left; raise maxParents', { syscall: 'registerParent' });
    }
    const first = driver.parents++;
    const shards = Array.from({ length: threads }, (_, i) => driver.shards[(first + i) % driver.shards.length]);
    const locks: ParentLocks = { gate: undefined, instances: undefined, budgets: {} };
    const actors: ActorRef<ParentMessages>[] = [];
    try {
      const gate = createGate(this.#memory.settings.gate, this.#memory.locks, name);
      locks.gate = gate;
      if (!info.hasGetAvailable) {
        locks.instances = this.#memory.locks.semaphore(info.maxInstances, `instances: ${name}`).handle;
      }
      const { perParent } = driver.resolved;
      for (const [budget, spec] of Object.entries(perParent.budgets)) {
        locks.budgets[budget] = this.#memory.locks.semaphore(spec.budget, `${budget}: ${name}`).handle;
      }
      const memory = Object.fromEntries(Object.entries(perParent.memory).map(([part, size]) => [part, shared(size)]));
      writeParent(this.#memory, index, {
        name,
        path,
        subsystem,
        typePrefix,
        driver: info.name,
        deviceApi: info.deviceApi,
        bus: info.bus,
        describes: info.hasDescription,
        files: info.parentAttributes.length,
        maxInstances: info.maxInstances,
        types: info.types,
      });
      for (const [shard, { thread }] of shards.entries()) {
        const options = {
          bus: this.#memory.handle,
          parent: index,
          generation: this.#memory.parents.generation(index),
          shard,
          driver: info.name,
          name,
          types: info.types,
          attributes: info.attributes,
          parentAttributes: info.parentAttributes,
          gate,
          instances: locks.instances,
          budgets: locks.budgets,
          memory,
        };
        actors.push(await this.#system.spawn(parentActor, options, { thread }));
      }
      if (driver.unloading) {
        throw new MediatedError('ENODEV', `driver ${info.name} is being unloaded`, { syscall: 'registerParent' });
      }
      const { instances, budgets } = locks;
      const unbegun = { withdrawn: false, unregistering: undefined };
      this.#parents.set(path, { spec, path, index, driver, shards, actors, gate, instances, budgets, ...unbegun });
    } catch (error) {
      for (const actor of actors) await this.#system.stop(actor).catch(() => {});
      this.#free(index, locks);
      throw error;
    }
    writeShards(
      this.#memory,
      index,
      actors.map((actor, i) => ({ parent: actor.handle, framework: shards[i].framework })),
    );
    const onMdevBus = info.bus === MDEV_BUS;
    if (onMdevBus) emitParent(this.#memory, 'add', index, '');
    this.#setState(index, PARENT_LIVE);
    if (onMdevBus) emitParent(this.#memory, 'change', index, 'registered');
    channels.parentRegistered.publish({ parent: name, driver: info.name });
    return index;
  }

  /** What the gates and instance counters of all parents have counted, also of those that were unregistered. */
  lockStatistics(): LockStatistics[] {
    return this.#locks.with([...this.#parents.values()].flatMap(locksOf));
  }

  /** Unregisters a parent: waits for what has been admitted and for its devices' users. ENODEV: there is none. */
  unregister(which: string | { readonly index: number; readonly generation: number }): Promise<void> {
    const parent = this.#find(which);
    if (parent !== undefined) return this.#unregisterOnce(parent);
    const subject = typeof which === 'string' ? `parent ${which}` : 'this parent';
    return Promise.reject(new MediatedError('ENODEV', `${subject} is not registered`, { syscall: 'unregisterParent' }));
  }

  /** Unregisters the parents of a driver, or all of them, in the order of their registration. */
  async unregisterAll(driver?: LoadedDriver): Promise<void> {
    await Promise.allSettled(this.#registering.values());
    for (const parent of [...this.#parents.values()]) {
      if (driver === undefined || parent.driver === driver) await this.#unregisterOnce(parent);
    }
  }

  /** A thread will not come back: its parents cannot work any more and go, with what their other threads have. */
  async bury(thread: string): Promise<void> {
    const lost = [...this.#parents.values()].filter((parent) => parent.shards.some((shard) => shard.thread === thread));
    await Promise.all(lost.map((parent) => this.#bury(parent)));
  }

  async #bury(parent: RegisteredParent): Promise<void> {
    this.#setState(parent.index, PARENT_DEAD);
    // An unregistration under way ends by itself, unless it was the dead thread that ran it.
    await parent.unregistering?.catch(ignoreDeath);
    if (this.#parents.get(parent.path) === parent) await this.#unregisterOnce(parent, true);
  }

  /** Unregisters, or waits for whoever does already. `buried`: without the shards whose threads are gone. */
  #unregisterOnce(parent: RegisteredParent, buried = false): Promise<void> {
    parent.unregistering ??= this.#unregister(parent, buried).catch((error) => {
      parent.unregistering = undefined;
      throw error;
    });
    return parent.unregistering;
  }

  async #unregister(parent: RegisteredParent, buried: boolean): Promise<void> {
    channels.parentUnregistering.publish({ parent: parent.spec.name, driver: parent.driver.info.name });
    if (!parent.withdrawn) {
      parent.withdrawn = true;
      openGate(parent.gate).withdraw();
    }
    for (const home of parent.actors) {
      const peers = parent.actors.filter((actor) => actor !== home).map((actor) => actor.handle);
      try {
        await home.ask('unregister', peers);
        break;
      } catch (error) {
        if (!buried) throw error;
        // The next shard will do; what a dead one had was given back.
        ignoreDeath(error);
      }
    }
    await this.#forget(parent);
  }

  /** The children are gone: the types, the event, the slot. */
  async #forget(parent: RegisteredParent): Promise<void> {
    this.#setState(parent.index, PARENT_DEAD);
    if (parent.driver.info.bus === MDEV_BUS) {
      emitParent(this.#memory, 'change', parent.index, 'unregistered');
      emitParent(this.#memory, 'remove', parent.index, '');
    }
    for (const actor of parent.actors) await this.#system.stop(actor).catch(ignoreDeath);
    this.#parents.delete(parent.path);
    for (const lock of locksOf(parent)) this.#locks.retire(lock);
    this.#free(parent.index, parent);
    channels.parentUnregistered.publish({ parent: parent.spec.name, driver: parent.driver.info.name });
  }

  #free(index: number, { gate, instances, budgets }: ParentLocks): void {
    for (const handle of gate?.locks ?? []) this.#memory.locks.free({ handle });
    if (instances !== undefined) this.#memory.locks.free({ handle: instances });
    for (const handle of Object.values(budgets)) this.#memory.locks.free({ handle });
    this.#memory.parents.free(index);
  }

  #find(which: string | { readonly index: number; readonly generation: number }): RegisteredParent | undefined {
    const parents = [...this.#parents.values()];
    if (typeof which === 'string') return parents.find(({ spec }) => spec.name === which);
    if (!this.#memory.parents.isCurrent(which.index, which.generation)) return undefined;
    return parents.find(({ index }) => index === which.index);
  }

  #setState(index: number, state: number): void {
    Atomics.store(this.#memory.parents.words, this.#memory.parents.base(index) + PARENT_STATE, state);
  }
}

function locksOf({ gate, instances, budgets }: RegisteredParent): LockStatistics[] {
  const semaphores = instances === undefined ? Object.values(budgets) : [instances, ...Object.values(budgets)];
  return [gateStatistics(gate), ...semaphores.map((handle) => semaphoreStatistics(Semaphore.from(handle)))];
}

/** Shared memory of so many bytes, or with these words. ENOMEM: there is no room for it. */
function shared(size: number | Int32Array): SharedArrayBuffer {
  const bytes = typeof size === 'number' ? size : size.byteLength;
  try {
    const buffer = new SharedArrayBuffer(bytes);
    if (typeof size !== 'number') new Int32Array(buffer).set(size);
    return buffer;
  } catch (cause) {
    const text = `cannot reserve ${bytes} bytes for the parent`;
    throw new MediatedError('ENOMEM', text, { syscall: 'registerParent', cause });
  }
}

/** A thread that has ended has nothing left to stop; the supervisor gave it back. */
function ignoreDeath(error: unknown): void {
  if (!isMediatedError(error, 'EIO') && !isMediatedError(error, 'ESHUTDOWN')) throw error;
}
