/** The action in what was written to a `uevent` file. Synthetic events of vfio's own devices carry no arguments here. */
import { type Action, MediatedError } from '@mediated/core';

const ACTIONS: readonly Action[] = ['add', 'remove', 'change', 'bind', 'unbind', 'move', 'online', 'offline'];

/** EINVAL: it is no action. */
export function writtenAction(bytes: Buffer): Action {
  const [word] = bytes.toString('latin1').split(/[\0\n ]/, 1);
  const action = ACTIONS.find((candidate) => candidate === word);
  if (action !== undefined) return action;
  throw new MediatedError('EINVAL', `${JSON.stringify(word.slice(0, 32))} is no action`, { syscall: 'uevent' });
}
