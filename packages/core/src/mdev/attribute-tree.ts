/**
 * Finds directories and files of the attribute model by the paths they have below `/sys`. Any thread.
 */
import { MediatedError } from '../errors.js';
import type { Access } from './attribute.js';
import type { AttributeDirectory } from './attribute-directory.js';
import type { AttributeFile } from './attribute-file.js';
import type { Bus } from './bus.js';
import {
  busDevicesDirectory,
  busDirectory,
  driverDirectory,
  mdevParents,
  parentDirectory,
  parentsDirectory,
} from './bus-attributes.js';
import { deviceDirectory } from './device-attributes.js';
import { MDEV_BUS } from './layout.js';
import type { Parent } from './parent.js';
import { typeDevicesDirectory, typeDirectory } from './type-attributes.js';

/** The directory at a path without the leading `/sys`, links followed; undefined when there is none now. */
export function attributeDirectory(bus: Bus, path: string): AttributeDirectory | undefined {
  const found = find(bus, path);
  return found?.exists ? found : undefined;
}

/**
 * Opens the attribute at a path without the leading `/sys`. Errors: ENOENT, EACCES and ENODEV as
 * {@link AttributeDirectory.open}.
 */
export async function openAttribute(bus: Bus, path: string, access: Access): Promise<AttributeFile> {
  // A vendor's attribute may stand in a group, one level below its device.
  for (let at = path.lastIndexOf('/'), depth = 0; at > 0 && depth < 2; at = path.lastIndexOf('/', at - 1), depth++) {
    const directory = attributeDirectory(bus, path.slice(0, at));
    if (directory !== undefined) return directory.open(path.slice(at + 1), access);
  }
  throw new MediatedError('ENOENT', `no file ${path}`, { syscall: 'open' });
}

function find(bus: Bus, path: string): AttributeDirectory | undefined {
  if (path === '/bus/mdev') return busDirectory(bus);
  if (path === '/bus/mdev/devices') return busDevicesDirectory(bus);
  if (path === '/class/mdev_bus') return parentsDirectory(bus);
  const [, root, name, rest] =
    /^(\/bus\/mdev\/devices|\/bus\/mdev\/drivers|\/class\/mdev_bus)\/([^/]+)(.*)$/.exec(path) ?? [];
  switch (root) {
    case '/bus/mdev/devices': {
      const mdev = bus.mdev(name);
      return rest === '' && mdev?.name === name && mdev.presence.bus ? deviceDirectory(mdev) : undefined;
    }
    case '/bus/mdev/drivers':
      return rest === '' ? driverDirectory(bus, name) : undefined;
    case '/class/mdev_bus': {
      const parent = mdevParents(bus).find((candidate) => candidate.name === name);
      return parent === undefined ? undefined : below(bus, parent, rest);
    }
  }
  for (const parent of mdevParents(bus)) {
    if (path.startsWith(parent.path) && /^(\/|$)/.test(path.slice(parent.path.length))) {
      return below(bus, parent, path.slice(parent.path.length));
    }
  }
  // The children of a parent that is being unregistered are still there.
  const uuid = path.slice(path.lastIndexOf('/') + 1);
  const mdev = bus.mdev(uuid);
  if (mdev?.parent.bus !== MDEV_BUS) return undefined;
  return mdev.uuid === uuid && path === `${mdev.parent.path}/${uuid}` ? deviceDirectory(mdev) : undefined;
}

/** What stands at `rest` below a parent's directory. */
function below(bus: Bus, parent: Parent, rest: string): AttributeDirectory | undefined {
  const [, first = '', second = '', third = '', more = ''] = rest.split('/', 5);
  if (more !== '') return undefined;
  if (first === '') return parentDirectory(parent);
  if (first === 'mdev_supported_types') {
    const type = parent.types.find((candidate) => candidate.id === second);
    if (type === undefined) return undefined;
    if (third === '') return typeDirectory(parent, type);
    return third === 'devices' ? typeDevicesDirectory(bus, parent, type) : undefined;
  }
  const mdev = second === '' ? bus.mdev(first) : undefined;
  return mdev?.uuid === first && mdev.parent.index === parent.index ? deviceDirectory(mdev) : undefined;
}
