/** Opening the nodes of vfio by their paths, as open(2) does. Used by `descriptors.ts`. */
import { type Bus, DEVICE_FRAMEWORK, DEVICE_IDS, isMediatedError, type Mdev, MediatedError } from '@mediated/core';
import { GROUP_NODES } from '../control/control-protocol.js';
import { LISTED } from '../device-words.js';
import type { AddressMap } from './address-map.js';
import { openContainerSteps } from './container-file.js';
import type { Described } from './descriptor-table.js';
import { openDeviceNodeSteps } from './device-node.js';
import { type OpenOptions, openGroupSteps } from './group-file.js';
import { openIommufdSteps } from './iommufd-file.js';
import type { Operation } from './operation.js';

/** `addresses`: the program's. ENOENT: there is no such node; EBUSY and EPERM as of the node. */
export function* openPath(bus: Bus, path: string, addresses: AddressMap, options: OpenOptions): Operation<Described> {
  try {
    return yield* openNode(bus, path, addresses, options);
  } catch (error) {
    if (!isMediatedError(error, 'ENODEV')) throw error;
    // The node of a group or a device goes with it, and all nodes with the last driver.
    throw new MediatedError('ENOENT', `${path}: there is no such node`, { syscall: 'open', cause: error });
  }
}

function* openNode(bus: Bus, path: string, addresses: AddressMap, options: OpenOptions): Operation<Described> {
  if (path === '/dev/null') return { kind: 'other' };
  if (path === '/dev/vfio/vfio') {
    return { kind: 'container', file: yield* openContainerSteps(bus, addresses, options) };
  }
  if (path === '/dev/iommu') return { kind: 'iommufd', file: yield* openIommufdSteps(bus, addresses) };
  const group = /^\/dev\/vfio\/(noiommu-)?(0|[1-9]\d{0,8})$/.exec(path);
  if (group !== null) {
    const node = group[1] === undefined ? GROUP_NODES.plain : GROUP_NODES.noIommu;
    return { kind: 'group', file: yield* openGroupSteps(bus, Number(group[2]), options, node) };
  }
  const device = /^\/dev\/vfio\/devices\/vfio(0|[1-9]\d{0,8})$/.exec(path);
  const mdev = device === null ? undefined : deviceNumbered(bus, Number(device[1]));
  if (mdev !== undefined) return { kind: 'device', file: yield* openDeviceNodeSteps(bus, mdev) };
  throw new MediatedError('ENOENT', `${path}: there is no such node`, { syscall: 'open' });
}

/** The registered device that is called `vfio<number>`. */
function deviceNumbered(bus: Bus, number: number): Mdev | undefined {
  const { devices } = bus.memory;
  for (let index = 0; index < devices.top; index++) {
    const base = devices.base(index);
    if (Atomics.load(devices.words, base + DEVICE_IDS + 1) !== number + 1) continue;
    if (Atomics.load(devices.words, base + DEVICE_FRAMEWORK + LISTED) !== 0) return bus.deviceAt(index);
  }
  return undefined;
}
