/**
 * What is asked of the control actor: by client threads, for their group files, containers, iommufd contexts and virtual
 * machines, and by device threads, for the devices that these have opened. Files are numbers that no other file of the
 * control actor has had in this life; a file is its opener's alone. What is refused rejects with its errno.
 */
import { ask, boolean, bytes, defineProtocol, int, none, uint, value } from '@mediated/core/actor';
import type { AddressSpaceHandle } from '../iommu/address-space.js';
import type { Segment } from '../iommu/segment-table.js';

/** Memory of a program that an ioctl names by address: what the control actor may touch of it during the call. */
export interface MemoryWindow {
  readonly address: bigint;
  readonly length: number;
  readonly memory: SharedArrayBuffer;
  /** Byte of `memory`. */
  readonly offset: number;
  /** Number that the program's thread has given the memory; 0: a copy, which devices cannot reach. */
  readonly id: number;
}

/** An ioctl on a container. */
export interface ContainerCall {
  readonly argument: Uint8Array;
  /** Number of the program among those of its thread. */
  readonly program: number;
  readonly windows: readonly MemoryWindow[];
}

/** A mapping in an ioas. */
export interface IoasMap extends Omit<ContainerCall, 'argument'> {
  readonly ioas: number;
  readonly vaddr: bigint;
  readonly length: bigint;
  readonly iova: bigint | undefined;
  readonly readable: boolean;
  readonly writeable: boolean;
}

/** An address space, for the thread of a device that uses it. */
export interface SpaceGrant {
  readonly id: number;
  readonly handle: AddressSpaceHandle;
  readonly segments: readonly Segment[];
  /** What the IOMMU said of the device's group (`DmaBinding.group`). */
  readonly group: number | undefined;
  /** The device stands behind an IOMMU itself. */
  readonly hardware: boolean;
}

/** How a device's thread opens a device for a client that has its group. */
export interface GroupOpen {
  /** The client's thread. */
  readonly owner: number;
  readonly group: number;
  /** Number of this use of the group's container; the device keeps it if it has none. */
  readonly use: number;
  /** Undefined: no DMA (no-IOMMU). */
  readonly space: SpaceGrant | undefined;
  /** The iommufd context in place of a container; 0: none. */
  readonly iommufd: number;
  /** The group's virtual machine; 0: none. */
  readonly kvm: number;
}

/** The answer to it. */
export interface GroupOpened {
  /** Number of the file at the device's thread. */
  readonly file: number;
  /** The device keeps the use. */
  readonly kept: boolean;
}

/** An open device, for the client's thread. */
export interface DeviceHandle {
  readonly index: number;
  readonly generation: number;
  readonly file: number;
}

/** The nodes of groups: those without an IOMMU have names of their own. */
export const GROUP_NODES = { any: 0, plain: 1, noIommu: 2 } as const;

/** What binding a device to an iommufd context has brought. */
export interface Bound {
  readonly use: number;
  /** The context's number, the same for all who use it. */
  readonly context: number;
  /** The virtual machine if it still lives; 0: none. */
  readonly kvm: number;
  /** Negative errno of the step that looks at the context's descriptor, to be reported in its turn; 0: it is one. */
  readonly refused: number;
}

export const controlProtocol = defineProtocol({
  /** Group number; by which node (`GROUP_NODES`); whether the caller may do raw I/O. */
  openGroup: ask([int, int, boolean], int),
  openContainer: ask([boolean], int),
  openIommufd: ask([], int),
  openKvm: ask([], int),
  close: ask([int], none),
  /** Flags of GET_STATUS. */
  groupStatus: ask([int], int),
  /** Group file; container or iommufd file, 0: a file of another kind. */
  setContainer: ask([int, int], none),
  unsetContainer: ask([int], none),
  openDevice: ask([int, value<string>()], value<DeviceHandle>()),
  /** Group file; file of a virtual machine, 0: none. */
  setGroupKvm: ask([int, int], none),
  /** Container file; a command whose argument is a number, and that. */
  containerCommand: ask([int, uint, uint], int),
  /** Container file, command. Answers the result (4 bytes, the machine's order) and the argument as it came out. */
  containerIoctl: ask([int, uint, value<ContainerCall>()], bytes),
  /** Iommufd file. Answers the number of the ioas. */
  allocateIoas: ask([int], int),
  destroyIoas: ask([int, int], none),
  /** Answers the iova. */
  mapIoas: ask([int, value<IoasMap>()], value<bigint>()),
  /** Iommufd file, ioas, iova and length; undefined: everything. Answers how many bytes. */
  unmapIoas: ask([int, int, value<{ iova: bigint; length: bigint } | undefined>()], value<bigint>()),
  /** File of a virtual machine: creates its VFIO device. */
  createKvmDevice: ask([int], none),
  /** File of a virtual machine; a group file, to be added (or taken away). */
  addKvmGroup: ask([int, int, boolean], none),
  /** The same for a device: slot, generation and number of its file. */
  addKvmDevice: ask([int, int, int, int, boolean], none),

  /** From a device's thread: the last device of a group has left it. */
  retireGroup: ask([int], none),
  /** A use has ended: last close, or the device did not keep it. */
  endUse: ask([int], none),
  /** Slot and generation of the device; the client's thread and its iommufd file (0: another kind, -1: none); kvm. */
  bindDevice: ask([int, int, int, int, int], value<Bound>()),
  /** Use; number of an ioas. Answers the space, undefined if the device is attached to it. The former one stays too. */
  attachIoas: ask([int, uint], value<SpaceGrant | undefined>()),
  /** Leaves the ioas that was attached first. */
  detachIoas: ask([int], none),
});

export type ControlMessages = NonNullable<(typeof controlProtocol)['types']>;
