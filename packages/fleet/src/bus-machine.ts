/** A runtime's mdev bus as a machine of a fleet. Supervising thread. */
import {
  type AttributeDirectory,
  type Bus,
  deviceDirectory,
  type Mdev,
  MediatedError,
  type Runtime,
  type Uevent,
} from '@mediated/core';
import { openDevice } from '@mediated/vfio';
import { askFirst } from './bus-giver.js';
import type { Machine, MachineDevice, MachineEvent, MachineFile, UuidGiver } from './machine.js';
import type { ParentOffer } from './records.js';

/** Devices of any other bus are not mediated, and have no UUIDs. */
const MDEV_BUS = 'mdev';

export class BusMachine implements Machine {
  readonly #runtime: Runtime;
  readonly #bus: Bus;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
    this.#bus = runtime.bus;
  }

  async offers(): Promise<ParentOffer[]> {
    const parents = this.#bus.parents().filter(({ bus }) => bus === MDEV_BUS);
    const offers = parents.map(async (parent): Promise<ParentOffer | undefined> => {
      const types = parent.types.map(async ({ id, name }) => ({
        type: id,
        name,
        available: Math.max(0, await parent.availableInstances(id)),
        description: parent.describes ? (await parent.description(id)).trimEnd() : '',
      }));
      const { name, driver, deviceApi } = parent;
      try {
        return { parent: name, driver, deviceApi, types: await Promise.all(types) };
      } catch (error) {
        // It went while it was asked; its event follows.
        if (!parent.registered) return undefined;
        throw error;
      }
    });
    return (await Promise.all(offers)).filter((offer) => offer !== undefined);
  }

  devices(): MachineDevice[] {
    const devices = this.#bus.mdevs().filter(({ parent }) => parent.bus === MDEV_BUS);
    return devices.map(({ uuid, parent, type }) => ({ uuid, parent: parent.name, type }));
  }

  has(uuid: string): boolean {
    const mdev = this.#bus.mdev(uuid);
    return mdev !== undefined && mdev.parent.bus === MDEV_BUS && mdev.presence.bus;
  }

  async create(parent: string, type: string, uuid: string): Promise<void> {
    await this.#bus.parent(parent).createReserved(type, uuid);
  }

  askFirst(giver: UuidGiver): Promise<() => Promise<void>> {
    return askFirst(this.#runtime, giver);
  }

  async remove(uuid: string): Promise<void> {
    await this.#device(uuid, 'remove').storeRemove();
  }

  async readAttribute(uuid: string, path: string): Promise<string> {
    using file = await this.#directory(uuid).open(path, 'read');
    return String(await file.read());
  }

  async writeAttribute(uuid: string, path: string, text: string): Promise<void> {
    using file = await this.#directory(uuid).open(path, 'write');
    await file.write(Buffer.from(text));
  }

  async attributes(uuid: string): Promise<{ readonly path: string; readonly mode: number }[]> {
    return (await this.#directory(uuid).attributes()).map(({ path, mode }) => ({ path, mode }));
  }

  async open(uuid: string): Promise<MachineFile> {
    return await openDevice(this.#bus, this.#device(uuid, 'open'));
  }

  follow(onEvent: (event: MachineEvent) => void, onLost: (count: number) => void): () => void {
    const { events } = this.#bus;
    const onUevent = ({ action, uuid, subsystem, devpath }: Uevent) => onEvent({ action, uuid, subsystem, devpath });
    events.on('uevent', onUevent);
    events.on('lost', onLost);
    return () => {
      events.off('uevent', onUevent);
      events.off('lost', onLost);
    };
  }

  catchUp(): void {
    this.#bus.drainEvents();
  }

  #device(uuid: string, syscall: string): Mdev {
    const mdev = this.#bus.mdev(uuid);
    if (mdev !== undefined && mdev.parent.bus === MDEV_BUS) return mdev;
    throw new MediatedError('ENODEV', `${syscall} ${uuid}: there is no such device`, { syscall });
  }

  #directory(uuid: string): AttributeDirectory {
    return deviceDirectory(this.#device(uuid, 'open'));
  }
}
