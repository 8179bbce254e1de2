/** What the PCI devices of the tests have in common: regions, one behind the other in the device's file, and the usual ioctls. */
import { MediatedError } from '@mediated/core';
import type { DeviceInterrupts, IoctlCall } from '@mediated/vfio';
import {
  DEVICE_FLAGS,
  DEVICE_GET_INFO,
  DEVICE_GET_IRQ_INFO,
  DEVICE_GET_REGION_INFO,
  DEVICE_INFO_BYTES,
  DEVICE_RESET,
  DEVICE_SET_IRQS,
  deviceInfo,
  encodeWithCapabilities,
  PCI_IRQS,
  PCI_REGIONS,
  REGION_FLAGS,
  REGION_INFO_BYTES,
  readArgument,
  regionInfo,
} from '@mediated/vfio/uapi';

/** Bytes from the beginning of one region to that of the next. */
export const REGION_STRIDE = 2 ** 20;

/** What is told of a region beside its size, which is that of its bytes. */
export interface RegionTraits {
  /** Beside reading and writing. */
  readonly flags?: number;
  readonly capabilities?: readonly Uint8Array[];
}

export abstract class PciDevice {
  abstract readonly interrupts: DeviceInterrupts;

  /** The bytes of a region; undefined: it is not there. */
  abstract region(index: number): Uint8Array | undefined;
  abstract reset(): void;

  traits(_index: number): RegionTraits {
    return {};
  }

  /** The bytes at a position of the device's file, as many as there are. EFAULT. */
  at(position: number, length: number): Uint8Array {
    const offset = position % REGION_STRIDE;
    const bytes = this.region(Math.floor(position / REGION_STRIDE));
    if (bytes === undefined || offset > bytes.length) {
      throw new MediatedError('EFAULT', `${length} bytes at ${position}`);
    }
    return bytes.subarray(offset, offset + length);
  }

  ioctl(command: number, argument: Uint8Array, call: IoctlCall): void | Promise<void> {
    switch (command) {
      case DEVICE_GET_INFO: {
        readArgument(deviceInfo, argument, DEVICE_INFO_BYTES);
        const flags = DEVICE_FLAGS.pci | DEVICE_FLAGS.reset;
        const counts = { num_regions: PCI_REGIONS.count, num_irqs: PCI_IRQS.count };
        return deviceInfo.encode(argument, { flags, ...counts });
      }
      case DEVICE_GET_REGION_INFO:
        return this.#regionInfo(argument);
      case DEVICE_GET_IRQ_INFO:
        return this.interrupts.info(argument);
      case DEVICE_SET_IRQS:
        return this.interrupts.set(argument, call);
      case DEVICE_RESET:
        return this.reset();
      default:
        throw new MediatedError('ENOTTY', `no command ${command}`);
    }
  }

  #regionInfo(argument: Uint8Array): void {
    const { index } = readArgument(regionInfo, argument, REGION_INFO_BYTES);
    if (index >= PCI_REGIONS.count) throw new MediatedError('EINVAL', `no region ${index}`);
    const size = BigInt(this.region(index)?.length ?? 0);
    const { flags = 0, capabilities = [] } = this.traits(index);
    const offset = BigInt(index * REGION_STRIDE);
    const values = { index, flags: REGION_FLAGS.read | REGION_FLAGS.write | flags, size, offset };
    encodeWithCapabilities(regionInfo, argument, values, capabilities, REGION_FLAGS.caps);
  }
}
