/**
 * A PCI card for tests: registers (region 0) by which it does DMA and raises interrupts, memory that is mapped as a whole
 * (1) and in part (2), memory that cannot be shown (3), a configuration space that ends one byte early.
 */
import { getEnvironmentData } from 'node:worker_threads';
import type { MediatedError } from '@mediated/core';
import { DeviceInterrupts, defineDriver, pageAlignedMemory, type VfioDevice } from '@mediated/vfio';
import {
  PCI_IRQS,
  PCI_REGIONS,
  REGION_FLAGS,
  regionSparseMmapArea,
  regionSparseMmapCapability,
} from '@mediated/vfio/uapi';
import { PciDevice, type RegionTraits } from './pci-device.fixture.js';

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

class Card extends PciDevice {
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

  override region(index: number): Uint8Array | undefined {
    return index === PCI_REGIONS.config ? this.config : this.regions[index];
  }

  override traits(index: number): RegionTraits {
    if (index < 1 || index > 3) return {};
    const sparse = regionSparseMmapCapability.bytes({ id: 1, version: 1, nr_areas: 1 }, 32);
    regionSparseMmapArea.encode(sparse.subarray(16), { offset: BigInt(SPARSE.offset), size: BigInt(SPARSE.size) });
    return { flags: REGION_FLAGS.mmap, capabilities: index === 2 ? [sparse] : [] };
  }

  override reset(): void {
    this.regions[0].fill(0);
  }
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
        const bytes = data.at(position, into.length);
        into.set(bytes);
        return bytes.length;
      },
      write(device, position, bytes) {
        device.data.at(position, bytes.length).set(bytes);
        const acting = position === REGISTERS.read || position === REGISTERS.write || position === REGISTERS.raise;
        if (bytes.length === 8 && acting) act(device, position);
        if (bytes.length === 8 && position === REGISTERS.hang) hang();
        return bytes.length;
      },
      mmap({ data }, offset, length) {
        return data.at(offset, length) as Uint8Array<SharedArrayBuffer>;
      },
      ioctl: ({ data }, command, argument, call) => data.ioctl(command, argument, call),
      dmaUnmap() {},
      request({ data }) {
        data.interrupts.raise(PCI_IRQS.request);
      },
    };
  },
});
