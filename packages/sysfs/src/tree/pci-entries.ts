/**
 * The directory of a PCI function: what lspci, libvirt and driverctl read and write. Its configuration space is made of the
 * description and can be read, not changed.
 */
import { posix } from 'node:path';
import { MediatedError } from '@mediated/core';
import { constant, type Directory, directory, type Entry, file, link } from './entry.js';
import type { PciFunction, PciFunctionDescription } from './pci-functions.js';
import { powerDirectory } from './power.js';
import type { TreeSource } from './tree.js';
import { writtenAction } from './written-action.js';

/** Longest name of a driver that may be written. */
const LONGEST_OVERRIDE = 4094;
const CONFIG_BYTES = 256;

export function pciEntries(source: TreeSource, pci: PciFunction, below: () => ReadonlyMap<string, Entry>): Directory {
  const { description, path } = pci;
  const alive = () => source.pci.all().some((candidate) => candidate.path === path);
  const hex = (value: number | undefined, digits: number) => `0x${(value ?? 0).toString(16).padStart(digits, '0')}\n`;
  const text = (name: string, show: string | (() => string)) => [name, constant(name, show, alive)] as const;
  const state = source.pci.state(pci);
  const entries = (): (readonly [string, Entry])[] => {
    const driver = source.pci.driverOf(pci);
    const group = source.pci.bound(pci)?.group ?? description.iommuGroup;
    return [
      text('class', hex(description.class ?? 0xff0000, 6)),
      text('vendor', hex(description.vendor, 4)),
      text('device', hex(description.device, 4)),
      text('subsystem_vendor', hex(description.subsystemVendor, 4)),
      text('subsystem_device', hex(description.subsystemDevice, 4)),
      text('revision', hex(description.revision, 2)),
      text('irq', `${description.irq ?? 0}\n`),
      text('enable', '1\n'),
      text('numa_node', '-1\n'),
      text('modalias', `${modalias(description)}\n`),
      text('resource', resources(description)),
      [
        'config',
        file({
          path: 'config',
          mode: 0o644,
          alive,
          binary: { size: CONFIG_BYTES, read: () => configSpace(description) },
          store: () => {},
        }),
      ],
      [
        'driver_override',
        file({
          path: 'driver_override',
          mode: 0o644,
          alive,
          show: () => `${state.override ?? '(null)'}\n`,
          store: (bytes) => {
            state.override = overrideIn(bytes);
          },
        }),
      ],
      [
        'uevent',
        file({
          path: 'uevent',
          mode: 0o644,
          alive,
          show: () => uevent(description, driver),
          store: (bytes) => emit(pci, bytes),
        }),
      ],
      ['power', powerDirectory(alive)],
      ['subsystem', link(posix.relative(path, '/bus/pci'))],
      ...(driver === undefined
        ? []
        : [['driver', link(posix.relative(path, `/bus/pci/drivers/${driver}`), 'passing')] as const]),
      ...(group === undefined
        ? []
        : [['iommu_group', link(posix.relative(path, `/kernel/iommu_groups/${group}`), 'passing')] as const]),
      ...below(),
    ];
  };
  return directory(entries, { life: `pci ${description.name}`, stay: 'registered', exists: alive });
}

/** One newline at the end is not part of the name; an empty name takes the override away. */
function overrideIn(bytes: Buffer): string | undefined {
  if (bytes.length > LONGEST_OVERRIDE) throw new MediatedError('EINVAL', 'too long a name', { syscall: 'write' });
  const name = bytes.toString('latin1').split(/[\0\n]/, 1)[0];
  return name === '' || name === '(null)' ? undefined : name;
}

/** A PCI function that is a parent has its events told under its own path; of the others nobody tells here. */
async function emit({ parent }: PciFunction, bytes: Buffer): Promise<void> {
  const action = writtenAction(bytes);
  await parent?.synthesize({ action, text: '0' });
}

function uevent(description: PciFunctionDescription, driver: string | undefined): string {
  const hex = (value: number | undefined, digits: number) =>
    (value ?? 0).toString(16).toUpperCase().padStart(digits, '0');
  const { vendor, device, subsystemVendor, subsystemDevice, name } = description;
  return [
    ...(driver === undefined ? [] : [`DRIVER=${driver}`]),
    `PCI_CLASS=${hex(description.class ?? 0xff0000, 5)}`,
    `PCI_ID=${hex(vendor, 4)}:${hex(device, 4)}`,
    `PCI_SUBSYS_ID=${hex(subsystemVendor, 4)}:${hex(subsystemDevice, 4)}`,
    `PCI_SLOT_NAME=${name}`,
    `MODALIAS=${modalias(description)}`,
    '',
  ].join('\n');
}

function modalias(description: PciFunctionDescription): string {
  const hex = (value: number | undefined, digits: number) =>
    (value ?? 0).toString(16).toUpperCase().padStart(digits, '0');
  const { vendor, device, subsystemVendor, subsystemDevice } = description;
  const kind = hex(description.class ?? 0xff0000, 6);
  const ids = `v${hex(vendor, 8)}d${hex(device, 8)}sv${hex(subsystemVendor, 8)}sd${hex(subsystemDevice, 8)}`;
  return `pci:${ids}bc${kind.slice(0, 2)}sc${kind.slice(2, 4)}i${kind.slice(4)}`;
}

/** Start, end and flags of each range: six BARs, the ROM, and what bridges have. */
function resources({ resources: ranges = [] }: PciFunctionDescription): string {
  const hex = (value: bigint) => `0x${value.toString(16).padStart(16, '0')}`;
  const lines = Array.from({ length: 13 }, (_, index) => {
    const { start = 0n, end = 0n, flags = 0n } = ranges[index] ?? {};
    return `${hex(start)} ${hex(end)} ${hex(flags)}\n`;
  });
  return lines.join('');
}

/** A header of type 0. */
function configSpace(description: PciFunctionDescription): Uint8Array {
  const bytes = Buffer.alloc(CONFIG_BYTES);
  const {
    vendor,
    device,
    subsystemVendor = 0,
    subsystemDevice = 0,
    revision = 0,
    irq = 0,
    resources: ranges = [],
  } = description;
  bytes.writeUInt16LE(vendor, 0x00);
  bytes.writeUInt16LE(device, 0x02);
  // Memory, ports and bus mastering on.
  bytes.writeUInt16LE(0x0007, 0x04);
  bytes.writeUInt32LE((((description.class ?? 0xff0000) << 8) | revision) >>> 0, 0x08);
  for (let bar = 0; bar < 6; bar++) {
    const { start = 0n, flags = 0n } = ranges[bar] ?? {};
    bytes.writeUInt32LE(Number((start | (flags & 0xfn)) & 0xffffffffn), 0x10 + bar * 4);
  }
  bytes.writeUInt16LE(subsystemVendor, 0x2c);
  bytes.writeUInt16LE(subsystemDevice, 0x2e);
  bytes.writeUInt8(irq & 0xff, 0x3c);
  bytes.writeUInt8(irq === 0 ? 0 : 1, 0x3d);
  return bytes;
}
