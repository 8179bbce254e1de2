/** A virtual machine and its VFIO device as a client thread has them (spec/vfio-core 6.5, 18). */
import type { Bus } from '@mediated/core';
import { DeviceFile } from '../device-file.js';
import { askControl, ControlFile, controlOf } from './control-file.js';
import type { GroupFile } from './group-file.js';
import { type Operation, perform, performSync } from './operation.js';

/**
 * A virtual machine. To devices it is a number (`VfioDevice.kvm`), the same from a first open to the last close. Closing it
 * destroys it; a machine that is being destroyed counts as none.
 */
export class KvmFile extends ControlFile {
  /** The number by which devices know it. */
  get id(): number {
    return this.number;
  }

  /** Creates its VFIO device, without which no file can be added. EBUSY: it has one. */
  createDevice(): Promise<void> {
    return perform(this.ask('createKvmDevice', this.number));
  }

  createDeviceSync(): void {
    performSync(this.ask('createKvmDevice', this.number));
  }

  /** FILE_ADD: the file stays open for the machine, which its devices are told of. EEXIST, EBADF, EINVAL (no device). */
  add(file: GroupFile | DeviceFile): Promise<void> {
    return perform(this.#change(file, true));
  }

  addSync(file: GroupFile | DeviceFile): void {
    performSync(this.#change(file, true));
  }

  /** FILE_DEL. ENOENT: it was not added; EBADF. */
  remove(file: GroupFile | DeviceFile): Promise<void> {
    return perform(this.#change(file, false));
  }

  removeSync(file: GroupFile | DeviceFile): void {
    performSync(this.#change(file, false));
  }

  *#change(file: GroupFile | DeviceFile, add: boolean): Operation<void> {
    if (file instanceof DeviceFile) {
      const { index, generation } = file.mdev;
      yield* this.ask('addKvmDevice', this.number, index, generation, file.id, add);
    } else {
      yield* this.ask('addKvmGroup', this.number, file.number, add);
    }
  }
}

/** Makes a virtual machine. ENODEV: no vfio driver is loaded. */
export function openKvm(bus: Bus): Promise<KvmFile> {
  return perform(openKvmSteps(bus));
}

/** {@link openKvm}, blocking; for threads that host no actor. */
export function openKvmSync(bus: Bus): KvmFile {
  return performSync(openKvmSteps(bus));
}

function* openKvmSteps(bus: Bus): Operation<KvmFile> {
  const control = controlOf(bus);
  return new KvmFile(bus, control, yield* askControl(control, 'openKvm'));
}
