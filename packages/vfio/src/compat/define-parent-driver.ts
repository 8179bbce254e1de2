/**
 * Drivers of the 2016 interface: a table of callbacks becomes a driver module of today's (spec/vfio-core section 22 says
 * what has changed since). Called at import, like `defineDriver`.
 *
 * What such a driver meets: `open` and `release` run for every file, not for the first and the last; `remove` runs before
 * the device is let go, while files may be open, and may refuse. What it is spared: `remove` runs once, and after it only
 * `release` for the files that are still open; those answer ENODEV otherwise. It has no device sets, features or
 * migration, and `open` and `release` of one device do not overlap.
 */
import {
  type BudgetSpec,
  type DriverHost,
  type DriverModule,
  errnoName,
  isThenable,
  MediatedError,
  type MdevType,
  type TypeSpec,
} from '@mediated/core';
import type { VfioDevice } from '../device.js';
import { defineDriver } from '../driver.js';
import type { MapAccess, MappedMemory } from '../mapped-memory.js';
import type { DeviceAttribute, DeviceOperations, IoctlCall } from '../operations.js';
import type { MediatedDevice, Outcome, ParentOperations } from './parent-operations.js';

/** A vendor attribute of each device. */
export interface ParentDriverAttribute {
  /** `group/name`, or `name` for a file directly in the device's directory. */
  readonly path: string;
  /** Text of the file; absent: write-only. */
  show?(mdev: MediatedDevice): string | Promise<string>;
  /** Takes a write. Absent: read-only. */
  store?(mdev: MediatedDevice, text: string): void | Promise<void>;
}

/** A driver as it was declared then. */
export interface ParentDriver<Shared extends Record<string, BudgetSpec>> {
  /** Name on the bus, up to 20 bytes. */
  readonly name: string;
  readonly deviceApi: string;
  /** `supported_type_groups`. */
  readonly types: readonly TypeSpec[];
  /** Text of a type's `available_instances`: that, too, the driver counted by itself. */
  availableInstances(type: MdevType): number;
  /** Text of a type's `description`. */
  description?(type: MdevType): string;
  /** `mdev_attr_groups`. */
  readonly attributes?: readonly ParentDriverAttribute[];
  readonly shared?: Shared;
  /** The table, or what makes it on each of the driver's threads. */
  readonly operations: ParentOperations | ((host: DriverHost<Shared>) => ParentOperations);
}

/** The adapter's state of a device. */
interface State extends MediatedDevice {
  /** `remove` has run, or is running. */
  removed: boolean;
}

type Device = VfioDevice<State>;
/** Of a result that is not below 0. */
type Memory = MappedMemory | Promise<MappedMemory>;

/** Makes a driver module of a table; export it as the module's default. */
export function defineParentDriver<const Shared extends Record<string, BudgetSpec>>(
  driver: ParentDriver<Shared>,
): DriverModule<Shared> {
  const { name, deviceApi, types, shared } = driver;
  return defineDriver({
    name,
    deviceApi,
    types,
    ...(shared === undefined ? {} : { shared }),
    start(host: DriverHost<Shared>) {
      const { operations } = driver;
      return adapt(driver, typeof operations === 'function' ? operations(host) : operations);
    },
  });
}

function adapt(
  driver: Pick<ParentDriver<Record<string, BudgetSpec>>, 'availableInstances' | 'description' | 'attributes'>,
  table: ParentOperations,
): DeviceOperations<State> {
  const { read, write, ioctl, mmap } = table;
  const description = driver.description?.bind(driver);

  /** Once it has been asked to let go of the device, the driver is not bothered with it. */
  function present({ data }: Device, callback: string): State {
    if (!data.removed) return data;
    throw new MediatedError('ENODEV', 'the device has been removed', { syscall: callback });
  }

  function remove({ data }: Device): void | Promise<void> {
    if (data.removed) return;
    data.removed = true;
    return succeeded('remove', table.remove(data));
  }

  return {
    init({ uuid, type }: VfioDevice<undefined>): State | Promise<State> {
      const state: State = { uuid, type, driverData: undefined, removed: false };
      const made = succeeded('create', table.create(state));
      return made === undefined ? state : made.then(() => state);
    },
    async admitRemove(device) {
      const before = device.data.removed;
      try {
        await remove(device);
      } catch (error) {
        device.data.removed = before;
        throw error;
      }
    },
    /** When the parent goes, nobody has asked before. */
    release: remove,
    fileOpened: (device) => succeeded('open', table.open?.(present(device, 'open'))),
    fileClosed: ({ data }) => succeeded('release', table.release?.(data)),
    ...(read && {
      read: (device: Device, position: number, into: Uint8Array) =>
        answered<number>('read', read.call(table, present(device, 'read'), into, position)),
    }),
    ...(write && {
      write: (device: Device, position: number, bytes: Uint8Array) =>
        answered<number>('write', write.call(table, present(device, 'write'), bytes, position)),
    }),
    // Its negative errnos go as they are, so that the argument goes back with them.
    ...(ioctl && {
      ioctl: (device: Device, command: number, argument: Uint8Array, call: IoctlCall) =>
        ioctl.call(table, present(device, 'ioctl'), command, argument, call),
    }),
    ...(mmap && {
      mmap: (device: Device, offset: number, length: number, access: Required<MapAccess>) =>
        answered('mmap', mmap.call(table, present(device, 'mmap'), offset, length, access)) as Memory,
    }),
    getAvailable: (type) => driver.availableInstances(type),
    ...(description && { showDescription: description }),
    attributes: (driver.attributes ?? []).map((attribute) => adaptAttribute(attribute)),
  };
}

function adaptAttribute(attribute: ParentDriverAttribute): DeviceAttribute<State> {
  const { path, show, store } = attribute;
  return {
    path,
    ...(show && { show: ({ data }: Device) => show.call(attribute, data) }),
    ...(store && { store: ({ data }: Device, text: string) => store.call(attribute, data, text) }),
  };
}

/** A result below 0 is an errno. */
function answered<T>(callback: string, result: T | Promise<T>): T | Promise<T> {
  const answer = (value: T): T => {
    if (typeof value !== 'number' || value >= 0) return value;
    throw new MediatedError(errnoName(-value), `the driver's ${callback} answered ${value}`, { syscall: callback });
  };
  return isThenable(result) ? (result as Promise<T>).then(answer) : answer(result as T);
}

/** {@link answered}, of callbacks that have nothing else to say. */
function succeeded(callback: string, result: Outcome): undefined | Promise<undefined> {
  const nothing = () => undefined;
  const answer = answered<unknown>(callback, result);
  return isThenable(answer) ? Promise.resolve(answer).then(nothing) : undefined;
}
