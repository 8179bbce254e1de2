/** `/class`: links to devices by what they are. */
import { posix } from 'node:path';
import type { Parent } from '@mediated/core';
import { type Directory, directory, type Entry, link, type Stay } from './entry.js';
import { everyDevice, MDEV_BUS, pathOf } from './every-device.js';
import { nodeNumbers } from './iommu-groups.js';
import { isRegistered } from './mdev-entries.js';
import type { TreeSource } from './tree.js';

export function classesDirectory(source: TreeSource): Directory {
  const { bus } = source;
  const fixed = new Map<string, Entry>([
    ['mdev_bus', linksTo('/class/mdev_bus', 'registered', () => bus.parents().filter(isMediated).map(named))],
    ['misc', linksTo('/class/misc', 'lasting', () => [['vfio', '/devices/virtual/misc/vfio']])],
    [
      'vfio',
      linksTo('/class/vfio', 'passing', () =>
        nodeNumbers(source).map((n) => [String(n), `/devices/virtual/vfio/${n}`]),
      ),
    ],
    ['vfio-dev', linksTo('/class/vfio-dev', 'passing', () => vfioDevices(source))],
  ]);
  const list = (): Map<string, Entry> => {
    const entries = new Map(fixed);
    for (const { subsystem } of bus.parents().filter(isVirtual)) {
      if (!entries.has(subsystem)) entries.set(subsystem, subsystemDirectory(source, subsystem));
    }
    return entries;
  };
  return {
    type: 'directory',
    life: '',
    stay: 'lasting',
    exists: () => true,
    list,
    lookup: (name) => fixed.get(name) ?? list().get(name),
  };
}

function subsystemDirectory({ bus }: TreeSource, subsystem: string): Directory {
  const members = () => bus.parents().filter((parent) => isVirtual(parent) && parent.subsystem === subsystem);
  return linksTo(`/class/${subsystem}`, 'registered', () => members().map(named), {
    stay: 'registered',
    exists: () => members().length > 0,
  });
}

/** A directory of links. */
export function linksTo(
  path: string,
  links: Stay,
  targets: () => Iterable<readonly [name: string, path: string]>,
  options: { readonly stay?: Stay; readonly exists?: () => boolean } = {},
): Directory {
  function* entries(): Generator<readonly [string, Entry]> {
    for (const [name, target] of targets()) yield [name, link(posix.relative(path, target), links)];
  }
  return directory(entries, options);
}

function* vfioDevices({ bus }: TreeSource): Generator<readonly [string, string]> {
  for (const mdev of everyDevice(bus)) {
    if (mdev.parent.bus === MDEV_BUS && isRegistered(mdev)) {
      yield [`vfio${mdev.number}`, `${pathOf(mdev)}/vfio-dev/vfio${mdev.number}`];
    }
  }
}

function isMediated(parent: Parent): boolean {
  return parent.bus === MDEV_BUS;
}

function isVirtual(parent: Parent): boolean {
  return isMediated(parent) && parent.path.startsWith('/devices/virtual/');
}

function named({ name, path }: Parent): readonly [string, string] {
  return [name, path];
}
