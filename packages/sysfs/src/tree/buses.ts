/** `/bus`: the mdev bus with its drivers, the PCI bus, and the buses that other parents are on. */
import { posix } from 'node:path';
import { busDirectory, driverDirectory, findDriver, type Mdev } from '@mediated/core';
import { attributeEntries } from './attribute-entries.js';
import { linksTo } from './classes.js';
import { type Directory, directory, type Entry, link } from './entry.js';
import { lifeOf, MDEV_BUS, pathOf } from './every-device.js';
import { pciBus } from './pci-bus.js';
import type { TreeSource } from './tree.js';

export function busesDirectory(source: TreeSource): Directory {
  const mdev = mdevBus(source);
  const pci = pciBus(source);
  return directory(() => {
    const entries = new Map<string, Entry>([[MDEV_BUS, mdev]]);
    if (source.pci.all().length > 0) entries.set('pci', pci);
    for (const { subsystem, path, bus } of source.bus.parents()) {
      if (bus !== MDEV_BUS || path.startsWith('/devices/virtual/') || entries.has(subsystem)) continue;
      entries.set(subsystem, plainBus(source, subsystem));
    }
    return entries;
  });
}

/** A bus of which only the devices are shown. */
function plainBus({ bus }: TreeSource, name: string): Directory {
  const members = () =>
    bus.parents().filter(({ subsystem, path }) => subsystem === name && !path.startsWith('/devices/virtual/'));
  const links = () => members().map((parent) => [parent.name, parent.path] as const);
  const devices = linksTo(`/bus/${name}/devices`, 'registered', links);
  return directory(() => [['devices', devices]], { stay: 'registered', exists: () => members().length > 0 });
}

function mdevBus(source: TreeSource): Directory {
  const { bus } = source;
  const devices = devicesOf(source);
  const drivers: Directory = {
    type: 'directory',
    life: '',
    stay: 'lasting',
    exists: () => true,
    lookup: (name) => (mdevDrivers(source).includes(name) ? driverEntries(source, name) : undefined),
    list: () => mdevDrivers(source).map((name) => [name, driverEntries(source, name)]),
  };
  const extras = new Map<string, Entry>([
    ['devices', devices],
    ['drivers', drivers],
  ]);
  return attributeEntries(busDirectory(bus), {
    life: '',
    stay: 'lasting',
    files: 'lasting',
    links: 'lasting',
    lookup: (name) => extras.get(name),
    list: () => extras,
  });
}

/** Links to devices, each found by its name. */
function devicesOf({ bus }: TreeSource): Directory {
  const path = '/bus/mdev/devices';
  const toDevice = (mdev: Mdev) => link(posix.relative(path, pathOf(mdev)), 'passing');
  const isThere = (mdev: Mdev) => mdev.presence.bus && mdev.parent.bus === MDEV_BUS;
  return {
    type: 'directory',
    life: '',
    stay: 'lasting',
    exists: () => true,
    lookup(name) {
      const mdev = bus.mdev(name);
      return mdev?.uuid === name && isThere(mdev) ? toDevice(mdev) : undefined;
    },
    list: () =>
      bus
        .mdevs()
        .filter(isThere)
        .map((mdev) => [mdev.uuid, toDevice(mdev)]),
  };
}

/** Drivers on the mdev bus: all but those that have parents on another one. */
function mdevDrivers({ bus }: TreeSource): string[] {
  const others = new Set(
    bus
      .parents()
      .filter((parent) => parent.bus !== MDEV_BUS)
      .map((parent) => parent.driver),
  );
  return bus.drivers().filter((name) => !others.has(name));
}

function driverEntries({ bus }: TreeSource, name: string): Directory {
  const source = driverDirectory(bus, name);
  const slot = findDriver(bus.memory, name);
  const path = `/bus/mdev/drivers/${name}`;
  return attributeEntries(source, {
    life: slot === undefined ? '' : lifeOf(slot),
    stay: 'registered',
    files: 'lasting',
    links: 'passing',
    lookup(wanted) {
      const mdev = bus.mdev(wanted);
      if (mdev?.uuid !== wanted || mdev.parent.driver !== name || !mdev.presence.driver) return undefined;
      return link(posix.relative(path, pathOf(mdev)), 'passing');
    },
  });
}
