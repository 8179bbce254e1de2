/**
 * VFIO_DEVICE_GET_PCI_HOT_RESET_INFO and VFIO_DEVICE_PCI_HOT_RESET (spec/pci sections 7.2 and 7.3): what a reset of a
 * function's bus or slot reaches, and that reset, for who owns all of it. On the thread of the function that is asked.
 */
import { ERRNO, MediatedError } from '@mediated/core';
import type { VfioDevice } from '../device.js';
import type { IoctlCall } from '../operations.js';
import { underMutex } from '../under-mutex.js';
import { readArgument } from '../uapi/argument.js';
import {
  HOT_RESET_DEV_IDS,
  HOT_RESET_INFO_FLAGS,
  pciDependentDevice,
  pciHotReset,
  pciHotResetInfo,
} from '../uapi/pci.js';
import type { Member, PciBus } from './pci-bus.js';
import type { ResetScope } from './topology.js';
import type { PciNode } from './topology-nodes.js';

const HEADER_BYTES = 12;
const DESCRIPTOR_BYTES = 4;

/** Serves the first: a negative errno leaves the count in the argument (ENOSPC). */
export function hotResetInfo(
  bus: PciBus,
  node: PciNode,
  device: VfioDevice,
  argument: Uint8Array,
  call: IoctlCall,
): number | undefined | Promise<number | undefined> {
  const { argsz } = readArgument(pciHotResetInfo, argument, HEADER_BYTES);
  const scope = scopeOf(bus, node);
  const affected = bus.affected(scope);
  const count = affected.length;
  const room = Math.floor((argsz - HEADER_BYTES) / pciDependentDevice.size);
  if (room < count) {
    pciHotResetInfo.encode(argument, { flags: 0, count });
    return -ERRNO.ENOSPC;
  }
  if (argument.length < HEADER_BYTES + count * pciDependentDevice.size) {
    throw new MediatedError('EFAULT', `${count} devices do not fit into what was passed`, { syscall: 'ioctl' });
  }
  return underMutex(device.set.mutex, () => {
    const members = bus.members(device.set);
    const context = contextOf(call);
    let flags = context === undefined ? 0 : HOT_RESET_INFO_FLAGS.devId | HOT_RESET_INFO_FLAGS.devIdOwned;
    affected.forEach((found, i) => {
      const id = idOf(bus, found, members, context);
      if (context !== undefined && id === HOT_RESET_DEV_IDS.notOwned) flags &= ~HOT_RESET_INFO_FLAGS.devIdOwned;
      const { segment, bus: number, devfn } = found;
      const values = { group_id: id >>> 0, segment, bus: number, devfn };
      pciDependentDevice.encode(argument.subarray(HEADER_BYTES + i * pciDependentDevice.size), values);
    });
    pciHotResetInfo.encode(argument, { flags, count });
    return undefined;
  });
}

/** Serves the second. 0 or a negative errno. */
export function hotReset(
  bus: PciBus,
  node: PciNode,
  device: VfioDevice,
  argument: Uint8Array,
  call: IoctlCall,
): number | Promise<number> {
  const { flags, count } = readArgument(pciHotReset, argument, HEADER_BYTES);
  if (flags !== 0) throw invalid(`flags 0x${flags.toString(16)}`);
  const context = contextOf(call);
  if ((context === undefined) === (count === 0)) {
    throw invalid(count === 0 ? 'no groups are given' : 'groups are given by who came without one');
  }
  const scope = scopeOf(bus, node);
  const groups = context !== undefined ? undefined : groupsOf(bus.affected(scope).length, count, argument, call);
  const isOwned = (member: Member): boolean => {
    if (groups !== undefined) return groups.has(bus.groupOf(member));
    return idOf(bus, bus.topology.nodes[member.place], [member], context) !== HOT_RESET_DEV_IDS.notOwned;
  };
  return underMutex(device.set.mutex, () => runHotReset(bus, device, isOwned));
}

/** With the mutex of the set held. All locks are tried only: waiting for several could be waiting for each other. */
async function runHotReset(bus: PciBus, device: VfioDevice, isOwned: (member: Member) => boolean): Promise<number> {
  const members = bus.members(device.set);
  const scope = bus.resettable(members);
  if (scope === undefined) return -ERRNO.EINVAL;
  const locked: Member[] = [];
  try {
    for (const member of members) {
      if (!isOwned(member)) return -ERRNO.EINVAL;
      if (!member.guard.lock.tryWrite()) return -ERRNO.EBUSY;
      locked.push(member);
      member.guard.zap();
    }
    return await bus.reset(scope, members);
  } finally {
    for (const { guard } of locked.reverse()) guard.lock.unlockWrite();
  }
}

/** The groups whose files were given. EBADF, EINVAL. */
function groupsOf(affected: number, count: number, argument: Uint8Array, call: IoctlCall): ReadonlySet<number> {
  if (count > affected) throw invalid(`${count} groups for ${affected} devices`);
  if (argument.length < HEADER_BYTES + count * DESCRIPTOR_BYTES) {
    throw new MediatedError('EFAULT', `${count} descriptors are announced`, { syscall: 'ioctl' });
  }
  const view = new DataView(argument.buffer, argument.byteOffset);
  const groups = new Set<number>();
  for (let i = 0; i < count; i++) {
    const descriptor = view.getInt32(HEADER_BYTES + i * DESCRIPTOR_BYTES, true);
    const file = call.passed(descriptor);
    if (file.kind !== 'group') throw invalid(`descriptor ${descriptor} is no group`);
    groups.add(file.group);
  }
  return groups;
}

/**
 * What stands for a device in the answer: its group, EPERM where it has none, to who came by a group; to who came by an
 * iommufd context the device's id in that, or whether it is the caller's.
 */
function idOf(bus: PciBus, node: PciNode, members: readonly Member[], context: number | undefined): number {
  const member = members.find(({ place }) => place === node.place);
  if (context === undefined) {
    const group = node.group ?? (member === undefined ? -1 : bus.groupOf(member));
    if (group >= 0) return group;
    throw new MediatedError('EPERM', `${node.name} is in no group`, { syscall: 'ioctl' });
  }
  if (member === undefined) return HOT_RESET_DEV_IDS.notOwned;
  if (bus.contextOf(member.slot) === context) return devIdOf(member.slot);
  const inGroup = bus.topology.nodes.some(({ place, group }) => {
    if (group === undefined || group !== node.group) return false;
    const slot = bus.physical.slotOf(place);
    return slot >= 0 && bus.contextOf(slot) === context;
  });
  return inGroup ? HOT_RESET_DEV_IDS.owned : HOT_RESET_DEV_IDS.notOwned;
}

/** The iommufd context of a caller who has opened the device by its own node; undefined: it came by a group. */
function contextOf({ opened }: IoctlCall): number | undefined {
  return opened.kind === 'node' ? opened.iommufd : undefined;
}

/** Id of a device in the iommufd context that it is bound to. */
function devIdOf(slot: number): number {
  return slot + 1;
}

function scopeOf(bus: PciBus, node: PciNode): ResetScope {
  const scope = bus.topology.scopeOf(node);
  if (scope !== undefined) return scope;
  throw new MediatedError('ENODEV', `neither the bus nor the slot of ${node.name} can be reset`, { syscall: 'ioctl' });
}

function invalid(message: string): MediatedError {
  return new MediatedError('EINVAL', `hot reset: ${message}`, { syscall: 'ioctl' });
}
