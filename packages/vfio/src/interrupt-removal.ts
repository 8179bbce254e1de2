/** Interrupting removals that wait for a device's users, as a signal to the writer of `remove` does (spec/vfio-core 4). */
import { type Bus, type Mdev, MediatedError } from '@mediated/core';
import { deviceFilesProtocol } from './device-files-protocol.js';

/**
 * Has a removal that waits for the device's users ask its driver again at once, and publish `mediated:device:in-use` on the
 * device's thread. The removal goes on waiting, and cannot be interrupted again: then the answer is false. Any thread.
 * ENODEV: there is no such device. EIO: its thread has died.
 */
export function interruptRemoval(bus: Bus, { index, generation, parent, shard, name }: Mdev): Promise<boolean> {
  const handle = parent.frameworkActor(shard);
  if (handle !== undefined) return bus.client.ref(handle, deviceFilesProtocol).ask('interrupt', index, generation);
  throw new MediatedError('ENODEV', `${name} has no vfio driver`, { syscall: 'remove' });
}
