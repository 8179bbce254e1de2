/**
 * The PCI devices of the virtual machine in which the recordings were made, by vendor and device: what an emulator builds
 * them of. How each can be reset, the recorded topology says.
 */
import type { FunctionSpec } from '@mediated/vfio/pci';

type Hardware = Pick<FunctionSpec, 'bars' | 'rom' | 'msi' | 'msix' | 'express'>;

/** The beginning of a ROM image. */
const IMAGE = Uint8Array.of(0x55, 0xaa);

const KNOWN: Readonly<Record<string, Hardware>> = {
  // A device for teaching.
  '1234:11e8': { bars: [{ size: 0x100000 }], msi: { vectors: 1 } },
  // A network card.
  '8086:10d3': {
    bars: [{ size: 0x20000 }, { size: 0x20000 }, { size: 32, kind: 'io' }, { size: 0x4000 }],
    rom: { size: 0x40000, image: IMAGE },
    msi: { vectors: 1 },
    msix: { vectors: 5, bar: 3, offset: 0 },
    express: {},
  },
  // An NVMe disk.
  '1b36:0010': {
    bars: [{ size: 0x4000, wide: true }],
    msix: { vectors: 3, bar: 0, offset: 0x2000 },
    express: {},
  },
};

/** What a device is built of; undefined: nothing is known. */
export function hardwareOf(vendor: number, device: number): Hardware | undefined {
  const hex = (id: number) => id.toString(16).padStart(4, '0');
  return KNOWN[`${hex(vendor)}:${hex(device)}`];
}
