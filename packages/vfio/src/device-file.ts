/**
 * An open device as a client thread has it (spec/vfio-core section 6).
 */
import type { Mdev } from '@mediated/core';
import type { ActorRef } from '@mediated/core/actor';
import { AnonymousFileHandle } from './anonymous-handle.js';
import type { DeviceFilesMessages } from './device-files-protocol.js';
import { TypedDeviceFile } from './requests/typed-device-file.js';

/** An open device file: bytes (`ioctl`) and, over them, typed methods. */
export class DeviceFile extends TypedDeviceFile {
  readonly mdev: Mdev;

  /** @internal See `openDevice`. */
  constructor(mdev: Mdev, actor: ActorRef<DeviceFilesMessages>, number: number) {
    super(actor, number);
    this.mdev = mdev;
  }

  /** @internal Its number at the device's thread. */
  get id(): number {
    return this.number;
  }

  /**
   * The virtual machine that the device is told of when this file, opened by the device's node, is bound; undefined: none.
   * Files that were opened through a group have their group's.
   */
  async setKvm(kvm: { readonly id: number } | undefined): Promise<void> {
    await this.actor.ask('setKvm', this.number, kvm?.id ?? 0);
  }

  setKvmSync(kvm: { readonly id: number } | undefined): void {
    this.actor.askSync('setKvm', this.number, kvm?.id ?? 0);
  }

  /** The file that an ioctl on this one has opened, by the number that it gave. Close it. */
  anonymous(number: number): AnonymousFileHandle {
    return new AnonymousFileHandle(this.actor, number);
  }
}
