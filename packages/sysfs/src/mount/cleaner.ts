/**
 * Takes a mount away when the process that serves it was killed: a shell of its own session that waits on a pipe whose other
 * end only this process has. The end of the pipe without a word means that the process is gone. It looks first whether that
 * very mount is still there, since another one may have taken its place.
 */
import { type ChildProcess, spawn } from 'node:child_process';

const SCRIPT = `read -r word && exit
while read -r line; do
  case "$line" in *" $2 "*) umount -i -c -l -- "$1" && break;; esac
done </proc/self/mountinfo
[ -z "$3" ] || rmdir -- "$1"`;

export class Cleaner {
  readonly #child: ChildProcess;

  /** `source`: what the mount table shows for this mount alone. `remove`: the directory goes with the mount. */
  constructor(path: string, source: string, remove: boolean) {
    this.#child = spawn('sh', ['-c', SCRIPT, 'sh', path, source, remove ? 'yes' : ''], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
      cwd: '/',
      env: { PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin:/usr/bin:/bin` },
    });
    // Without it nobody cleans up after a kill; everything else works.
    this.#child.on('error', () => {});
    this.#child.stdin?.on('error', () => {});
    this.#child.unref();
    (this.#child.stdin as unknown as { unref?(): void } | null)?.unref?.();
  }

  /** The mount is gone: there is nothing left to clean. */
  dismiss(): void {
    this.#child.stdin?.end('done\n');
  }
}
