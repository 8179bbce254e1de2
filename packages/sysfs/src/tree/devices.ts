/**
 * `/devices`: every device at its path. The directories on the way to parents, PCI functions and group nodes follow from
 * their paths.
 */
import type { Parent } from '@mediated/core';
import { constant, type Directory, directory, type Entry, file, link } from './entry.js';
import { everyDevice, MDEV_BUS } from './every-device.js';
import { groupNode, groupNodes, nodeNumbers } from './iommu-groups.js';
import { parentEntries } from './parent-entries.js';
import { pciEntries } from './pci-entries.js';
import type { PciFunction } from './pci-functions.js';
import { powerDirectory } from './power.js';
import type { TreeSource } from './tree.js';

const VIRTUAL = '/devices/virtual';

/** The directory at `path`, which leads to devices and is none itself. */
export function devicesDirectory(source: TreeSource, path: string): Directory {
  return {
    type: 'directory',
    life: '',
    stay: path === '/devices' || path === VIRTUAL ? 'lasting' : 'registered',
    exists: () => path === '/devices' || path === VIRTUAL || namesBelow(source, path).size > 0,
    lookup: (name) =>
      fixedBelow(source, path).get(name) ?? at(source, `${path}/${name}`) ?? leaving(source, `${path}/${name}`),
    list() {
      const entries = fixedBelow(source, path);
      for (const name of namesBelow(source, path)) {
        const entry = entries.has(name) ? undefined : at(source, `${path}/${name}`);
        if (entry !== undefined) entries.set(name, entry);
      }
      return entries;
    },
  };
}

/** The device at a path, or the directory that leads to some. */
function at(source: TreeSource, path: string): Entry | undefined {
  const parent = source.bus.parents().find((candidate) => candidate.path === path && candidate.bus === MDEV_BUS);
  const pci = source.pci.all().find((candidate) => candidate.path === path);
  if (parent !== undefined) return parentEntries(source, parent, () => below(source, path, pci));
  if (pci !== undefined) return pciEntries(source, pci, () => below(source, path));
  return namesBelow(source, path).size === 0 ? undefined : devicesDirectory(source, path);
}

/** What stands below a device that is on the way to others, and what it has as a PCI function. */
function below(source: TreeSource, path: string, pci?: PciFunction): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  if (pci !== undefined) {
    for (const [name, entry] of pciEntries(source, pci, () => new Map()).list() as Iterable<readonly [string, Entry]>) {
      entries.set(name, entry);
    }
  }
  for (const name of namesBelow(source, path)) {
    const entry = at(source, `${path}/${name}`);
    if (entry !== undefined) entries.set(name, entry);
  }
  return entries;
}

/** Names of the directories in `path` that lead to devices. */
function namesBelow({ bus, pci }: TreeSource, path: string): Set<string> {
  const names = new Set<string>();
  const add = (device: string) => {
    if (device.startsWith(`${path}/`)) names.add(device.slice(path.length + 1).split('/', 1)[0]);
  };
  for (const parent of bus.parents()) if (parent.bus === MDEV_BUS) add(parent.path);
  for (const { path: device } of pci.all()) add(device);
  return names;
}

/** A parent that is being unregistered, or the way to one, while devices of it are left. */
function leaving(source: TreeSource, path: string): Entry | undefined {
  for (const { parent } of everyDevice(source.bus)) {
    if (parent.bus !== MDEV_BUS) continue;
    if (parent.path === path) return parentEntries(source, parent, () => new Map());
    if (parent.path.startsWith(`${path}/`)) return wayTo(source, parent, path);
  }
  return undefined;
}

function wayTo(source: TreeSource, parent: Parent, path: string): Directory {
  const name = parent.path.slice(path.length + 1).split('/', 1)[0];
  const entry = leaving(source, `${path}/${name}`);
  return directory(() => (entry === undefined ? [] : [[name, entry]]), { stay: 'registered' });
}

/** What stands there whatever is registered. */
function fixedBelow(source: TreeSource, path: string): Map<string, Entry> {
  if (path === '/devices') return new Map([['virtual', devicesDirectory(source, VIRTUAL)]]);
  if (path !== VIRTUAL) return new Map();
  const fixed = new Map<string, Entry>([['misc', directory(() => [['vfio', containerDevice()]])]]);
  if (nodeNumbers(source).length > 0) fixed.set('vfio', nodesDirectory(source));
  return fixed;
}

/** `/devices/virtual/vfio`. */
function nodesDirectory(source: TreeSource): Directory {
  return {
    type: 'directory',
    life: '',
    stay: 'passing',
    exists: () => nodeNumbers(source).length > 0,
    lookup(name) {
      const node = /^\d{1,9}$/.test(name) ? groupNode(source, Number(name)) : undefined;
      return node?.exists() && String(Number(name)) === name ? node : undefined;
    },
    list: () => groupNodes(source),
  };
}

/** `/devices/virtual/misc/vfio`: the device through which programs make containers. */
function containerDevice(): Directory {
  const always = () => true;
  const uevent = 'MAJOR=10\nMINOR=196\nDEVNAME=vfio/vfio\nDEVMODE=0666\n';
  return directory(() => [
    ['dev', constant('dev', '10:196\n')],
    ['power', powerDirectory(always)],
    ['subsystem', link('../../../../class/misc')],
    ['uevent', file({ path: 'uevent', mode: 0o644, alive: always, show: () => uevent, store: () => {} })],
  ]);
}
