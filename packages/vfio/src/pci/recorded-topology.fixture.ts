/**
 * The machine of the recordings 08-*: devices of a q35 board, two conventional functions behind a bridge (A), a slot with
 * two functions behind a port whose link never says that it is up (B), a disk with virtual functions (D), a lone network
 * card. Plain data.
 */
import type { TopologySpec } from '@mediated/vfio/pci';

const port = { bridge: 'port', vendor: 0x1b36, device: 0x000c } as const;
const teacher = {
  vendor: 0x1234,
  device: 0x11e8,
  classCode: 0x00ff00,
  bars: [{ size: 0x100000 }],
  msi: { vectors: 1 },
} as const;
const network = {
  vendor: 0x8086,
  device: 0x10d3,
  classCode: 0x020000,
  bars: [{ size: 0x20000 }, { size: 0x20000 }, { size: 32, kind: 'io' }, { size: 0x4000 }],
  rom: { size: 0x40000, image: Uint8Array.of(0x55, 0xaa) },
  pm: {},
  msi: { vectors: 1 },
  msix: { vectors: 5, bar: 3, offset: 0 },
  express: {},
} as const;

export const RECORDED_TOPOLOGY: TopologySpec = {
  devices: [
    { at: '00', vendor: 0x8086, device: 0x29c0, classCode: 0x060000 },
    { at: '01', vendor: 0x1234, device: 0x1111, classCode: 0x030000 },
    { at: '02', vendor: 0x1af4, device: 0x1009, classCode: 0x000200 },
    {
      ...port,
      at: '08',
      bus: 1,
      devices: [
        {
          at: '00',
          bridge: 'conventional',
          vendor: 0x1b36,
          device: 0x000e,
          bus: 2,
          devices: [
            { at: '01', ...teacher },
            { at: '02', ...teacher },
          ],
        },
      ],
    },
    {
      ...port,
      at: '09',
      bus: 3,
      linkLost: true,
      devices: [
        { at: '00.0', ...network },
        { at: '00.1', ...network },
      ],
    },
    {
      ...port,
      at: '0a',
      bus: 4,
      linkLost: true,
      devices: [
        {
          at: '00',
          vendor: 0x1b36,
          device: 0x0010,
          classCode: 0x010802,
          bars: [{ size: 0x4000, wide: true }],
          msix: { vectors: 3, bar: 0, offset: 0x2000 },
          express: { flr: true },
          sriov: { total: 2, function: { bars: [{ size: 0x4000, wide: true }] } },
        },
      ],
    },
    { at: '0b', ...teacher },
    { ...port, at: '0c', bus: 5, linkLost: true, devices: [{ at: '00', ...network }] },
    { at: '1f.0', vendor: 0x8086, device: 0x2918, classCode: 0x060100 },
    { at: '1f.2', vendor: 0x8086, device: 0x2922, classCode: 0x010601 },
    { at: '1f.3', vendor: 0x8086, device: 0x2930, classCode: 0x0c0500 },
  ],
};
