/** Looks at the place where a tree is to be mounted. */
import { stat } from 'node:fs/promises';
import { MediatedError } from '@mediated/core';
import { KIND, unmountAt } from './commands.js';
import { mountTable } from './mount-table.js';

/**
 * Makes a place usable: the mount of a process that is gone is taken away. EBUSY: another tree is mounted there. ENOENT,
 * ENOTDIR: there is no directory.
 */
export async function makeUsable(path: string): Promise<void> {
  // Several dead mounts may lie one over the other.
  while (isOurs(path)) {
    if (await isServed(path)) {
      throw new MediatedError('EBUSY', `a tree is mounted at ${path} already; unmount it or choose another place`, {
        syscall: 'mount',
      });
    }
    const { status, words } = await unmountAt(path);
    if (status !== 0) {
      throw new MediatedError('EBUSY', `a dead tree at ${path} cannot be taken away: ${words}`, { syscall: 'mount' });
    }
  }
  let isDirectory: boolean;
  try {
    isDirectory = (await stat(path)).isDirectory();
  } catch (error) {
    throw new MediatedError('ENOENT', `there is no directory ${path}`, { syscall: 'mount', cause: error });
  }
  if (!isDirectory) throw new MediatedError('ENOTDIR', `${path} is no directory`, { syscall: 'mount' });
}

/** Whether what is uppermost there is a tree, dead or alive. */
function isOurs(path: string): boolean {
  return mountTable().findLast((place) => place.path === path)?.kind === KIND;
}

async function isServed(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // A user who may not look at it has no business there either.
    return code !== 'ENOTCONN' && code !== 'ECONNABORTED';
  }
}
