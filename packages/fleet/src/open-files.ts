/**
 * Devices that this host has open for clients elsewhere. A client says at least once in a lease that it still has its files; those
 * of one that does not are closed, as the kernel closes the files of a process that is gone. Main thread of a host.
 */
import { randomBytes } from 'node:crypto';
import { MediatedError } from '@mediated/core';
import type { Machine, MachineFile } from './machine.js';
import { type FileRequest, MOST_BYTES } from './requests.js';

interface Open {
  readonly file: MachineFile;
  readonly timer: NodeJS.Timeout;
}

/** Most files of all clients together. */
const MOST_FILES = 4096;

export class OpenFiles {
  readonly #machine: Machine;
  readonly #patience: number;
  readonly #files = new Map<string, Open>();

  /** `patience`: milliseconds after which a silent client is gone, by this host's own clock. */
  constructor(machine: Machine, patience: number) {
    this.#machine = machine;
    this.#patience = patience;
  }

  get size(): number {
    return this.#files.size;
  }

  /** Opens a device; answers the name of the file. EMFILE: too many are open. Else as the machine. */
  async open(uuid: string): Promise<string> {
    if (this.#files.size >= MOST_FILES) {
      throw new MediatedError('EMFILE', `${MOST_FILES} devices are open for clients`, { syscall: 'open' });
    }
    const file = await this.#machine.open(uuid);
    const name = randomBytes(12).toString('hex');
    const timer = setTimeout(() => void this.#close(name).catch(() => {}), this.#patience).unref();
    this.#files.set(name, { file, timer });
    return name;
  }

  /** EBADF: not open, or closed because its client was silent. */
  async call({ file: name, call, offset = 0, length = 0, command = 0, bytes }: FileRequest): Promise<{
    result: number;
    bytes?: string;
  }> {
    const open = this.#files.get(name);
    if (open === undefined) {
      throw new MediatedError('EBADF', 'this file is not open; its client was silent for too long', { syscall: call });
    }
    open.timer.refresh();
    const { file } = open;
    const given = Buffer.from(bytes ?? '', 'base64');
    switch (call) {
      case 'keep':
        return { result: 0 };
      case 'close':
        await this.#close(name);
        return { result: 0 };
      case 'read': {
        const read = await file.read(offset, length);
        return { result: read.length, bytes: encodeBytes(read) };
      }
      case 'write':
        return { result: await file.write(offset, given) };
      case 'ioctl': {
        const argument = new Uint8Array(given);
        return { result: await file.ioctl(command, argument), bytes: encodeBytes(argument) };
      }
    }
  }

  async closeAll(): Promise<void> {
    await Promise.allSettled([...this.#files.keys()].map((name) => this.#close(name)));
  }

  async #close(name: string): Promise<void> {
    const open = this.#files.get(name);
    if (open === undefined) return;
    this.#files.delete(name);
    clearTimeout(open.timer);
    await open.file.close();
  }
}

function encodeBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes.subarray(0, MOST_BYTES)).toString('base64');
}
