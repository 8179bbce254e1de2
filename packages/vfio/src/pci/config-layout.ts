/**
 * Which bits of configuration space are virtual and which a program may change (spec/pci sections 3.2 and 3.5), as data:
 * fields of the header and of each capability by id. Read by `config-space.ts` when a device is opened.
 */
import { CAPABILITY, EXTENDED, HEADER_BYTES } from './registers.js';

/** A register: which bits lie in the virtual copy, which bits a program's write reaches. The others are neither. */
export interface Field {
  readonly offset: number;
  readonly bytes: 1 | 2 | 4;
  readonly virtual: number;
  readonly write: number;
}

const ALL = 0xffff_ffff;

function field(offset: number, bytes: 1 | 2 | 4, virtual: number, write: number): Field {
  return { offset, bytes, virtual, write };
}

/** The standard header. The pin becomes virtual zero where the function is offered without INTx. */
const HEADER_FIELDS: readonly Field[] = [
  field(0x00, 4, ALL, 0),
  field(0x04, 2, 0x0400, ALL),
  field(0x06, 2, 0x0010, 0),
  field(0x0c, 2, 0, ALL),
  field(0x0f, 1, 0, ALL),
  ...[0x10, 0x14, 0x18, 0x1c, 0x20, 0x24, 0x30].map((offset) => field(offset, 4, ALL, ALL)),
  field(0x34, 1, ALL, 0),
  field(0x3c, 1, ALL, ALL),
  field(0x3d, 1, ALL, 0),
];

/** Id and next pointer of every capability; of every extended one, its first four bytes. */
export const LINK_FIELDS: readonly Field[] = [field(0, 2, ALL, 0)];
export const EXTENDED_LINK_FIELDS: readonly Field[] = [field(0, 4, ALL, 0)];

/** How the writes of a capability are treated. */
export interface CapabilityLayout {
  /** Bytes of it at `at`, whose registers `read` reads; 0: a program does not see it. */
  length(read: (offset: number, bytes: number) => number): number;
  readonly fields: readonly Field[];
  /** Writes go to the function as they are. */
  readonly raw?: boolean;
}

const fixed = (length: number, fields: readonly Field[] = []): CapabilityLayout => ({ length: () => length, fields });

/** The capabilities that a program sees, by id. All others are hidden. */
export const CAPABILITY_LAYOUTS: ReadonlyMap<number, CapabilityLayout> = new Map<number, CapabilityLayout>([
  [CAPABILITY.pm, fixed(8, [field(2, 2, 0xf800, 0), field(4, 2, 0x8100, ALL & ~0x8103), field(6, 2, 0, ALL)])],
  [CAPABILITY.agp, fixed(8)],
  [CAPABILITY.vpd, fixed(8, [field(2, 2, ALL, ALL), field(4, 4, ALL, ALL)])],
  [
    CAPABILITY.msi,
    {
      length: (read) => {
        const flags = read(2, 2);
        return (flags & 0x80 ? 14 : 10) + (flags & 0x100 ? 10 : 0);
      },
      // What follows the address depends on the flags: `config-space.ts` adds it.
      fields: [field(2, 1, ALL, ALL), field(4, 4, ALL, ALL)],
    },
  ],
  [CAPABILITY.pcix, { length: (read) => ((read(2, 2) & 0x3000) === 0 ? 8 : 24), fields: [field(2, 2, 0, ALL)] }],
  [CAPABILITY.hyperTransport, fixed(4)],
  [CAPABILITY.vendor, { length: (read) => read(2, 1), fields: [], raw: true }],
  [
    CAPABILITY.express,
    {
      length: (read) => ((read(2, 2) & 0xf) > 1 ? 0x3c : 0x14),
      fields: [field(8, 2, 0x8000 | 0x00e0 | 0x7000, ALL & ~0x0200), field(0x28, 2, 0, ALL & ~0x0020)],
    },
  ],
  [CAPABILITY.msix, fixed(12)],
  [CAPABILITY.sata, fixed(8)],
  [CAPABILITY.af, fixed(6, [field(4, 1, 1, ALL)])],
]);

/** The extended capabilities that a program sees, by id. */
export const EXTENDED_LAYOUTS: ReadonlyMap<number, CapabilityLayout> = new Map<number, CapabilityLayout>([
  [
    EXTENDED.aer,
    fixed(0x2c, [
      ...[0x04, 0x08, 0x0c].map((offset) => field(offset, 4, 0, 0x03ff_f031)),
      field(0x10, 4, 0, 0xf1c1),
      field(0x14, 4, 0, 0xf1c1),
      field(0x18, 4, 0, 0x140),
    ]),
  ],
  [EXTENDED.virtualChannel, fixed(0x1c)],
  [EXTENDED.serialNumber, fixed(0xc)],
  [EXTENDED.powerBudget, fixed(0x10, [field(8, 1, 0, ALL)])],
  [EXTENDED.multiFunctionVirtualChannel, fixed(0x1c)],
  [EXTENDED.virtualChannel9, fixed(0x1c)],
  [EXTENDED.vendor, { length: (read) => read(4, 4) >>> 20, fields: [], raw: true }],
  [EXTENDED.acs, fixed(8)],
  [EXTENDED.ari, fixed(8)],
  [EXTENDED.ats, fixed(8)],
  [EXTENDED.sriov, fixed(0x40)],
  [EXTENDED.multicast, fixed(0x30)],
  [EXTENDED.pageRequest, fixed(0x10)],
  [EXTENDED.resizableBar, { length: (read) => 4 + 8 * Math.max(1, (read(8, 4) >>> 5) & 7), fields: [] }],
  [EXTENDED.dpa, { length: (read) => 0x10 + (read(4, 4) & 0x1f) + 1, fields: [] }],
  [EXTENDED.tph, fixed(0xc)],
  [EXTENDED.ltr, fixed(8)],
  [EXTENDED.dvsec, { length: (read) => read(4, 4) >>> 20, fields: [], raw: true }],
]);

/** Layout of the header as of a capability. */
export const HEADER_LAYOUT: CapabilityLayout = fixed(HEADER_BYTES, HEADER_FIELDS);
