/**
 * QEMU with a Linux guest, or without any (qtest), from the folder that `scripts/qemu/fetch.sh` fills. The guest runs one shell
 * script as its first process and prints to this process's ears.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const cache =
  process.env.MEDIATED_QEMU ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'mediated', 'qemu');

/** Why there is no QEMU; undefined: there is. */
export const missing: string | undefined = existsSync(join(cache, 'edition'))
  ? undefined
  : `no QEMU in ${cache}: run scripts/qemu/fetch.sh`;

const at = (path: string) => join(cache, 'root', path);

/** A file of an initial file system (cpio, newc). */
function cpioEntry(name: string, mode: number, content: Uint8Array): Buffer {
  const hex = (value: number) => value.toString(16).padStart(8, '0');
  const fields = [0, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length + 1, 0].map(hex).join('');
  const pad = (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
  return Buffer.concat([pad(Buffer.from(`070701${fields}${name}\0`)), pad(Buffer.from(content))]);
}

/** Busybox, and a script as the first process. */
function initrd(script: string): Buffer {
  const begin = `#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
`;
  const directories = ['bin', 'dev', 'proc', 'sys'].map((name) => cpioEntry(name, 0o40755, new Uint8Array(0)));
  return gzipSync(
    Buffer.concat([
      ...directories,
      cpioEntry('bin/busybox', 0o100755, readFileSync(at('usr/bin/busybox'))),
      cpioEntry('init', 0o100755, Buffer.from(`${begin}${script}\necho b > /proc/sysrq-trigger\nsleep 10\n`)),
      cpioEntry('TRAILER!!!', 0, new Uint8Array(0)),
    ]),
    { level: 1 },
  );
}

export class Machine {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #folder: string;
  readonly #exited: Promise<unknown>;
  #output = '';
  #listen = () => {};

  private constructor(folder: string, args: readonly string[]) {
    this.#folder = folder;
    const library = at('usr/lib/x86_64-linux-gnu');
    const loader = join(library, 'ld-linux-x86-64.so.2');
    const firmware = ['usr/share/qemu', 'usr/share/seabios'].flatMap((path) => ['-L', at(path)]);
    const program = ['--library-path', library, at('usr/bin/qemu-system-x86_64'), ...firmware, ...args];
    const env = { ...process.env, QEMU_MODULE_DIR: join(library, 'qemu') };
    this.#process = spawn(loader, program, { env, stdio: 'pipe' });
    this.#exited = once(this.#process, 'exit');
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
        this.#listen();
      });
    }
    void this.#exited.then(() => this.#listen());
  }

  /** Boots a guest that runs a script and then ends. `devices`: arguments of `-device`. */
  static boot(script: string, devices: readonly string[]): Machine {
    const folder = mkdtempSync(join(tmpdir(), 'mediated-qemu-'));
    writeFileSync(join(folder, 'initrd.gz'), initrd(script));
    return new Machine(folder, [
      ...['-accel', 'tcg', '-M', 'q35', '-m', '256M', '-nodefaults', '-display', 'none', '-no-reboot'],
      ...['-object', 'memory-backend-memfd,id=ram,size=256M,share=on', '-machine', 'memory-backend=ram'],
      ...['-serial', 'stdio', '-kernel', join(cache, 'vmlinuz'), '-initrd', join(folder, 'initrd.gz')],
      ...['-append', 'console=ttyS0 quiet panic=-1', '-monitor', 'none'],
      ...devices.flatMap((device) => ['-device', device]),
    ]);
  }

  /** A machine without processor and guest, for {@link Qtest}; `socket`: where its qtest server is to listen. */
  static idle(socket: string, devices: readonly string[]): Machine {
    const folder = mkdtempSync(join(tmpdir(), 'mediated-qemu-'));
    return new Machine(folder, [
      ...['-accel', 'qtest', '-M', 'pc', '-m', '64M', '-nodefaults', '-display', 'none', '-monitor', 'none'],
      ...['-object', 'memory-backend-memfd,id=ram,size=64M,share=on', '-machine', 'memory-backend=ram'],
      ...['-qtest', `unix:${socket}`, '-qtest-log', '/dev/null'],
      ...devices.flatMap((device) => ['-device', device]),
    ]);
  }

  get output(): string {
    return this.#output;
  }

  /** Types a line into the guest's console. */
  type(line: string): void {
    this.#process.stdin.write(`${line}\n`);
  }

  /** Resolves when the guest has printed something; rejects when it has ended before. */
  printed(pattern: RegExp): Promise<RegExpMatchArray> {
    return new Promise((resolve, reject) => {
      this.#listen = () => {
        const match = pattern.exec(this.#output);
        if (match !== null) resolve(match);
        else if (this.#process.exitCode !== null) reject(new Error(`the machine has ended:\n${this.#output}`));
      };
      this.#listen();
    });
  }

  /** Resolves when the guest has ended; what it has printed. */
  async ended(): Promise<string> {
    await this.#exited;
    rmSync(this.#folder, { recursive: true, force: true });
    return this.#output;
  }

  /** Ends it, as a machine that dies. */
  kill(): Promise<string> {
    this.#process.kill('SIGKILL');
    return this.ended();
  }
}
