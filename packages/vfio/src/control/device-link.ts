/**
 * A device as the control actor reaches it: its slot and the actor of the device files on its thread. Made for each
 * open; equal links are of one device.
 */
import { DEVICE_FRAMEWORK, type Bus, type Mdev } from '@mediated/core';
import type { ActorRef } from '@mediated/core/actor';
import { type DeviceFilesMessages, deviceFilesProtocol } from '../device-files-protocol.js';
import { LISTED } from '../device-words.js';

export interface DeviceLink {
  readonly index: number;
  readonly generation: number;
  /** The device's thread. */
  readonly thread: number;
  readonly actor: ActorRef<DeviceFilesMessages>;
}

/**
 * The device in a slot; undefined when there is none or an open does not find it any more. With `removing`: also while
 * its removal waits for its users.
 */
export function linkTo(bus: Bus, index: number, removing = false): (DeviceLink & { readonly mdev: Mdev }) | undefined {
  const mdev = bus.deviceAt(index);
  const handle = mdev?.parent.frameworkActor(mdev.shard);
  if (mdev === undefined || handle === undefined || !(removing || isListed(bus, index))) return undefined;
  const { generation } = mdev;
  return { mdev, index, generation, thread: handle.thread, actor: bus.client.ref(handle, deviceFilesProtocol) };
}

function isListed({ memory: { devices } }: Bus, index: number): boolean {
  return Atomics.load(devices.words, devices.base(index) + DEVICE_FRAMEWORK + LISTED) !== 0;
}
