/**
 * The data file from which a program reads what a device saves (spec/vfio-core section 12). Made by a driver in the steps
 * to PRE_COPY and STOP_COPY; lives on the device's thread.
 */
import { MediatedError } from '@mediated/core';
import { type AnonymousFile, NO_POSITION } from '../anonymous-file.js';
import { readArgument } from '../uapi/argument.js';
import { MIG_GET_PRECOPY_INFO, PRECOPY_INFO_BYTES, precopyInfo } from '../uapi/migration.js';

/** What a stream needs to know. */
export interface SavingOptions {
  /** As shown to people, e.g. `[mtty-migration]`. */
  readonly name: string;
  /** Is the device in one of the PRE_COPY states? */
  isPreCopy(): boolean;
  /**
   * What a read answers in these when nothing is left for now: ENOMSG, as the user API has it, or `end`, 0 bytes. In
   * STOP_COPY it is the end.
   */
  readonly whenDrained?: 'ENOMSG' | 'end';
}

/** A stream that a program reads. */
export class SavingStream implements AnonymousFile {
  readonly name: string;
  readonly #options: SavingOptions;
  #chunks: Uint8Array[] = [];
  /** Bytes that are left, and how many of them come before what has changed since. */
  #left = 0;
  #initial = 0;
  #ended = false;

  constructor(options: SavingOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /** Bytes that the program has not read. */
  get left(): number {
    return this.#left;
  }

  /**
   * Puts bytes behind what is there; they are copied. `initial`: they belong to the state at the beginning of pre-copy,
   * and nothing that has changed since stands before them.
   */
  append(bytes: Uint8Array, initial = false): void {
    if (bytes.length === 0 || this.#ended) return;
    this.#chunks.push(bytes.slice());
    this.#left += bytes.length;
    if (initial) this.#initial = this.#left;
  }

  /** The session is over: what is left is gone, and everything answers ENODEV. */
  end(): void {
    this.#ended = true;
    this.release();
  }

  read(position: number, into: Uint8Array): number {
    assertStream(position, 'read');
    this.#assertOpen('read');
    if (this.#left === 0 && into.length > 0 && this.#options.whenDrained !== 'end' && this.#options.isPreCopy()) {
      throw new MediatedError('ENOMSG', 'nothing to read for now', { syscall: 'read' });
    }
    let done = 0;
    while (done < into.length && this.#chunks.length > 0) {
      const chunk = this.#chunks[0] as Uint8Array;
      const part = chunk.subarray(0, into.length - done);
      into.set(part, done);
      done += part.length;
      if (part.length === chunk.length) this.#chunks.shift();
      else this.#chunks[0] = chunk.subarray(part.length);
    }
    this.#left -= done;
    this.#initial = Math.max(0, this.#initial - done);
    return done;
  }

  write(): never {
    throw new MediatedError('EBADF', 'the file is open for reading', { syscall: 'write' });
  }

  ioctl(command: number, argument: Uint8Array): void {
    if (command !== MIG_GET_PRECOPY_INFO) {
      throw new MediatedError('ENOTTY', `no command 0x${command.toString(16)}`, { syscall: 'ioctl' });
    }
    readArgument(precopyInfo, argument, PRECOPY_INFO_BYTES);
    if (!this.#options.isPreCopy()) throw new MediatedError('EINVAL', 'not in pre-copy', { syscall: 'ioctl' });
    this.#assertOpen('ioctl');
    const [initial, dirty] = [this.#initial, this.#left - this.#initial];
    precopyInfo.encode(argument, { flags: 0, initial_bytes: BigInt(initial), dirty_bytes: BigInt(dirty) });
  }

  /** The program has closed it: what it has not read is gone. */
  release(): void {
    this.#chunks = [];
    this.#left = 0;
    this.#initial = 0;
  }

  #assertOpen(syscall: string): void {
    if (this.#ended) throw new MediatedError('ENODEV', 'the migration session is over', { syscall });
  }
}

/** @internal A stream has no positions. */
export function assertStream(position: number, syscall: string): void {
  if (position !== NO_POSITION) throw new MediatedError('ESPIPE', 'a stream has no positions', { syscall });
}
