/** Why a tree cannot be mounted here, said in one sentence with what would help and what works without it. */
import { type ErrnoName, MediatedError } from '@mediated/core';

const OTHERWISE =
  'without a mount everything but the paths works: the same files are objects there (attributeDirectory, openAttribute)';

export function cannotMount(code: ErrnoName, missing: string, cause?: unknown): MediatedError {
  return new MediatedError(code, `the tree cannot be mounted: ${missing}; ${OTHERWISE}`, {
    syscall: 'mount',
    ...(cause === undefined ? {} : { cause }),
  });
}

/** What is missing when `/dev/fuse` could not be opened. */
export function withoutDevice(error: NodeJS.ErrnoException): MediatedError {
  if (process.platform !== 'linux') return cannotMount('ENOSYS', 'that needs Linux', error);
  if (error.code === 'EACCES' || error.code === 'EPERM') {
    return cannotMount(
      'EACCES',
      'this user may not open /dev/fuse (root may, or make it accessible: chmod 666 /dev/fuse)',
      error,
    );
  }
  return cannotMount('ENODEV', 'there is no /dev/fuse (modprobe fuse; a container needs --device /dev/fuse)', error);
}

/** What is missing when mount(8) refused. */
export function refusedBy(words: string): MediatedError {
  if (/permission denied|must be superuser|not permitted/i.test(words)) {
    const help =
      'run it as root, or in a namespace of your own: unshare -Urm <command>; a container needs CAP_SYS_ADMIN';
    return cannotMount('EPERM', `this process may not mount (${help})`);
  }
  return cannotMount('EINVAL', `mount says "${words.split('\n')[0]}"`);
}
