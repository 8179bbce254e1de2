/** The program `mediated`, started as its users start it, with a folder of sockets for machines. One instance per object. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { inflateSync } from 'node:zlib';

const MAIN = fileURLToPath(new URL('../../../cli/dist/main.js', import.meta.url));
const execute = promisify(execFile);

/** A device that is there from the start. */
export interface Defined {
  readonly parent: string;
  readonly type: string;
  readonly uuid: string;
}

/** A picture: three bytes a pixel, red first. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

export class Program {
  readonly #process: ChildProcess;
  readonly #folder: string;
  readonly #instance: string;
  /** Folder of the mounted tree; null: nothing can be mounted here. */
  readonly tree: string | null;

  private constructor(process: ChildProcess, folder: string, instance: string, tree: string | null) {
    this.#process = process;
    this.#folder = folder;
    this.#instance = instance;
    this.tree = tree;
  }

  /** Starts it with drivers and devices, and waits until everything is there. */
  static async up(drivers: readonly string[], devices: readonly Defined[]): Promise<Program> {
    const folder = mkdtempSync(join(tmpdir(), 'mediated-up-'));
    for (const { parent, type, uuid } of devices) {
      mkdirSync(join(folder, 'definitions', parent), { recursive: true });
      writeFileSync(join(folder, 'definitions', parent, uuid), JSON.stringify({ mdev_type: type, start: 'auto' }));
    }
    // Each driver has one parent, of its name.
    const loaded = drivers.map((driver) => ({ driver, parents: [{ name: driver }] }));
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ drivers: loaded, definitions: './definitions' }));
    const instance = `qemu-${randomUUID().slice(0, 8)}`;
    const paths = ['--config', join(folder, 'config.json'), '--socket-dir', join(folder, 'sockets')];
    // It ends some day also when nobody tells it.
    const child = spawn(process.execPath, [MAIN, 'up', '--json', '--for', '600', '--instance', instance, ...paths], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    process.once('exit', () => child.kill());
    for await (const line of createInterface(child.stdout)) {
      const told = JSON.parse(line) as { readonly event: string; readonly tree?: string | null };
      if (told.event !== 'ready') continue;
      child.stdout.resume();
      return new Program(child, folder, instance, told.tree ?? null);
    }
    throw new Error('the program has ended before it was ready');
  }

  /** Runs another of its commands; what it prints. Rejects when its status is not 0. */
  async command(name: string, ...args: readonly string[]): Promise<string> {
    return (await execute(process.execPath, [MAIN, name, '--instance', this.#instance, ...args])).stdout;
  }

  /** The argument of `-device` for a device. */
  qemuDevice(uuid: string): string {
    const path = join(this.#folder, 'sockets', `${uuid}.sock`);
    return JSON.stringify({ driver: 'vfio-user-pci', socket: { type: 'unix', path }, 'x-msg-timeout': 60_000 });
  }

  /** What `mediated screenshot` writes. */
  async screenshot(uuid: string): Promise<Picture> {
    const file = join(this.#folder, 'picture.png');
    await this.command('screenshot', uuid, file);
    return decodePng(readFileSync(file));
  }

  /** Interrupts it, as Ctrl-C does; its status. */
  async end(): Promise<number | null> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const exited = once(this.#process, 'exit');
      this.#process.kill('SIGINT');
      await exited;
    }
    rmSync(this.#folder, { recursive: true, force: true });
    return this.#process.exitCode;
  }
}

/** A picture of 8-bit red, green and blue whose rows are stored as they are. */
function decodePng(file: Buffer): Picture {
  const data: Buffer[] = [];
  for (let at = 8; at < file.length; at += 12 + file.readUInt32BE(at)) {
    if (file.toString('latin1', at + 4, at + 8) === 'IDAT')
      data.push(file.subarray(at + 8, at + 8 + file.readUInt32BE(at)));
  }
  const [width, height] = [file.readUInt32BE(16), file.readUInt32BE(20)];
  const rows = inflateSync(Buffer.concat(data));
  const row = 1 + width * 3;
  const pixels = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    if (rows[y * row] !== 0) throw new Error(`row ${y} has filter ${rows[y * row]}`);
    pixels.set(rows.subarray(y * row + 1, (y + 1) * row), y * width * 3);
  }
  return { width, height, data: pixels };
}
