/**
 * The callbacks for an open device of which all is memory-mapped regions and interrupts without a window for configuration:
 * platform devices and fsl-mc objects (spec/vendors/platform-fsl A4, A5, B5). Called on the device's thread.
 */
import { MediatedError } from '@mediated/core';
import type { EventfdSource } from '../irqs/device-interrupts.js';
import type { MapAccess, MappedMemory } from '../mapped-memory.js';
import type { DeviceOperations } from '../operations.js';
import { readArgument } from '../uapi/argument.js';
import { DEVICE_GET_INFO, DEVICE_INFO_BYTES, DEVICE_RESET, deviceInfo } from '../uapi/device.js';
import { DEVICE_GET_IRQ_INFO, DEVICE_SET_IRQS } from '../uapi/irq.js';
import { DEVICE_GET_REGION_INFO } from '../uapi/region.js';
import { answerRegionInfo, type MmioRegion } from './mmio-region.js';

/** What they need of a device. */
export interface MmioDevice {
  readonly name: string;
  /** `DEVICE_FLAGS`. */
  readonly flags: number;
  readonly regions: readonly MmioRegion[];
  readonly interrupts: {
    readonly count: number;
    info(argument: Uint8Array): void;
    set(argument: Uint8Array, call: EventfdSource): void | Promise<void>;
  };
  open(): void | Promise<void>;
  close(): void | Promise<void>;
  read(position: number, into: Uint8Array): number | Promise<number>;
  write(position: number, bytes: Uint8Array): number | Promise<number>;
  map(offset: number, length: number, access: Required<MapAccess>): MappedMemory;
  reset(): void | Promise<void>;
  release(): void;
}

export function mmioOperations<Device extends MmioDevice>(): DeviceOperations<Device> {
  return {
    release: ({ data }) => data.release(),
    openDevice: ({ data }) => data.open(),
    closeDevice: ({ data }) => data.close(),
    read: ({ data }, position, into) => data.read(position, into),
    write: ({ data }, position, bytes) => data.write(position, bytes),
    mmap: ({ data }, offset, length, access) => data.map(offset, length, access),
    ioctl({ data }, command, argument, call) {
      switch (command) {
        case DEVICE_GET_INFO:
          return getInfo(data, argument);
        case DEVICE_GET_REGION_INFO:
          return answerRegionInfo(data.regions, argument);
        case DEVICE_GET_IRQ_INFO:
          return data.interrupts.info(argument);
        case DEVICE_SET_IRQS:
          return data.interrupts.set(argument, call);
        case DEVICE_RESET:
          return data.reset();
        default:
          throw new MediatedError('ENOTTY', `${data.name} has no command 0x${command.toString(16)}`, {
            syscall: 'ioctl',
          });
      }
    },
  };
}

function getInfo({ flags, regions, interrupts }: MmioDevice, argument: Uint8Array): void {
  readArgument(deviceInfo, argument, DEVICE_INFO_BYTES);
  deviceInfo.encode(argument, { flags, num_regions: regions.length, num_irqs: interrupts.count });
}
