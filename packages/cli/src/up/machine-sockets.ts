/**
 * The sockets of `mediated up --socket-dir`: one per PCI-shaped device, at which QEMU attaches to it. Main thread; made by
 * `up.ts`, asked by the requests. `@mediated/vfio-user`, with its native library, is loaded here and only when sockets are
 * wanted.
 */
import type { Mdev, Runtime } from '@mediated/core';
import type { ServedDevice, ServedDevices } from '@mediated/vfio-user';
import { ControlError } from '../control/control-error.js';
import { quoted } from '../shell-word.js';
import type { Report } from './report.js';
import { SocketFolder } from './socket-folder.js';

/** How a virtual machine gets a device. */
export interface MachineSocket {
  readonly socket: string;
  /** Argument of QEMU's `-device`. */
  readonly qemu: string;
}

export class MachineSockets {
  readonly #folder: SocketFolder;
  readonly #devices: ServedDevices;

  private constructor(folder: SocketFolder, devices: ServedDevices) {
    this.#folder = folder;
    this.#devices = devices;
  }

  /**
   * Serves every device of a runtime that is there and every one that will be, each told when it has its socket. Rejects with
   * a {@link ControlError}: ENOSYS (the native library is not there), and those of the folder.
   */
  static async open(runtime: Runtime, folder: string, report: Report): Promise<MachineSockets> {
    const { serveDevices } = await load();
    const opened = await SocketFolder.open(folder);
    try {
      const devices = await serveDevices(runtime, {
        directory: opened.path,
        onServed: (served) => tellServed(report, served),
        onError: ({ uuid }, error) => tellFailed(report, uuid, error),
      });
      return new MachineSockets(opened, devices);
    } catch (error) {
      await opened.close();
      throw error;
    }
  }

  /** Their folder. */
  get path(): string {
    return this.#folder.path;
  }

  /** The socket of a device, which may be about to get it; undefined: it gets none. Rejects when none could be made. */
  async of(mdev: Mdev): Promise<MachineSocket | undefined> {
    const served = await this.#devices.device(mdev);
    return served === undefined ? undefined : socketOf(served);
  }

  /** All of them, by UUID. */
  async all(): Promise<ReadonlyMap<string, MachineSocket>> {
    await this.#devices.settled();
    return new Map(this.#devices.devices.map((served) => [served.mdev.uuid, socketOf(served)]));
  }

  /** Machines lose their devices. Idempotent. */
  letGo(): Promise<void> {
    return this.#devices.close();
  }

  async close(): Promise<void> {
    await this.letGo();
    await this.#folder.close();
  }
}

async function load(): Promise<typeof import('@mediated/vfio-user')> {
  try {
    return await import('@mediated/vfio-user');
  } catch (error) {
    const reason = (error instanceof Error ? error.message : String(error)).split('\n')[0];
    const place = `${process.platform} on ${process.arch}`;
    throw new ControlError(
      'ENOSYS',
      `--socket-dir needs koffi's native library, which cannot be loaded here (${place}): ${reason}; ` +
        'install again with optional dependencies, or leave --socket-dir out: all else works without it',
    );
  }
}

function socketOf({ path, qemuDevice }: ServedDevice): MachineSocket {
  return { socket: path, qemu: qemuDevice };
}

function tellServed(report: Report, { mdev, path, qemuDevice }: ServedDevice): void {
  const line = `${mdev.uuid}: -device ${quoted(qemuDevice)}`;
  report.tell('served', { uuid: mdev.uuid, socket: path, qemu: qemuDevice }, line);
}

function tellFailed(report: Report, uuid: string, error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  report.warn('notServed', { uuid, message }, `no socket for ${uuid}: ${message}`);
}
