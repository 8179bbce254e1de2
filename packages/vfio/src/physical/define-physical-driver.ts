/**
 * How a driver of physical devices is written (vfio-pci, vfio-platform, vfio-fsl-mc): as a vendor driver, plus the
 * devices that it may be bound to, which its options describe. A device is an mdev to the core in all but its bus:
 * binding it creates it under a UUID made of its name, unbinding it removes it, and a thread's death is the end of its
 * devices. Called at import, by the supervising thread and by each of the driver's threads.
 */
import {
  type BudgetSpec,
  type BusMemory,
  DEVICE_IDS,
  type DriverHost,
  type DriverModule,
  MediatedError,
} from '@mediated/core';
import { GroupRecords } from '../control/group-records.js';
import type { VfioDevice } from '../device.js';
import type { DeviceOperations } from '../operations.js';
import { emitGroup } from '../uevents.js';
import { supervise, type VfioShared } from '../supervise.js';
import { VfioDriver } from '../vfio-driver.js';
import { checkDevices, type PhysicalDevice } from './description.js';
import { physicalUuid } from './identity.js';
import { PhysicalGroups } from './physical-groups.js';
import { type PhysicalHandle, PhysicalMemory } from './physical-memory.js';

/** Name of the one type that such a driver has; nobody sees it. */
export const PHYSICAL_TYPE = 'device';

/** The callbacks of a driver of physical devices. */
export interface PhysicalOperations<Data, Description extends PhysicalDevice>
  extends Omit<DeviceOperations<Data>, 'init'> {
  /** {@link DeviceOperations.init} with the device's description and its place among the descriptions. */
  init(device: VfioDevice<undefined>, description: Description, place: number): Data | Promise<Data>;
}

/** What a driver of physical devices is started with, once per thread. */
export interface PhysicalHost<Shared extends Record<string, BudgetSpec>, Description, Own> extends DriverHost<Shared> {
  readonly devices: readonly Description[];
  /** What {@link PhysicalDriver.share} has made. */
  readonly own: Own;
  /** Who has each device, for all threads. */
  readonly physical: PhysicalMemory;
}

/** What a driver keeps in shared memory of its devices. */
export interface PhysicalShare<Own> {
  /** Reaches each of the driver's threads as `host.own`; structured-cloneable. */
  readonly own: Own;
  /** The thread of the device at a place has died; what it held has been passed on. */
  reclaim?(place: number): void;
  /** The driver is unloaded. */
  release?(): void;
}

/** A driver of physical devices. */
export interface PhysicalDriver<
  Shared extends Record<string, BudgetSpec>,
  Description extends PhysicalDevice,
  Own,
  Data,
> {
  /** Name on the bus, up to 20 bytes. */
  readonly name: string;
  /** `vfio-pci`, `vfio-platform`, ... */
  readonly deviceApi: string;
  /** The bus of its devices: `pci`, `platform`, `fsl-mc`. */
  readonly bus: string;
  readonly shared?: Shared;
  /** Reads the options of `loadDriver`; throws EINVAL where they are wrong. The same answer on every thread. */
  describe(options: unknown): readonly Description[];
  /** Whether devices without an IOMMU group may be bound (spec/vfio-core 8.6). Default: none may. */
  noIommu?(options: unknown): boolean;
  /** Supervising thread: makes what the driver's threads share of the devices. `options`: those of `loadDriver`. */
  share?(memory: BusMemory, devices: readonly Description[], options: unknown): PhysicalShare<Own>;
  /** Runs once on each of the driver's threads. */
  start(
    host: PhysicalHost<Shared, Description, Own>,
  ): PhysicalOperations<Data, Description> | Promise<PhysicalOperations<Data, Description>>;
}

/** What reaches each thread of such a driver. */
interface SupervisedPhysical extends VfioShared {
  readonly physical: PhysicalHandle;
  readonly own: unknown;
}

/** Makes a driver module of a driver of physical devices; export it as the module's default. */
export function definePhysicalDriver<
  const Shared extends Record<string, BudgetSpec>,
  Description extends PhysicalDevice,
  Own,
  Data,
>(driver: PhysicalDriver<Shared, Description, Own, Data>): DriverModule<Shared> {
  const { name, deviceApi, bus, shared } = driver;
  const describe = (options: unknown): readonly Description[] => {
    const devices = driver.describe(options);
    checkDevices(name, devices);
    return devices;
  };
  return {
    name,
    deviceApi,
    bus,
    types: [{ sysfsName: PHYSICAL_TYPE }],
    ...(shared === undefined ? {} : { shared }),

    supervise(memory, options) {
      const devices = describe(options);
      const base = supervise(memory);
      const records = new GroupRecords((base.shared as VfioShared).groups);
      let physical: PhysicalMemory;
      try {
        physical = PhysicalMemory.create(memory, records, devices);
      } catch (error) {
        base.release();
        throw error;
      }
      const share = driver.share?.(memory, devices, options);
      return {
        ...base,
        framework: base.shared,
        shared: { ...(base.shared as VfioShared), physical: physical.handle, own: share?.own },
        reclaim(index) {
          const place = physical.deviceIn(index);
          const last = place < 0 ? undefined : takeOutOfGroup(memory, records, physical, index, place);
          base.reclaim?.(index);
          if (last !== undefined) emitGroup(memory, 'remove', last);
          if (place < 0) return;
          share?.reclaim?.(place);
          physical.drop(place);
        },
        release() {
          base.release();
          share?.release?.();
          physical.release();
        },
      };
    },

    async start(host) {
      const { memory } = host.bus;
      const supervised = host.supervised as SupervisedPhysical;
      const devices = describe(host.options);
      const records = new GroupRecords(supervised.groups);
      const physical = PhysicalMemory.from(memory, records, devices, supervised.physical);
      const operations = await driver.start({ ...host, devices, own: supervised.own as Own, physical });
      const places = new Map(devices.map((device, place) => [physicalUuid(bus, device.name), place]));
      const groups = new PhysicalGroups(memory, records, physical, driver.noIommu?.(host.options) ?? false);
      return new VfioDriver<Data>(
        name,
        memory,
        host.pins,
        supervised,
        {
          ...operations,
          getAvailable: () => devices.length,
          init(device) {
            const place = places.get(device.uuid);
            if (place === undefined) {
              throw new MediatedError('ENODEV', `no device of ${name} has UUID ${device.uuid}`, { syscall: 'bind' });
            }
            const description = devices[place];
            device.mdev.named(memory.names.intern(pathOf(description)));
            const data = operations.init(device, description, place);
            // From here on whoever shares its group sees it; a failed init has left it where it was.
            if (!(data instanceof Promise)) {
              physical.take(place, device.index);
              return data;
            }
            return data.then((made) => {
              physical.take(place, device.index);
              return made;
            });
          },
          release(device) {
            const place = physical.deviceIn(device.index);
            const released = operations.release?.(device);
            if (released instanceof Promise) return released.finally(() => physical.drop(place));
            physical.drop(place);
            return undefined;
          },
        },
        groups,
      );
    },
  };
}

/** The bus path if it fits into a name, else the name. */
function pathOf({ name, path }: PhysicalDevice): string {
  return path !== undefined && Buffer.byteLength(path) <= 63 ? path : name;
}

/**
 * The thread of a device has died: its described group stays, unlike one that was made for it, whose number the core
 * gives back. Answers the group when the device was the last one registered.
 */
function takeOutOfGroup(
  memory: BusMemory,
  records: GroupRecords,
  physical: PhysicalMemory,
  slot: number,
  place: number,
): number | undefined {
  const { group } = physical.devices[place];
  if (group === undefined || !clearGroup(memory, slot)) return undefined;
  return records.leave(group) ? group : undefined;
}

/** Takes the number of the group out of a slot; false when there was none. */
function clearGroup({ devices }: BusMemory, slot: number): boolean {
  return Atomics.exchange(devices.words, devices.base(slot) + DEVICE_IDS, 0) !== 0;
}
