/** A group's file as a client thread has it (spec/vfio-core section 7). */
import { type Bus, type Mdev, MediatedError } from '@mediated/core';
import type { ActorRef } from '@mediated/core/actor';
import { type ControlMessages, GROUP_NODES } from '../control/control-protocol.js';
import { DeviceFile } from '../device-file.js';
import { deviceFilesProtocol } from '../device-files-protocol.js';
import type { PassedFile } from '../passed-file.js';
import { GROUP_FLAGS } from '../uapi/group.js';
import type { ContainerFile } from './container-file.js';
import { askControl, ControlFile, controlOf } from './control-file.js';
import type { IommufdFile } from './iommufd-file.js';
import type { KvmFile } from './kvm-file.js';
import { type Operation, perform, performSync } from './operation.js';

/** What GET_STATUS says. */
export interface GroupStatus {
  /** No device of the group has a host driver that does DMA. */
  readonly viable: boolean;
  readonly containerSet: boolean;
}

/** Options of opening. */
export interface OpenOptions {
  /** Whether the program may do raw I/O, which use without an IOMMU takes. Default true. */
  readonly privileged?: boolean;
}

/**
 * An open group. EBADF after `close`, EIO when the control thread has died; ENODEV when the group is gone, for its number
 * may be another group's by then.
 */
export class GroupFile extends ControlFile {
  /** Number of the group. */
  readonly group: number;

  /** @internal See {@link openGroup}. */
  constructor(bus: Bus, control: ActorRef<ControlMessages>, number: number, group: number) {
    super(bus, control, number);
    this.group = group;
  }

  /** As a file that an ioctl's argument names. */
  get passed(): PassedFile {
    return { kind: 'group', file: this.number, group: this.group };
  }

  /** GET_STATUS. ENODEV. */
  status(): Promise<GroupStatus> {
    return perform(this.#status());
  }

  statusSync(): GroupStatus {
    return performSync(this.#status());
  }

  /**
   * Puts the group into a container, or gives it an iommufd context in place of one. EINVAL (it has one), ENODEV, EPERM
   * (a host driver does DMA with a device of the group; groups with and without IOMMU), what the IOMMU says.
   */
  setContainer(container: ContainerFile | IommufdFile): Promise<void> {
    return perform(this.setContainerSteps(container));
  }

  setContainerSync(container: ContainerFile | IommufdFile): void {
    performSync(this.setContainerSteps(container));
  }

  /** EINVAL (it is in none), EBUSY (a device is open). */
  unsetContainer(): Promise<void> {
    return perform(this.unsetContainerSteps());
  }

  unsetContainerSync(): void {
    performSync(this.unsetContainerSteps());
  }

  /**
   * Opens a device of the group by its name, as often as one likes (GET_DEVICE_FD). ENODEV (no such device, or it is
   * being removed), EINVAL (no container, or it has no IOMMU yet), EPERM, what the driver's `openDevice` threw.
   */
  openDevice(name: string): Promise<DeviceFile> {
    return perform(this.openDeviceSteps(name));
  }

  openDeviceSync(name: string): DeviceFile {
    return performSync(this.openDeviceSteps(name));
  }

  /** The virtual machine that devices opened from now on are told of; undefined: none. */
  setKvm(kvm: KvmFile | undefined): Promise<void> {
    return perform(this.#setKvm(kvm));
  }

  setKvmSync(kvm: KvmFile | undefined): void {
    performSync(this.#setKvm(kvm));
  }

  /** @internal Flags of GET_STATUS. */
  *statusFlags(): Operation<number> {
    return yield* this.ask('groupStatus', this.number);
  }

  /** @internal `undefined`: a file of another kind (EBADFD). */
  *setContainerSteps(container: ContainerFile | IommufdFile | undefined): Operation<void> {
    yield* this.ask('setContainer', this.number, container?.number ?? 0);
  }

  /** @internal */
  *unsetContainerSteps(): Operation<void> {
    yield* this.ask('unsetContainer', this.number);
  }

  /** @internal */
  *openDeviceSteps(name: string): Operation<DeviceFile> {
    const { index, generation, file } = yield* this.ask('openDevice', this.number, name);
    const mdev = this.bus.deviceAt(index);
    const handle = mdev?.parent.frameworkActor(mdev.shard);
    if (mdev?.generation !== generation || handle === undefined) {
      throw new MediatedError('EIO', `the thread of ${name} has died`, { syscall: 'GET_DEVICE_FD' });
    }
    return new DeviceFile(mdev, this.bus.client.ref(handle, deviceFilesProtocol), file);
  }

  *#status(): Operation<GroupStatus> {
    const flags = yield* this.statusFlags();
    return { viable: (flags & GROUP_FLAGS.viable) !== 0, containerSet: (flags & GROUP_FLAGS.containerSet) !== 0 };
  }

  *#setKvm(kvm: KvmFile | undefined): Operation<void> {
    yield* this.ask('setGroupKvm', this.number, kvm?.number ?? 0);
  }
}

/**
 * Opens a group by its number, or that of a device. Any thread may, but only one file of a group is open at a time. ENODEV (no
 * such group), EPERM, EBUSY (open already, also while a device of it is; or a device is bound by its own node).
 */
export function openGroup(bus: Bus, group: number | Mdev, options?: OpenOptions): Promise<GroupFile> {
  return perform(openGroupSteps(bus, group, options));
}

/** {@link openGroup}, blocking; for threads that host no actor. */
export function openGroupSync(bus: Bus, group: number | Mdev, options?: OpenOptions): GroupFile {
  return performSync(openGroupSteps(bus, group, options));
}

/** @internal */
export function* openGroupSteps(
  bus: Bus,
  of: number | Mdev,
  { privileged = true }: OpenOptions = {},
  node: number = GROUP_NODES.any,
): Operation<GroupFile> {
  const group = typeof of === 'number' ? of : of.group;
  if (group === undefined)
    throw new MediatedError('ENODEV', 'the device is in no group (any more)', { syscall: 'open' });
  const control = controlOf(bus);
  return new GroupFile(bus, control, yield* askControl(control, 'openGroup', group, node, privileged), group);
}
