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

  /** The file that an ioctl on this one has opened, by the number that it gave. Close it. */
  anonymous(number: number): AnonymousFileHandle {
    return new AnonymousFileHandle(this.actor, number);
  }
}
