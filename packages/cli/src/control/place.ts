/**
 * Where the control sockets of running instances are: in a folder that only its owner may enter. Both ends look at it before
 * they use it. Node cannot ask the kernel who is at the other end of a socket; that nobody else gets through the folder is
 * what keeps others out.
 */
import { lstatSync, mkdirSync, type Stats } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ControlError } from './control-error.js';

/** Longest path of a unix socket in bytes, without the zero behind it. */
export const LONGEST_PATH = 107;

/** The folder: in `XDG_RUNTIME_DIR`, or one per user in the folder for temporary files. */
export function controlFolder(environment: Readonly<Record<string, string | undefined>> = process.env): string {
  const { XDG_RUNTIME_DIR: own } = environment;
  return own?.startsWith('/') ? join(own, 'mediated') : join(tmpdir(), `mediated-${userId()}`);
}

/** Path of an instance's socket. Throws a {@link ControlError} for a name that is none. */
export function socketPath(instance: string, folder: string = controlFolder()): string {
  if (!/^[\w-][\w.-]{0,31}$/.test(instance)) {
    throw new ControlError(
      'EINVAL',
      `${JSON.stringify(instance)} is no name for an instance: 1 to 32 letters, digits, . _ -`,
    );
  }
  const path = join(folder, `${instance}.sock`);
  if (Buffer.byteLength(path) <= LONGEST_PATH) return path;
  throw new ControlError('ENAMETOOLONG', `${path} is too long for a socket; set XDG_RUNTIME_DIR to a shorter folder`);
}

/** Makes the folder if it is not there. Throws as {@link assertPrivate} does. */
export function makePrivateFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    const { code = 'EIO' } = error as NodeJS.ErrnoException;
    // Something that is no folder is told of below.
    const help = 'set XDG_RUNTIME_DIR to a folder of your own';
    if (code !== 'EEXIST') throw new ControlError(code, `${folder} cannot be made (${code}); ${help}`);
  }
  assertPrivate(folder);
}

/** What is at a path, without following a link; undefined: nothing, or nothing that this user may see. */
function look(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** Throws a {@link ControlError} unless the folder is there, is this user's, and lets nobody else in. */
export function assertPrivate(folder: string): void {
  const stats = look(folder);
  if (stats === undefined) throw new ControlError('ENOENT', `there is no ${folder}`);
  if (!stats.isDirectory()) throw new ControlError('ENOTDIR', `${folder} is no folder`);
  if (stats.uid !== userId()) {
    throw new ControlError('EPERM', `${folder} belongs to another user (${stats.uid}), so it is not used`);
  }
  if ((stats.mode & 0o077) !== 0) {
    throw new ControlError('EPERM', `${folder} lets other users in, so it is not used: chmod 700 ${folder}`);
  }
}

/** Whether a socket of this user is at a path. */
export function isOwnSocket(path: string): boolean {
  const stats = look(path);
  return stats?.isSocket() === true && stats.uid === userId();
}

function userId(): number {
  return process.getuid?.() ?? 0;
}
