/**
 * A PCI card for tests: registers (region 0) by which it does DMA and raises interrupts, memory that is mapped as a whole
 * (1) and in part (2), memory that cannot be shown (3), a configuration space that ends one byte early.
 */
import { getEnvironmentData } from 'node:worker_threads';
import { MediatedError } from '@mediated/core';
import { DeviceInterrupts, defineDriver, pageAlignedMemory, type VfioDevice } from '@mediated/vfio';
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
  regionSparseMmapArea,
  regionSparseMmapCapability,
} from '@mediated/vfio/uapi';

/** Registers of region 0: a write of 8 bytes at one of them acts. */
export const REGISTERS = {
  /** Address of guest memory. */
  iova: 0x100,
  /** Reads so many bytes of it to byte 0x200 of the registers. */
  read: 0x108,
  /** Writes so many bytes of the registers, from 0x200 on, to it. */
  write: 0x110,
  /** Raises an interrupt: index in the low, number in the high 32 bits. */
  raise: 0x118,
  /** The errno of the last access to guest memory. */
  errno: 0x120,
  /** The thread hangs: see {@link HANG}. */
  hang: 0x128,
  data: 0x200,
} as const;

/** Environment datum of whoever starts the runtime: a buffer of two words; the first is 1 while it hangs, the second ends that. */
export const HANG = 'card.fixture: hang';

export const REGION_BYTES = [4096, 16384, 16384, 8192] as const;
export const SPARSE = { offset: 4096, size: 8192 } as const;
/** Its MSI-X capability in the configuration space. Table and pending bits are in region 3. */
export const CARD_MSIX = { at: 0x40, vectors: 4, table: 3, pending: 0x1003 } as const;
const SHIFT = 2 ** 20;

class Card {
  readonly regions = [
    new Uint8Array(REGION_BYTES[0]),
    pageAlignedMemory(REGION_BYTES[1]),
    pageAlignedMemory(REGION_BYTES[2]),
    // Begins 16 bytes behind a page.
    new Uint8Array(new SharedArrayBuffer(REGION_BYTES[3] + 16), 16),
  ];
  /** Vendor 1af4, device 0001, all regions memory, interrupt pin A, a list of one capability. */
  readonly config = Uint8Array.from(
    { length: 255 },
    (_, at) =>
      new Map([
        [0, 0xf4],
        [1, 0x1a],
        [2, 1],
        [0x06, 0x10],
        [0x34, CARD_MSIX.at],
        [0x3d, 1],
        [CARD_MSIX.at, 0x11],
        [CARD_MSIX.at + 2, CARD_MSIX.vectors - 1],
        [CARD_MSIX.at + 4, CARD_MSIX.table],
        [CARD_MSIX.at + 8, CARD_MSIX.pending & 0xff],
        [CARD_MSIX.at + 9, CARD_MSIX.pending >> 8],
      ]).get(at) ?? 0,
  );
  readonly interrupts = new DeviceInterrupts(
    [
      { count: 1, automasked: true, keepsPending: true },
      { count: 1 },
      { count: 4, noresize: true },
      { count: 1 },
      { count: 1 },
    ],
    () => {},
  );
}

function act({ data: card, dma }: VfioDevice<Card>, position: number): void {
  const registers = new DataView(card.regions[0].buffer);
  const iova = registers.getBigUint64(REGISTERS.iova, true);
  const value = registers.getBigUint64(position, true);
  try {
    if (position === REGISTERS.read)
      dma.read(iova, card.regions[0].subarray(REGISTERS.data, REGISTERS.data + Number(value)));
    else if (position === REGISTERS.write)
      dma.write(iova, card.regions[0].subarray(REGISTERS.data, REGISTERS.data + Number(value)));
    else card.interrupts.raise(Number(value & 0xffffffffn), Number(value >> 32n));
    registers.setBigInt64(REGISTERS.errno, 0n, true);
  } catch (error) {
    registers.setBigInt64(REGISTERS.errno, BigInt((error as MediatedError).errno ?? -1), true);
  }
}

function hang(): void {
  const words = new Int32Array(getEnvironmentData(HANG) as unknown as SharedArrayBuffer);
  Atomics.store(words, 0, 1);
  Atomics.notify(words, 0);
  Atomics.wait(words, 1, 0);
  Atomics.store(words, 0, 0);
}

/** The part of a region at a position of the device's file. */
function at(card: Card, position: number, length: number): Uint8Array {
  const region = Math.floor(position / SHIFT);
  const offset = position % SHIFT;
  const bytes = region === PCI_REGIONS.config ? card.config : card.regions[region];
  if (bytes === undefined || offset > bytes.length) throw new MediatedError('EFAULT', `${length} bytes at ${position}`);
  return bytes.subarray(offset, offset + length);
}

function getRegionInfo(argument: Uint8Array): void {
  const { index } = readArgument(regionInfo, argument, REGION_INFO_BYTES);
  if (index >= PCI_REGIONS.count) throw new MediatedError('EINVAL', `no region ${index}`);
  const size = index === PCI_REGIONS.config ? 255 : (REGION_BYTES[index] ?? 0);
  const mappable = index >= 1 && index <= 3;
  const flags = REGION_FLAGS.read | REGION_FLAGS.write | (mappable ? REGION_FLAGS.mmap : 0);
  const sparse = regionSparseMmapCapability.bytes({ id: 1, version: 1, nr_areas: 1 }, 32);
  regionSparseMmapArea.encode(sparse.subarray(16), { offset: BigInt(SPARSE.offset), size: BigInt(SPARSE.size) });
  const values = { index, flags, size: BigInt(size), offset: BigInt(index * SHIFT) };
  encodeWithCapabilities(regionInfo, argument, values, index === 2 ? [sparse] : [], REGION_FLAGS.caps);
}

export default defineDriver({
  name: 'card',
  deviceApi: 'vfio-pci',
  types: [{ sysfsName: 'one' }],
  maxInstances: 32,
  start() {
    return {
      init(_device) {
        return new Card();
      },
      closeDevice: ({ data }) => data.interrupts.close(),
      read({ data }, position, into) {
        const bytes = at(data, position, into.length);
        into.set(bytes);
        return bytes.length;
      },
      write(device, position, bytes) {
        at(device.data, position, bytes.length).set(bytes);
        const acting = position === REGISTERS.read || position === REGISTERS.write || position === REGISTERS.raise;
        if (bytes.length === 8 && acting) act(device, position);
        if (bytes.length === 8 && position === REGISTERS.hang) hang();
        return bytes.length;
      },
      mmap({ data }, offset, length) {
        return at(data, offset, length) as Uint8Array<SharedArrayBuffer>;
      },
      ioctl({ data }, command, argument, call) {
        switch (command) {
          case DEVICE_GET_INFO:
            readArgument(deviceInfo, argument, DEVICE_INFO_BYTES);
            return deviceInfo.encode(argument, {
              flags: DEVICE_FLAGS.pci | DEVICE_FLAGS.reset,
              num_regions: PCI_REGIONS.count,
              num_irqs: PCI_IRQS.count,
            });
          case DEVICE_GET_REGION_INFO:
            return getRegionInfo(argument);
          case DEVICE_GET_IRQ_INFO:
            return data.interrupts.info(argument);
          case DEVICE_SET_IRQS:
            return data.interrupts.set(argument, call);
          case DEVICE_RESET:
            data.regions[0].fill(0);
            return;
          default:
            throw new MediatedError('ENOTTY', `no command ${command}`);
        }
      },
      dmaUnmap() {},
      request({ data }) {
        data.interrupts.raise(PCI_IRQS.request);
      },
    };
  },
});
