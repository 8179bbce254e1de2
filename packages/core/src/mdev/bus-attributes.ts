/**
 * The directories of the bus itself (`/bus/mdev`, its `devices`), of its drivers, of its parents and of the class that
 * lists them (spec/mdev-core sections 3 and 6).
 */
import { AttributeDirectory } from './attribute-directory.js';
import type { Bus } from './bus.js';
import { findDriver } from './driver-slots.js';
import { MDEV_BUS } from './layout.js';
import type { Parent } from './parent.js';
import { parseSyntheticUevent } from './synthetic-uevent.js';
import { emitObject } from './uevents.js';
import { writtenName } from './written-text.js';

const DRIVERS = '/bus/mdev/drivers';

const always = () => true;

/** `/bus/mdev`. */
export function busDirectory(bus: Bus): AttributeDirectory {
  return new AttributeDirectory({
    path: '/bus/mdev',
    exists: always,
    attributes: () => [
      {
        path: 'drivers_autoprobe',
        mode: 0o644,
        alive: always,
        show: () => (bus.autoprobe ? '1\n' : '0\n'),
        store: (bytes) => {
          bus.autoprobe = bytes.toString('latin1', 0, 1) !== '0';
        },
      },
      { path: 'drivers_probe', mode: 0o200, alive: always, store: (bytes) => bus.driversProbe(writtenName(bytes)) },
      {
        path: 'uevent',
        mode: 0o200,
        alive: always,
        store: (bytes) => emitSynthetic(bus, bytes, '/bus', 'mdev', 'bus'),
      },
    ],
    links: () => [],
  });
}

/** `/bus/mdev/devices`: a link per device on the bus. */
export function busDevicesDirectory(bus: Bus): AttributeDirectory {
  return new AttributeDirectory({
    path: '/bus/mdev/devices',
    exists: always,
    attributes: () => [],
    links: () =>
      bus
        .mdevs()
        .filter((mdev) => mdev.parent.bus === MDEV_BUS)
        .map((mdev) => [mdev.uuid, `${mdev.parent.path}/${mdev.uuid}`]),
  });
}

/** `/bus/mdev/drivers/<name>`, for just this loading of the driver. */
export function driverDirectory(bus: Bus, name: string): AttributeDirectory {
  const slot = findDriver(bus.memory, name);
  const alive = () => slot !== undefined && bus.memory.drivers.isCurrent(slot.index, slot.generation);
  return new AttributeDirectory({
    path: `${DRIVERS}/${name}`,
    exists: alive,
    attributes: () => [
      { path: 'bind', mode: 0o200, alive, store: (bytes) => bus.bind(name, writtenName(bytes)) },
      { path: 'unbind', mode: 0o200, alive, store: (bytes) => bus.unbind(name, writtenName(bytes)) },
      {
        path: 'uevent',
        mode: 0o200,
        alive,
        store: (bytes) => emitSynthetic(bus, bytes, DRIVERS, name, 'drivers'),
      },
    ],
    links: () => [
      ['module', `/module/${name}`],
      ...bus
        .mdevs()
        .filter((mdev) => mdev.parent.driver === name && mdev.presence.driver)
        .map((mdev): [string, string] => [mdev.uuid, `${mdev.parent.path}/${mdev.uuid}`]),
    ],
  });
}

/** The directory of a parent device, for just this registration. */
export function parentDirectory(parent: Parent): AttributeDirectory {
  const alive = () => parent.registered;
  return new AttributeDirectory({
    path: parent.path,
    exists: alive,
    attributes: async () => [
      {
        path: 'uevent',
        mode: 0o644,
        alive,
        show: () => '',
        store: (bytes) => parent.synthesize(parseSyntheticUevent(bytes)),
      },
      ...(await parent.parentAttributes()).map(({ path, mode }) => ({
        path,
        mode,
        alive,
        ...((mode & 0o400) === 0 ? {} : { show: () => parent.showAttribute(path) }),
        ...((mode & 0o200) === 0 ? {} : { store: (bytes: Buffer) => parent.storeAttribute(path, bytes.toString()) }),
      })),
    ],
    links: () => [['subsystem', `/class/${parent.subsystem}`]],
  });
}

/** `/class/mdev_bus`: a link per parent. */
export function parentsDirectory(bus: Bus): AttributeDirectory {
  return new AttributeDirectory({
    path: '/class/mdev_bus',
    exists: always,
    attributes: () => [],
    links: () => mdevParents(bus).map((parent) => [parent.name, parent.path]),
  });
}

/** Parents of mediated devices. */
export function mdevParents(bus: Bus): Parent[] {
  return bus.parents().filter((parent) => parent.bus === MDEV_BUS);
}

function emitSynthetic(bus: Bus, bytes: Buffer, stem: string, name: string, subsystem: string): void {
  const { action, text } = parseSyntheticUevent(bytes);
  emitObject(bus.memory, action, stem, name, subsystem, text);
}
