/**
 * The initial file system of a guest: busybox, the modules that the cache folder has, and as first process a shell that runs
 * what it is sent over its console and says when it has done so (`machine.fixture.ts`).
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

/** What `scripts/qemu/fetch.sh` fills. */
export const cache =
  process.env.MEDIATED_QEMU ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'mediated', 'qemu');

/** Why there is no QEMU; undefined: there is. */
export const missing: string | undefined = existsSync(join(cache, 'modules'))
  ? undefined
  : (process.env.MEDIATED_QEMU_MISSING ?? `no QEMU in ${cache}: run scripts/qemu/fetch.sh`);

/** A file that was unpacked. */
export const unpacked = (path: string) => join(cache, 'root', path);

/**
 * Lines up to `@run` are a script; what it prints and its status are followed by `@done`. Scripts share variables. Kernel
 * messages but emergencies stay out of it. `@ready` comes once.
 */
const FIRST_PROCESS = `#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
dmesg -n 1
stty -echo
echo @ready
script=
while IFS= read -r line; do
  if [ "$line" != @run ]; then
    script="$script$line
"
    continue
  fi
  eval "$script" </dev/null 2>&1
  status=$?
  script=
  echo
  echo "@done $status"
done
`;

/** A file of the archive (cpio, newc). */
function entry(name: string, mode: number, content: Uint8Array): Buffer {
  const hex = (value: number) => value.toString(16).padStart(8, '0');
  const fields = [0, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length + 1, 0].map(hex).join('');
  const pad = (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
  return Buffer.concat([pad(Buffer.from(`070701${fields}${name}\0`)), pad(Buffer.from(content))]);
}

let made: Buffer | undefined;

/** The archive. */
export function initrd(): Buffer {
  const modules = readdirSync(join(cache, 'modules'));
  made ??= gzipSync(
    Buffer.concat([
      ...['bin', 'dev', 'modules', 'proc', 'sys'].map((name) => entry(name, 0o40755, new Uint8Array(0))),
      entry('bin/busybox', 0o100755, readFileSync(unpacked('usr/bin/busybox'))),
      ...modules.map((name) => entry(`modules/${name}`, 0o100644, readFileSync(join(cache, 'modules', name)))),
      entry('init', 0o100755, Buffer.from(FIRST_PROCESS)),
      entry('TRAILER!!!', 0, new Uint8Array(0)),
    ]),
    { level: 1 },
  );
  return made;
}
