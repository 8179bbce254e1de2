/**
 * Opening of devices by clients, on any thread: finds the actor of the device's files and asks it.
 */
import { type Bus, ERRNO, type ErrnoName, errnoName, isMediatedError, type Mdev, MediatedError } from '@mediated/core';
import type { ActorRef } from '@mediated/core/actor';
import { DeviceFile } from './device-file.js';
import { type DeviceFilesMessages, deviceFilesProtocol } from './device-files-protocol.js';

/**
 * Opens a device, by its UUID or as an `Mdev`. Any thread may, as often as it likes; what a thread leaves open is closed
 * when the thread ends or leaves the bus.
 * Rejects with ENODEV (no such device, it is being removed, or its driver is being unloaded), EINVAL (its driver has no
 * device files), EIO (its thread died), or what the driver's `openDevice` threw.
 */
export async function openDevice(bus: Bus, device: Mdev | string): Promise<DeviceFile> {
  const mdev = find(bus, device);
  const actor = filesActor(bus, mdev);
  let number: number;
  try {
    number = await actor.ask('open', mdev.index, mdev.generation);
  } catch (error) {
    return asGone(error, mdev);
  }
  return opened(mdev, actor, number);
}

/** {@link openDevice}, blocking; for threads that host no actor. */
export function openDeviceSync(bus: Bus, device: Mdev | string): DeviceFile {
  const mdev = find(bus, device);
  const actor = filesActor(bus, mdev);
  let number: number;
  try {
    number = actor.askSync('open', mdev.index, mdev.generation);
  } catch (error) {
    return asGone(error, mdev);
  }
  return opened(mdev, actor, number);
}

function find(bus: Bus, device: Mdev | string): Mdev {
  const mdev = typeof device === 'string' ? bus.mdev(device) : device;
  if (mdev === undefined) throw refused(-ERRNO.ENODEV, 'open', String(device));
  return mdev;
}

function filesActor(bus: Bus, mdev: Mdev): ActorRef<DeviceFilesMessages> {
  const handle = mdev.parent.frameworkActor(mdev.shard);
  if (handle !== undefined) return bus.client.ref(handle, deviceFilesProtocol);
  throw new MediatedError('EINVAL', `driver ${mdev.parent.driver} has no device files`, { syscall: 'open' });
}

function opened(mdev: Mdev, actor: ActorRef<DeviceFilesMessages>, number: number): DeviceFile {
  if (number < 0) throw refused(number, 'open', mdev.uuid);
  return new DeviceFile(mdev, actor, number);
}

const ADVICE: Partial<Record<ErrnoName, string>> = {
  ENODEV: 'there is no such device (any more), or it or its driver is being removed',
  EBADF: 'it is not open',
};

function refused(negative: number, syscall: string, subject: string): MediatedError {
  const code = errnoName(-negative);
  return new MediatedError(code, `${syscall} ${subject}: ${ADVICE[code] ?? 'refused'}`, { syscall });
}

/**
 * An actor that has stopped, or whose thread ended after the parent was unregistered, went with its driver, and with it
 * the device; a thread that died under a registered parent stays EIO.
 */
function asGone(error: unknown, mdev: Mdev): never {
  if (isMediatedError(error, 'ESHUTDOWN') || (!mdev.parent.registered && isMediatedError(error, 'EIO'))) {
    throw refused(-ERRNO.ENODEV, 'open', mdev.uuid);
  }
  throw error;
}
