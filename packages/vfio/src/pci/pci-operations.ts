/**
 * The callbacks of a driver whose devices are PCI functions: what vfio-pci has for functions of a topology, and what the
 * driver of a mediated PCI device passes on to `defineDriver`. Called on the device's thread.
 */
import { type DriverHost, isThenable, MediatedError } from '@mediated/core';
import type { VfioDevice } from '../device.js';
import { reportDriverError } from '../driver-report.js';
import type { DeviceOperations, IoctlCall } from '../operations.js';
import type { VfioShared } from '../supervise.js';
import { PCI_REGIONS } from '../uapi/pci.js';
import { REGION_OFFSET_BITS } from '../uapi/region.js';
import { clipVga, readBar, readRom, writeBar } from './bar-access.js';
import { type FunctionDomain, LoneDomain } from './domain.js';
import { checkFunction, type FunctionSpec, type ResetMethod } from './function-spec.js';
import { GuardTable } from './guard-table.js';
import type { PciModelFactory } from './model.js';
import { PciDevice } from './pci-device.js';
import { mapBar, serveIoctl, serveLowPower } from './pci-ioctls.js';
import { GUARD_TABLE_OFFSET } from './region-mapping.js';

const REGION_BYTES = 2 ** REGION_OFFSET_BITS;

/** A function to be made for a device. */
export interface MadeFunction {
  readonly spec: FunctionSpec;
  readonly model?: PciModelFactory;
  readonly modelOptions?: unknown;
  /** Ways in which it can be reset alone. Default: `flr`. */
  readonly reset?: readonly ResetMethod[];
}

/** A function whose surroundings are known. */
export interface PlacedFunction extends MadeFunction {
  readonly name: string;
  readonly domain: FunctionDomain;
  readonly noIntx: boolean;
}

/** Callbacks of PCI functions: all that a device needs. */
export type PciOperations = Required<
  Pick<
    DeviceOperations<PciDevice>,
    'release' | 'openDevice' | 'closeDevice' | 'read' | 'write' | 'ioctl' | 'feature' | 'mmap' | 'request'
  >
>;

/** What an ioctl that concerns more than the function is answered with; undefined: there is no such command. */
export type ServeMore = (
  device: VfioDevice<PciDevice>,
  command: number,
  argument: Uint8Array,
  call: IoctlCall,
) => { readonly result: number | undefined | Promise<number | undefined> } | undefined;

const PLAIN: PciModelFactory = () => ({});

/**
 * Callbacks for the mediated devices of a vendor driver that are PCI functions: `make` says what a device is made of.
 * Spread the result into what `start` returns, and add what is the driver's own (`getAvailable`, attributes).
 */
export function pciOperations(
  host: DriverHost,
  make: (device: VfioDevice<undefined>) => MadeFunction,
): PciOperations & { init(device: VfioDevice<undefined>): PciDevice } {
  const guards = guardsOf(host);
  return {
    ...operationsOf(guards, () => undefined),
    init(device) {
      const made = make(device);
      checkFunction(device.uuid, made.spec);
      const domain = new LoneDomain(made.reset ?? ['flr']);
      return makeDevice(guards, device, { ...made, name: device.uuid, domain, noIntx: false });
    },
  };
}

/** The bus's memory guards. */
export function guardsOf(host: DriverHost): GuardTable {
  return new GuardTable((host.supervised as VfioShared).guards, host.bus.memory);
}

/** Makes the function of a device; what fails leaves no guard behind. */
export function makeDevice(guards: GuardTable, device: VfioDevice<undefined>, made: PlacedFunction): PciDevice {
  const { name, spec, domain, noIntx, model = PLAIN, modelOptions } = made;
  const guard = guards.allocate(device.index);
  try {
    const failed = (error: unknown) => reportDriverError(device, 'interrupt', error);
    return new PciDevice({ name, device, spec, guard, domain, model, modelOptions, noIntx, failed });
  } catch (error) {
    guards.free(guard);
    throw error;
  }
}

/** The callbacks; `more` serves what concerns the bus. */
export function operationsOf(guards: GuardTable, more: ServeMore): PciOperations {
  return {
    release({ data }) {
      data.release();
      guards.free(data.guard);
    },
    openDevice: ({ data }) => data.open(),
    closeDevice: ({ data }) => data.close(),
    request({ data }) {
      data.interrupts.event('request');
    },
    read: ({ data }, position, into) => awake(data, () => readRegion(data, position, into)),
    write: ({ data }, position, bytes) => awake(data, () => writeRegion(data, position, bytes)),
    ioctl(device, command, argument, call) {
      return awake(device.data, () => {
        const served = serveIoctl(device.data, command, argument, call) ?? more(device, command, argument, call);
        if (served !== undefined) return served.result;
        throw new MediatedError('ENOTTY', `${device.data.name} has no command 0x${command.toString(16)}`, {
          syscall: 'ioctl',
        });
      });
    },
    feature: ({ data }, feature, flags, bytes, call) => serveLowPower(data, feature, flags, bytes, call),
    mmap({ data }, offset, length, access) {
      if (offset === GUARD_TABLE_OFFSET) return guards.bytes.subarray(0, length);
      return mapBar(data, Math.floor(offset / REGION_BYTES), offset % REGION_BYTES, length, access);
    },
  };
}

/** An access wakes a function that sleeps. */
function awake<T>(pci: PciDevice, body: () => T | Promise<T>): T | Promise<T> {
  if (!pci.lowPower) return body();
  const woken = pci.exitLowPower(true);
  return isThenable(woken) ? Promise.resolve(woken).then(body) : body();
}

function readRegion(pci: PciDevice, position: number, into: Uint8Array): number | Promise<number> {
  if (into.length === 0) return 0;
  const index = Math.floor(position / REGION_BYTES);
  const offset = position % REGION_BYTES;
  if (index === PCI_REGIONS.config) return pci.config.read(offset, into);
  const { rom } = pci.spec;
  if (index === PCI_REGIONS.rom && rom?.image !== undefined) return readRom(rom.image, rom.size, offset, into);
  if (index === PCI_REGIONS.vga && pci.vga !== undefined) {
    const count = clipVga(offset, into.length);
    into.set(new Uint8Array(pci.vga, offset, count));
    return count;
  }
  return readBar(pci, barAt(pci, index), offset, into);
}

function writeRegion(pci: PciDevice, position: number, bytes: Uint8Array): number | Promise<number> {
  if (bytes.length === 0) return 0;
  const index = Math.floor(position / REGION_BYTES);
  const offset = position % REGION_BYTES;
  if (index === PCI_REGIONS.config) return pci.config.write(offset, bytes);
  if (index === PCI_REGIONS.vga && pci.vga !== undefined) {
    const count = clipVga(offset, bytes.length);
    new Uint8Array(pci.vga, offset, count).set(bytes.subarray(0, count));
    return count;
  }
  return writeBar(pci, barAt(pci, index), offset, bytes);
}

function barAt(pci: PciDevice, index: number) {
  const bar = pci.bars[index];
  if (bar !== undefined) return bar;
  throw new MediatedError('EINVAL', `${pci.name} has no region ${index} to access`, { syscall: 'read' });
}
