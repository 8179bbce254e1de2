/**
 * The directory of a parent: its own files, `power`, its types with their files and the links to their devices, its devices.
 */
import { posix } from 'node:path';
import { type Bus, type Mdev, type Parent, type ParentType, parentDirectory, typeDirectory } from '@mediated/core';
import { attributeEntries } from './attribute-entries.js';
import { type Directory, directory, type Entry, link } from './entry.js';
import { everyDevice, lifeOf, MDEV_BUS, pathOf } from './every-device.js';
import { mdevDirectory } from './mdev-entries.js';
import { powerDirectory } from './power.js';
import type { TreeSource } from './tree.js';

/** `below`: what else stands in it, by name. */
export function parentEntries(source: TreeSource, parent: Parent, below: () => ReadonlyMap<string, Entry>): Directory {
  const alive = () => parent.registered;
  const own = (): (readonly [string, Entry])[] => [
    ...(parent.bus === MDEV_BUS ? [['mdev_supported_types', typesDirectory(source, parent)] as const] : []),
    ['power', powerDirectory(alive)],
    ['subsystem', link(posix.relative(parent.path, subsystemOf(parent)))],
    ...below(),
  ];
  return attributeEntries(parentDirectory(parent), {
    life: lifeOf(parent),
    stay: 'registered',
    files: 'lasting',
    links: 'lasting',
    lookup(name) {
      const mdev = source.bus.mdev(name);
      if (mdev?.uuid === name && isChild(mdev, parent)) return mdevDirectory(source, mdev);
      return new Map(own()).get(name);
    },
    *list() {
      yield* own();
      for (const mdev of childrenOf(source.bus, parent)) yield [mdev.uuid, mdevDirectory(source, mdev)];
    },
  });
}

/** Where a device's `subsystem` leads: a virtual device belongs to a class, any other to a bus. */
function subsystemOf({ path, subsystem }: Parent): string {
  return path.startsWith('/devices/virtual/') ? `/class/${subsystem}` : `/bus/${subsystem}`;
}

function isChild(mdev: Mdev, { index, generation }: Parent): boolean {
  const { parent, presence } = mdev;
  return parent.index === index && parent.generation === generation && parent.bus === MDEV_BUS && presence.directory;
}

function* childrenOf(bus: Bus, parent: Parent): Generator<Mdev> {
  for (const mdev of everyDevice(bus)) if (isChild(mdev, parent)) yield mdev;
}

function typesDirectory(source: TreeSource, parent: Parent): Directory {
  const entries = parent.types.map((type) => [type.id, typeEntries(source, parent, type)] as const);
  return directory(() => entries, { exists: () => parent.registered });
}

function typeEntries({ bus }: TreeSource, parent: Parent, type: ParentType): Directory {
  const source = typeDirectory(parent, type);
  const hasLink = (mdev: Mdev) => mdev.presence.links && mdev.type === type.id && isChild(mdev, parent);
  const toDevice = (mdev: Mdev) => link(posix.relative(`${source.path}/devices`, pathOf(mdev)), 'passing');
  const devices: Directory = {
    type: 'directory',
    life: '',
    stay: 'lasting',
    exists: () => parent.registered,
    lookup(name) {
      const mdev = bus.mdev(name);
      return mdev?.uuid === name && hasLink(mdev) ? toDevice(mdev) : undefined;
    },
    list: () =>
      bus
        .mdevs()
        .filter(hasLink)
        .map((mdev) => [mdev.uuid, toDevice(mdev)]),
  };
  return attributeEntries(source, {
    life: '',
    stay: 'lasting',
    files: 'lasting',
    links: 'lasting',
    lookup: (name) => (name === 'devices' ? devices : undefined),
    list: () => [['devices', devices]],
  });
}
