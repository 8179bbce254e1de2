/** A device that was opened by its own node (`/dev/vfio/devices/vfioN`), as a client thread has it (spec/vfio-core 6.3). */
import { type Bus, errnoName, type Mdev, MediatedError } from '@mediated/core';
import { DeviceFile } from '../device-file.js';
import { deviceFilesProtocol } from '../device-files-protocol.js';
import {
  attachIommufdPt,
  bindIommufd,
  DEVICE_ATTACH_IOMMUFD_PT,
  DEVICE_BIND_IOMMUFD,
  DEVICE_DETACH_IOMMUFD_PT,
  detachIommufdPt,
} from '../uapi/iommufd.js';
import type { IommufdFile } from './iommufd-file.js';
import { type Operation, perform, performSync, put } from './operation.js';

/** Any number: the argument names the context by it. */
const CONTEXT = 0;

/**
 * A device's node, open. Until it is bound every operation but `bind` is EINVAL; then it is a device file like others.
 * Several may be open, one of a device can be bound.
 */
export class DeviceNodeFile extends DeviceFile {
  /**
   * Binds the device to an iommufd context, which is its first open; returns its id there. EBUSY (the group's file is
   * open), EINVAL (bound already, or another file has the device open), EPERM (its DMA has another owner), what the
   * driver's `openDevice` threw.
   */
  bind(context: IommufdFile): Promise<number> {
    return perform(this.#bind(context));
  }

  bindSync(context: IommufdFile): number {
    return performSync(this.#bind(context));
  }

  /** Attaches the device to an ioas of the context, in place of the one before. ENOENT, EINVAL (not bound). */
  attach(ioas: number): Promise<void> {
    return perform(this.#command(DEVICE_ATTACH_IOMMUFD_PT, attach(ioas)));
  }

  attachSync(ioas: number): void {
    performSync(this.#command(DEVICE_ATTACH_IOMMUFD_PT, attach(ioas)));
  }

  /** Leaves the ioas, if there is one. EINVAL (not bound). */
  detach(): Promise<void> {
    return perform(this.#command(DEVICE_DETACH_IOMMUFD_PT, detachIommufdPt.bytes({ argsz: detachIommufdPt.size })));
  }

  detachSync(): void {
    performSync(this.#command(DEVICE_DETACH_IOMMUFD_PT, detachIommufdPt.bytes({ argsz: detachIommufdPt.size })));
  }

  *#bind(context: IommufdFile): Operation<number> {
    const argument = bindIommufd.bytes({ argsz: bindIommufd.size, iommufd: CONTEXT });
    const files = new Map([[CONTEXT, context.passed]]);
    yield* put({
      ask: () => this.ioctl(DEVICE_BIND_IOMMUFD, argument, files),
      askSync: () => this.ioctlSync(DEVICE_BIND_IOMMUFD, argument, files),
    });
    return bindIommufd.decode(argument).out_devid;
  }

  *#command(command: number, argument: Uint8Array): Operation<void> {
    yield* put({ ask: () => this.ioctl(command, argument), askSync: () => this.ioctlSync(command, argument) });
  }
}

function attach(ioas: number): Uint8Array {
  return attachIommufdPt.bytes({ argsz: attachIommufdPt.size, pt_id: ioas });
}

/** Opens the node of a device, by its `Mdev` or UUID. ENODEV: no such device, or it is being removed. */
export function openDeviceNode(bus: Bus, device: Mdev | string): Promise<DeviceNodeFile> {
  return perform(openDeviceNodeSteps(bus, device));
}

/** {@link openDeviceNode}, blocking; for threads that host no actor. */
export function openDeviceNodeSync(bus: Bus, device: Mdev | string): DeviceNodeFile {
  return performSync(openDeviceNodeSteps(bus, device));
}

/** @internal */
export function* openDeviceNodeSteps(bus: Bus, device: Mdev | string): Operation<DeviceNodeFile> {
  const mdev = typeof device === 'string' ? bus.mdev(device) : device;
  const handle = mdev?.parent.frameworkActor(mdev.shard);
  if (mdev === undefined || handle === undefined) throw refused('ENODEV', 'there is no such device');
  const { index, generation } = mdev;
  const actor = bus.client.ref(handle, deviceFilesProtocol);
  const number = yield* put({
    ask: () => actor.ask('openNode', index, generation),
    askSync: () => actor.askSync('openNode', index, generation),
  });
  if (number < 0) throw refused(errnoName(-number), `there is no device ${mdev.name} any more`);
  return new DeviceNodeFile(mdev, actor, number);
}

function refused(code: ReturnType<typeof errnoName>, text: string): MediatedError {
  return new MediatedError(code, text, { syscall: 'open' });
}
