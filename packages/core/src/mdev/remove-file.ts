/**
 * Blocking writes to a device's `remove` file, for threads that host no actor. The awaiting form is `mdev.storeRemove()`;
 * the file itself, with its text, is in `device-attributes.ts`.
 */
import { ERRNO } from '../errno.js';
import type { Mdev } from './mdev.js';
import { asGone, refusal } from './refusal.js';

/**
 * A write of a non-zero number to the `remove` file (spec/mdev-core 8.1), blocking: the first claims the file, the others
 * wait until it is through and succeed. ENODEV: the file is gone. EAGAIN: not completely created; the file stays gone.
 */
export function storeRemoveSync(mdev: Mdev): void {
  if (!mdev.presence.remove) throw refusal(-ERRNO.ENODEV, 'remove', mdev.uuid);
  const result = ask(mdev);
  if (result < 0) throw refusal(result, 'remove', mdev.uuid);
}

function ask(mdev: Mdev): number {
  try {
    return mdev.actor.askSync('storeRemove', mdev.index, mdev.generation);
  } catch (error) {
    return asGone(error, 'remove', mdev.uuid, mdev.parent.registered);
  }
}
