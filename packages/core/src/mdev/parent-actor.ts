/**
 * The actor of a parent on one of its driver's threads. The actor on the first thread is the parent's home: it also
 * runs unregistration (spec/mdev-core section 9), which shuts the gate for all of them.
 */
import { defineActor } from '../actor/actor.js';
import { ActorRef } from '../actor/actor-ref.js';
import { ERRNO } from '../errno.js';
import { MediatedError } from '../errors.js';
import { formatUuid } from '../memory/uuid.js';
import { Semaphore } from '../sync/semaphore.js';
import { createRefused, deviceNotice, publishRefusal, removeRefused } from './channels.js';
import { driverFailure, driverNonsense } from './driver-call.js';
import { openGate } from './gate.js';
import { BOUND, ON_BUS, PARENT_DEAD, PARENT_LIVE, PARENT_STATE } from './layout.js';
import { parentDevice } from './parent-device.js';
import type { ChildInfo, ParentOptions } from './parent-protocol.js';
import { parentProtocol } from './parent-protocol.js';
import { ParentShard } from './parent-shard.js';
import { hasReserver, Reserver } from './reserver.js';
import { ThreadBus } from './thread-bus.js';
import { emitMdev, emitParent } from './uevents.js';

export const parentActor = defineActor({
  module: import.meta.url,
  name: 'parentActor',
  protocol: parentProtocol,
  start(context, options: ParentOptions) {
    const bus = ThreadBus.open(options.bus);
    const { memory } = bus;
    const instance = bus.drivers.get(options.driver);
    if (instance === undefined) throw new MediatedError('ENODEV', `driver ${options.driver} is not loaded`);
    const { driver } = instance;
    const parent = parentDevice(memory, options);
    const { types } = parent;
    const gate = openGate(options.gate);
    const instances = options.instances === undefined ? undefined : Semaphore.from(options.instances);
    const shard = new ParentShard({
      bus,
      parent: options.parent,
      generation: options.generation,
      shard: options.shard,
      instance,
      types,
      gate,
      instances,
    });
    const reserver = new Reserver(memory, context.endpoint, options.parent);
    const state = memory.parents.base(options.parent) + PARENT_STATE;

    function children(): ChildInfo[] {
      return bus
        .childrenOf(options.parent, options.generation)
        .map(({ index, generation, order }) => ({ index, generation, order }));
    }

    function boundDevice(index: number, generation: number) {
      const device = bus.device(index, generation);
      if (device === undefined) throw new MediatedError('ENODEV', 'the device is gone');
      if ((device.state & BOUND) === 0) throw new MediatedError('ENOENT', `${device.uuid} is not bound to a driver`);
      return device;
    }

    function attribute<A extends { readonly path: string }>(all: readonly A[] | undefined, path: string): A {
      const found = all?.find((candidate) => candidate.path === path);
      if (found === undefined) throw new MediatedError('ENOENT', `driver ${options.driver} has no attribute ${path}`);
      return found;
    }

    function shown(path: string, text: unknown): string {
      if (typeof text === 'string') return text;
      throw driverNonsense(options.driver, path, text, 'show returns text');
    }

    function counted(type: number): number {
      if (instances !== undefined) return instances.value;
      const available: unknown = driver.getAvailable?.(types[type]);
      if (Number.isInteger(available) && (available as number) >= 0) return available as number;
      throw driverNonsense(options.driver, 'getAvailable', available, 'it returns a number of instances');
    }

    /** The result of a removal; its refusal is told to who listens. */
    function told(index: number, generation: number, result: number | Promise<number>): number | Promise<number> {
      const device = typeof result === 'number' && result < 0 ? bus.device(index, generation) : undefined;
      if (device !== undefined && removeRefused.hasSubscribers) {
        publishRefusal(removeRefused, result as number, deviceNotice(device));
      }
      return result;
    }

    async function removeLocal(index: number, generation: number): Promise<void> {
      const device = bus.device(index, generation);
      if (device !== undefined) await shard.removeChild(device);
    }

    function create(type: number, u0: number, u1: number, u2: number, u3: number): number | Promise<number> {
      const result = shard.create(type, u0, u1, u2, u3);
      if (typeof result === 'number' && result < 0 && createRefused.hasSubscribers) {
        const uuid = formatUuid(Int32Array.of(u0, u1, u2, u3), 0);
        publishRefusal(createRefused, result, { uuid, parent: types[type].parent, type: types[type].sysfsName });
      }
      return result;
    }

    return {
      handlers: {
        create(type, u0, u1, u2, u3) {
          if (!hasReserver(memory)) return create(type, u0, u1, u2, u3);
          return reserver.around(type, [u0, u1, u2, u3], () => create(type, u0, u1, u2, u3));
        },
        createReserved: create,
        remove: (index, generation) => told(index, generation, shard.remove(index, generation)),
        storeRemove: (index, generation) => told(index, generation, shard.storeRemove(index, generation)),
        unbind: (index, generation) => shard.unbind(index, generation),
        removeChild: removeLocal,
        children,
        async unregister(peers) {
          await gate.closeAndDrain();
          Atomics.store(memory.parents.words, state, PARENT_DEAD);
          const removals: { order: number; remove: () => Promise<void> }[] = [];
          for (const child of children()) {
            removals.push({ order: child.order, remove: () => removeLocal(child.index, child.generation) });
          }
          for (const handle of peers) {
            const peer = new ActorRef(context.endpoint, handle, parentProtocol);
            // A peer whose thread has died has no children left; the supervisor gives back what it had.
            const theirs = await peer.ask('children').catch(() => [] as ChildInfo[]);
            for (const child of theirs) {
              const remove = () => peer.ask('removeChild', child.index, child.generation).catch(() => {});
              removals.push({ order: child.order, remove });
            }
          }
          removals.sort((a, b) => a.order - b.order);
          for (const removal of removals) await removal.remove();
          gate.finish();
        },
        attributes: () => options.attributes,
        synthesize(index, generation, action, text) {
          const device = bus.device(index, generation);
          if (device === undefined || (device.state & ON_BUS) === 0) return -ERRNO.ENODEV;
          const bound = (device.state & BOUND) !== 0;
          emitMdev(memory, action, index, bound ? memory.names.intern(options.driver) : -1, text);
          return 0;
        },
        synthesizeParent(action, text) {
          if (Atomics.load(memory.parents.words, state) !== PARENT_LIVE) return -ERRNO.ENODEV;
          emitParent(memory, action, options.parent, '', text);
          return 0;
        },
        available(type) {
          try {
            const available = counted(type);
            return driver.reportAvailable?.(types[type], available) ?? available;
          } catch (error) {
            throw driverFailure(options.driver, 'getAvailable', error);
          }
        },
        description(type) {
          if (driver.showDescription === undefined) return '';
          let text: unknown;
          try {
            text = driver.showDescription(types[type]);
          } catch (error) {
            throw driverFailure(options.driver, 'showDescription', error);
          }
          if (typeof text === 'string') return text;
          throw driverNonsense(options.driver, 'showDescription', text, 'it returns text');
        },
        async showAttribute(index, generation, path) {
          const { show } = attribute(driver.attributes, path);
          if (show === undefined) throw new MediatedError('EACCES', `${path} cannot be read`);
          return shown(path, await show(boundDevice(index, generation)));
        },
        async storeAttribute(index, generation, path, text) {
          const { store } = attribute(driver.attributes, path);
          if (store === undefined) throw new MediatedError('EACCES', `${path} cannot be written`);
          await store(boundDevice(index, generation), text);
        },
        parentAttributes: () => options.parentAttributes,
        async showParentAttribute(path) {
          const { show } = attribute(driver.parentAttributes, path);
          if (show === undefined) throw new MediatedError('EACCES', `${path} cannot be read`);
          return shown(path, await show(parent));
        },
        async storeParentAttribute(path, text) {
          const { store } = attribute(driver.parentAttributes, path);
          if (store === undefined) throw new MediatedError('EACCES', `${path} cannot be written`);
          await store(parent, text);
        },
      },
    };
  },
});
