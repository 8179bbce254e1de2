/** mount(8) and umount(8), called with arguments and never through a shell. Used by the thread that mounts. */
import { spawn, spawnSync } from 'node:child_process';
import { rmdirSync } from 'node:fs';

/** Kind of file system that a mount is listed with. */
export const KIND = 'fuse.mediated';

interface Outcome {
  /** Exit status; 0 is success. */
  readonly status: number;
  /** What it said. */
  readonly words: string;
}

/**
 * Mounts the file system behind an open `/dev/fuse`. `source` is what the mount table shows. EPERM and the like are in the
 * words. Rejects with ENOENT when there is no mount(8).
 */
export function mountAt(
  path: string,
  descriptor: number,
  source: string,
  owner: { readonly uid: number; readonly gid: number },
): Promise<Outcome> {
  const options = [
    'fd=3',
    'rootmode=40000',
    `user_id=${owner.uid}`,
    `group_id=${owner.gid}`,
    'allow_other',
    'default_permissions',
    'nosuid',
    'nodev',
    'noexec',
  ];
  // Without -i a helper of libfuse would be run.
  return run('mount', ['-i', '-t', KIND, '-o', options.join(), '--', source, path], descriptor);
}

/** Takes a mount away; who uses it keeps what it has until it lets go. Without looking at the path, which may be dead. */
export function unmountAt(path: string): Promise<Outcome> {
  return run('umount', ['-i', '-c', '-l', '--', path]);
}

/** {@link unmountAt} at the end of the process. */
export function unmountAtExit(path: string): void {
  spawnSync('umount', ['-i', '-c', '-l', '--', path], { stdio: 'ignore' });
}

/** Removes the directory of a mount at the end of the process, if nothing is mounted or left there. */
export function removeAtExit(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // The cleaner tries it again when the process is gone.
  }
}

function run(program: string, args: readonly string[], descriptor?: number): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['ignore', 'ignore', 'pipe', ...(descriptor === undefined ? [] : [descriptor])],
      env: { PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin:/usr/bin:/bin`, LC_ALL: 'C' },
    });
    let words = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      words += text;
    });
    child.on('error', reject);
    child.on('close', (status) => resolve({ status: status ?? 1, words: words.trim() }));
  });
}
