/**
 * The PCI topology of a recording (08-pci-topology: name, ids, class, IOMMU group, ways to reset, bridge of each function)
 * as options of vfio-pci. Pure. What a row says of its group is left out: how groups are numbered is vfio-pci's own rule.
 */
import type { EndpointSpec, TopologyNodeSpec, TopologySpec } from '@mediated/vfio/pci';
import { type Fields, text } from '../recording.js';
import { hardwareOf } from './hardware.js';

const BRIDGE_CLASS = 0x0604;
const FIRST_NEW_BUS = 0xf0;

interface Row {
  readonly bdf: string;
  readonly vendor: number;
  readonly device: number;
  readonly classCode: number;
  readonly group: string;
  readonly resets: readonly string[];
  readonly parent: string;
}

/**
 * `lostLinks`: names of ports that a kernel has said to have lost their link after a reset. What was listed again after
 * virtual functions had been switched on shows which these are.
 */
export function recordedTopology(lines: readonly Fields[], lostLinks: ReadonlySet<string> = new Set()): TopologySpec {
  const rows = lines.filter((line) => line.note === undefined).map(rowOf);
  const later = lines.filter((line) => line.note !== undefined).map(rowOf);
  const virtual = later.filter(({ bdf }) => !rows.some((row) => row.bdf === bdf));
  let bus = FIRST_NEW_BUS;
  const nodeOf = (row: Row): TopologyNodeSpec => {
    const at = row.bdf.split(':')[2];
    if (row.classCode >> 8 !== BRIDGE_CLASS) return endpoint(row, at, virtual.filter(onBusOf(row)));
    const behind = rows.filter(({ parent }) => parent === row.bdf);
    // Where the devices behind it are in its own group, nothing tells them apart: a conventional bus.
    const conventional = behind.some(({ group }) => group === row.group);
    return {
      at,
      vendor: row.vendor,
      device: row.device,
      bridge: conventional ? 'conventional' : 'port',
      bus: behind.length === 0 ? bus++ : Number.parseInt(behind[0].bdf.split(':')[1], 16),
      linkLost: lostLinks.has(row.bdf),
      devices: behind.map(nodeOf),
    };
  };
  return { devices: rows.filter(({ parent }) => parent.startsWith('pci')).map(nodeOf) };
}

/** Names of the virtual functions of a recording. */
export function virtualFunctions(lines: readonly Fields[]): string[] {
  const names = lines.filter((line) => line.note === undefined).map((line) => line.bdf);
  return lines.map((line) => String(line.bdf)).filter((bdf) => !names.includes(bdf));
}

/** Virtual functions are found on the bus of the function that offers them; it was listed again with them. */
function onBusOf(row: Row): (other: Row) => boolean {
  const bus = row.bdf.slice(0, row.bdf.lastIndexOf(':'));
  return (other) => other.bdf.startsWith(`${bus}:`);
}

function endpoint(row: Row, at: string, virtual: readonly Row[]): EndpointSpec {
  const { vendor, device, classCode, resets } = row;
  const { express, ...hardware } = hardwareOf(vendor, device) ?? {};
  const flr = resets.includes('flr');
  const isExpress = express !== undefined || flr;
  return {
    at,
    vendor,
    device,
    classCode,
    ...hardware,
    ...(isExpress && { express: { ...express, flr } }),
    ...(resets.includes('pm') && { pm: {} }),
    ...(virtual.length > 0 && { sriov: { total: virtual.length, function: { bars: hardware.bars ?? [] } } }),
  };
}

function rowOf(line: Fields): Row {
  const number = (name: string) => Number.parseInt(text(line, name) ?? '0', 16);
  return {
    bdf: text(line, 'bdf') ?? '',
    vendor: number('vendor'),
    device: number('device'),
    classCode: number('class'),
    group: text(line, 'group') ?? '',
    resets: (text(line, 'reset_method') ?? '').split(' '),
    parent: text(line, 'parent') ?? '',
  };
}
