/**
 * Device files that were opened by the device's own node (spec/vfio-core 6.3): they do nothing until they are bound to an
 * iommufd context, which is the device's first open, and reach guest memory through the ioas to which they are attached.
 * On the device's thread; called by `open-file.ts` for the three commands of such files.
 */
import { ERRNO, errnoName, MediatedError } from '@mediated/core';
import type { Bound } from './control/control-protocol.js';
import type { VfioDevice } from './device.js';
import type { DeviceSpaces } from './device-spaces.js';
import type { FirstOpen, HeldUse } from './first-open.js';
import type { OpenDeviceFile } from './open-file.js';
import type { PassedFiles } from './passed-file.js';
import { readArgument } from './uapi/argument.js';
import { attachIommufdPt, bindIommufd, detachIommufdPt } from './uapi/iommufd.js';
import { underMutex } from './under-mutex.js';
import type { VfioDriver } from './vfio-driver.js';

/** What the control actor is told instead of a file: a file of another kind, none. */
const ANOTHER_KIND = 0;
const NONE = -1;

export class NodeFiles {
  readonly #driver: VfioDriver<unknown>;
  readonly #spaces: DeviceSpaces;
  readonly #first: FirstOpen;
  /** Uses of bound devices. */
  readonly #uses = new Map<OpenDeviceFile, HeldUse>();

  constructor(driver: VfioDriver<unknown>, spaces: DeviceSpaces, first: FirstOpen) {
    this.#driver = driver;
    this.#spaces = spaces;
    this.#first = first;
  }

  /** VFIO_DEVICE_BIND_IOMMUFD, of any device file. */
  async bind(file: OpenDeviceFile, argument: Uint8Array, files: PassedFiles | undefined): Promise<number> {
    const { flags, iommufd } = readArgument(bindIommufd, argument, bindIommufd.size);
    if (flags !== 0 || iommufd < 0) throw refused('EINVAL', `flags ${flags}, iommufd ${iommufd}`);
    if (file.opened.kind !== 'node') throw refused('EINVAL', 'the device was not opened by its own node');
    const { device } = file;
    const passed = files?.get(iommufd);
    const context = passed === undefined ? NONE : passed.kind === 'iommufd' ? passed.file : ANOTHER_KIND;
    const bound = await this.#driver.askControl(
      'bindDevice',
      device.index,
      device.mdev.generation,
      file.owner,
      context,
      file.kvm,
    );
    try {
      await underMutex(device.set.mutex, () => this.#bindUnderMutex(file, bound));
    } catch (error) {
      if (bound.use !== 0) await this.#driver.endUse(bound.use);
      throw error;
    }
    bindIommufd.encode(argument, { out_devid: deviceId(device) });
    return 0;
  }

  /** VFIO_DEVICE_ATTACH_IOMMUFD_PT. A second one replaces the first. */
  async attach(file: OpenDeviceFile, argument: Uint8Array): Promise<number> {
    const { flags, pt_id } = readArgument(attachIommufdPt, argument, attachIommufdPt.size);
    if (flags !== 0) throw refused('EINVAL', `flags ${flags}`);
    await underMutex(file.device.set.mutex, () => this.#attachUnderMutex(file, pt_id));
    return 0;
  }

  /** VFIO_DEVICE_DETACH_IOMMUFD_PT. Does nothing when it is not attached. */
  async detach(file: OpenDeviceFile, argument: Uint8Array): Promise<number> {
    const { flags } = readArgument(detachIommufdPt, argument, detachIommufdPt.size);
    if (flags !== 0) throw refused('EINVAL', `flags ${flags}`);
    await underMutex(file.device.set.mutex, () => this.#detachUnderMutex(file));
    return 0;
  }

  /** The file is being closed. */
  forget(file: OpenDeviceFile): void {
    this.#uses.delete(file);
  }

  async #bindUnderMutex(file: OpenDeviceFile, { use, context, kvm, refused: errno }: Bound): Promise<void> {
    const { device } = file;
    if (file.granted) throw refused('EINVAL', 'the file is bound already');
    if (errno === -ERRNO.EBADF || errno === -ERRNO.EBADFD) throw refused(errnoName(-errno), 'it is no iommufd');
    if (device.openCount !== 0) throw refused('EINVAL', 'another file has the device open');
    if (errno !== 0) throw refused(errnoName(-errno), 'the DMA of its group has another owner');
    const held: HeldUse = { use, space: undefined, iommufd: context, kvm };
    const count = await this.#first.open(device, held);
    if (count < 0) throw refused(errnoName(-count), 'its driver is being unloaded');
    this.#uses.set(file, held);
    file.bound(context);
  }

  async #attachUnderMutex(file: OpenDeviceFile, ioas: number): Promise<void> {
    const held = this.#held(file);
    const grant = await this.#driver.askControl('attachIoas', held.use, ioas);
    // It is attached to that one.
    if (grant === undefined) return;
    const space = this.#spaces.hold(grant);
    if (held.space !== undefined) await this.#leave(file.device, held);
    held.space = space;
    this.#spaces.attach(file.device, space);
  }

  async #detachUnderMutex(file: OpenDeviceFile): Promise<void> {
    const held = this.#held(file);
    if (held.space !== undefined) await this.#leave(file.device, held);
  }

  /** The driver unpins everything, then the ioas is left. */
  async #leave(device: VfioDevice, held: HeldUse): Promise<void> {
    await this.#spaces.unmap(device, 0n, 2n ** 64n - 1n);
    if (held.space !== undefined) this.#spaces.detach(device, held.space, true);
    held.space = undefined;
    await this.#driver.askControl('detachIoas', held.use);
  }

  #held(file: OpenDeviceFile): HeldUse {
    const held = this.#uses.get(file);
    if (held !== undefined) return held;
    throw refused('EINVAL', 'the file is bound to no iommufd context');
  }
}

/** What programs call a device that is bound, within its context. */
function deviceId(device: VfioDevice): number {
  return device.index + 1;
}

function refused(code: ReturnType<typeof errnoName>, text: string): MediatedError {
  return new MediatedError(code, text, { syscall: 'ioctl' });
}
