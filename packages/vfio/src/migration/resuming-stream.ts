/**
 * The data file into which a program writes what a device is to become (spec/vfio-core section 12). Made by a driver in
 * the step to RESUMING; lives on the device's thread.
 */
import { MediatedError } from '@mediated/core';
import type { AnonymousFile } from '../anonymous-file.js';
import { assertStream } from './saving-stream.js';

/** What a stream needs to know. */
export interface ResumingOptions {
  /** As shown to people, e.g. `[mtty-migration]`. */
  readonly name: string;
  /** Most bytes that it takes. A write that would exceed them is ENOMEM and takes nothing. */
  readonly capacity: number;
  /** Bytes have come; `before` is how many were there. Throwing fails the write, but the bytes stay. */
  received?(bytes: Uint8Array, before: number): void;
}

/** A stream that a program writes. */
export class ResumingStream implements AnonymousFile {
  readonly name: string;
  readonly #options: ResumingOptions;
  /** Grows by doubling. */
  #memory = new Uint8Array(0);
  #length = 0;
  #ended = false;

  constructor(options: ResumingOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /** All that has come. */
  get bytes(): Uint8Array {
    return this.#memory.subarray(0, this.#length);
  }

  /** The session is over: what has come is gone, and every write answers ENODEV. */
  end(): void {
    this.#ended = true;
    this.#memory = new Uint8Array(0);
    this.#length = 0;
  }

  write(position: number, bytes: Uint8Array): number {
    assertStream(position, 'write');
    const before = this.#length;
    if (before + bytes.length > this.#options.capacity) {
      const room = this.#options.capacity - before;
      throw new MediatedError('ENOMEM', `${bytes.length} bytes, but room for ${room}`, { syscall: 'write' });
    }
    if (this.#ended) throw new MediatedError('ENODEV', 'the migration session is over', { syscall: 'write' });
    this.#reserve(before + bytes.length);
    this.#memory.set(bytes, before);
    this.#length += bytes.length;
    this.#options.received?.(this.bytes, before);
    return bytes.length;
  }

  read(): never {
    throw new MediatedError('EBADF', 'the file is open for writing', { syscall: 'read' });
  }

  ioctl(command: number): never {
    throw new MediatedError('ENOTTY', `no command 0x${command.toString(16)}`, { syscall: 'ioctl' });
  }

  #reserve(length: number): void {
    if (length <= this.#memory.length) return;
    const grown = new Uint8Array(Math.min(this.#options.capacity, Math.max(length, 2 * this.#memory.length)));
    grown.set(this.bytes);
    this.#memory = grown;
  }
}
