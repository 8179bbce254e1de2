/**
 * The device behind the figure of DMA: told by a register which way to copy, it copies between its own memory and guest memory
 * (or memory of its own), and has another register for how long that took.
 */
import { MediatedError } from '@mediated/core';
import { defineDriver, type VfioDevice } from '@mediated/vfio';
import {
  DEVICE_FLAGS,
  DEVICE_GET_INFO,
  DEVICE_GET_REGION_INFO,
  DEVICE_INFO_BYTES,
  deviceInfo,
  PCI_IRQS,
  PCI_REGIONS,
  REGION_FLAGS,
  REGION_INFO_BYTES,
  readArgument,
  regionInfo,
} from '@mediated/vfio/uapi';

/** The directory name of the driver's only type. */
export const COPIER_TYPE = 'copier-1';
/** Bytes of one copy. Guest memory of so many bytes is at address 0. */
export const COPY_BYTES = 2 ** 22;
/** Copies of one reading. */
export const COPIES = 32;
/** Registers of region 0: what is to be copied (one byte), and milliseconds of it (a float of 64 bits). */
export const COPIER_REGISTERS = { copy: 0, milliseconds: 8 } as const;
export const COPY = { plain: 0, fromGuest: 1, toGuest: 2 } as const;

const REGISTER_BYTES = 16;

class Copier {
  readonly registers = new Uint8Array(REGISTER_BYTES);
  // Written once: memory that was never touched is not there.
  readonly #own = new Uint8Array(COPY_BYTES).fill(1);
  readonly #other = new Uint8Array(COPY_BYTES).fill(2);

  copy({ dma }: VfioDevice<Copier>): void {
    const what = this.registers[COPIER_REGISTERS.copy];
    const start = performance.now();
    for (let i = 0; i < COPIES; i++) {
      if (what === COPY.fromGuest) dma.read(0, this.#own);
      else if (what === COPY.toGuest) dma.write(0, this.#own);
      else this.#own.set(this.#other);
    }
    new DataView(this.registers.buffer).setFloat64(COPIER_REGISTERS.milliseconds, performance.now() - start, true);
  }
}

function describeRegion(argument: Uint8Array): void {
  const { index } = readArgument(regionInfo, argument, REGION_INFO_BYTES);
  const flags = index === 0 ? REGION_FLAGS.read | REGION_FLAGS.write : 0;
  regionInfo.encode(argument, { flags, size: BigInt(index === 0 ? REGISTER_BYTES : 0) });
}

export default defineDriver({
  name: 'copier',
  deviceApi: 'vfio-pci',
  types: [{ sysfsName: '1' }],
  maxInstances: 1,
  start: () => ({
    init: (_device) => new Copier(),
    read({ data }, position, into) {
      into.set(data.registers.subarray(position, position + into.length));
      return into.length;
    },
    write(device, position, bytes) {
      device.data.registers.set(bytes, position);
      if (position === COPIER_REGISTERS.copy) device.data.copy(device);
      return bytes.length;
    },
    ioctl(_device, command, argument) {
      if (command === DEVICE_GET_REGION_INFO) return describeRegion(argument);
      if (command !== DEVICE_GET_INFO) throw new MediatedError('ENOTTY', `no command ${command}`);
      readArgument(deviceInfo, argument, DEVICE_INFO_BYTES);
      deviceInfo.encode(argument, {
        flags: DEVICE_FLAGS.pci,
        num_regions: PCI_REGIONS.count,
        num_irqs: PCI_IRQS.count,
      });
    },
  }),
});
