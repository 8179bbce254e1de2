/**
 * The parents of a runtime: registration and unregistration (spec/mdev-core sections 4, 5 and 9) as the supervising
 * thread runs them. What must be atomic with creates and removes happens in the parent's actors.
 */
import type { ActorRef } from '../actor/actor-ref.js';
import type { ActorSystem } from '../actor/system.js';
import { isMediatedError, MediatedError } from '../errors.js';
import type { LockHandle } from '../sync/lock.js';
import type { BusMemory } from './bus-memory.js';
import * as channels from './channels.js';
import type { DriverShard, LoadedDriver } from './driver-registry.js';
import { createGate, type GateHandle } from './gate.js';
import { PARENT_DEAD, PARENT_LIVE, PARENT_STATE } from './layout.js';
import { parentActor } from './parent-actor.js';
import type { ParentMessages } from './parent-protocol.js';
import { writeParent, writeShards } from './parent-record.js';
import { emitParent } from './uevents.js';

/** What to register. */
export interface ParentSpec {
  /** Name of the parent device, as in `/sys/class/mdev_bus/<name>`. */
  readonly name: string;
  /** Name of a loaded driver. */
  readonly driver: string;
  /** Threads of the driver that serve this parent; several run creates on it at once. Default 1. */
  readonly threads?: number;
  /** Path of the parent device below `/sys`. Default `/devices/virtual/<driver>/<name>`. */
  readonly path?: string;
  /** Subsystem of the parent device. Default: the driver's name. */
  readonly subsystem?: string;
  /** What type directories begin with: the name of the driver that the parent device is bound to. Default: as above. */
  readonly typePrefix?: string;
}

interface RegisteredParent {
  readonly spec: ParentSpec;
  readonly path: string;
  readonly index: number;
  readonly driver: LoadedDriver;
  readonly shards: readonly DriverShard[];
  readonly actors: readonly ActorRef<ParentMessages>[];
  readonly gate: GateHandle;
  readonly instances: LockHandle<'semaphore'> | undefined;
  unregistering: Promise<void> | undefined;
}

export class ParentRegistry {
  readonly #system: ActorSystem;
  readonly #memory: BusMemory;
  /** By path: a device can be a parent once. */
  readonly #parents = new Map<string, RegisteredParent>();
  readonly #registering = new Set<string>();

  constructor(system: ActorSystem, memory: BusMemory) {
    this.#system = system;
    this.#memory = memory;
  }

  /** Registers a parent; returns its slot. Errors as the kernel's, see `runtime.registerParent`. */
  async register(spec: ParentSpec, driver: LoadedDriver): Promise<number> {
    const { info } = driver;
    const { name, path = `/devices/virtual/${info.name}/${name}`, subsystem = info.name, typePrefix = info.name } = spec;
    const threads = spec.threads ?? 1;
    checkName(name);
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
      throw new MediatedError('EEXIST', `driver ${info.name} has two types named ${twice}`, { syscall: 'registerParent' });
    }
    const index = this.#memory.parents.allocate();
    if (index < 0) {
      throw new MediatedError('ENOMEM', 'no parent slot is left; raise maxParents', { syscall: 'registerParent' });
    }
    this.#registering.add(path);
    const first = driver.parents++;
    const shards = Array.from({ length: threads }, (_, i) => driver.shards[(first + i) % driver.shards.length]);
    const gate = createGate(this.#memory.settings.gate, this.#memory.locks, name);
    const instances = info.hasGetAvailable
      ? undefined
      : this.#memory.locks.semaphore(info.maxInstances, `instances of ${name}`).handle;
    const actors: ActorRef<ParentMessages>[] = [];
    try {
      writeParent(this.#memory, index, {
        name,
        path,
        subsystem,
        typePrefix,
        driver: info.name,
        deviceApi: info.deviceApi,
        describes: info.hasDescription,
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
          gate,
          instances,
        };
        actors.push(await this.#system.spawn(parentActor, options, { thread }));
      }
    } catch (error) {
      for (const actor of actors) await this.#system.stop(actor).catch(() => {});
      this.#free(index, gate, instances);
      throw error;
    } finally {
      this.#registering.delete(path);
    }
    writeShards(
      this.#memory,
      index,
      actors.map((actor, i) => ({ parent: actor.handle, framework: shards[i].framework })),
    );
    this.#parents.set(path, { spec, path, index, driver, shards, actors, gate, instances, unregistering: undefined });
    emitParent(this.#memory, 'add', index, '');
    this.#setState(index, PARENT_LIVE);
    emitParent(this.#memory, 'change', index, 'registered');
    channels.parentRegistered.publish({ parent: name, driver: info.name });
    return index;
  }

  /** Slots of the parents of a driver, in the order of their registration. */
  of(driver: LoadedDriver): number[] {
    return [...this.#parents.values()].filter((parent) => parent.driver === driver).map((parent) => parent.index);
  }

  /** Unregisters a parent: waits for what has been admitted and for its devices' users. Cannot be refused. */
  unregister(index: number): Promise<void> {
    const parent = this.#byIndex(index);
    if (parent === undefined) return Promise.resolve();
    parent.unregistering ??= this.#unregister(parent).catch((error) => {
      parent.unregistering = undefined;
      throw error;
    });
    return parent.unregistering;
  }

  /** A thread will not come back: its parents cannot work any more and go, with what their other threads have. */
  async bury(thread: string): Promise<void> {
    const lost = [...this.#parents.values()].filter((parent) => parent.shards.some((shard) => shard.thread === thread));
    for (const parent of lost) {
      this.#setState(parent.index, PARENT_DEAD);
      for (const actor of parent.actors) await removeAll(actor).catch(ignoreDeath);
      await this.#forget(parent);
    }
  }

  async #unregister(parent: RegisteredParent): Promise<void> {
    channels.parentUnregistering.publish({ parent: parent.spec.name, driver: parent.driver.info.name });
    const [home, ...peers] = parent.actors;
    await home.ask(
      'unregister',
      peers.map((peer) => peer.handle),
    );
    await this.#forget(parent);
  }

  /** The children are gone: the types, the event, the slot. */
  async #forget(parent: RegisteredParent): Promise<void> {
    this.#setState(parent.index, PARENT_DEAD);
    emitParent(this.#memory, 'change', parent.index, 'unregistered');
    emitParent(this.#memory, 'remove', parent.index, '');
    for (const actor of parent.actors) await this.#system.stop(actor).catch(ignoreDeath);
    this.#parents.delete(parent.path);
    this.#free(parent.index, parent.gate, parent.instances);
    channels.parentUnregistered.publish({ parent: parent.spec.name, driver: parent.driver.info.name });
  }

  #free(index: number, gate: GateHandle, instances: LockHandle<'semaphore'> | undefined): void {
    for (const handle of gate.locks) this.#memory.locks.free({ handle });
    if (instances !== undefined) this.#memory.locks.free({ handle: instances });
    this.#memory.parents.free(index);
  }

  #byIndex(index: number): RegisteredParent | undefined {
    return [...this.#parents.values()].find((parent) => parent.index === index);
  }

  #setState(index: number, state: number): void {
    Atomics.store(this.#memory.parents.words, this.#memory.parents.base(index) + PARENT_STATE, state);
  }
}

function checkName(name: string): void {
  if (/^[\w.:+-]{1,40}$/.test(name)) return;
  const text = `${JSON.stringify(name)} is no name for a parent: 1 to 40 letters, digits, . : + - _`;
  throw new MediatedError('EINVAL', text, { syscall: 'registerParent' });
}

async function removeAll(actor: ActorRef<ParentMessages>): Promise<void> {
  for (const child of await actor.ask('children')) await actor.ask('removeChild', child.index, child.generation);
}

/** A thread that has ended has nothing left to stop; the supervisor gave it back. */
function ignoreDeath(error: unknown): void {
  if (!isMediatedError(error, 'EIO') && !isMediatedError(error, 'ESRCH')) throw error;
}
