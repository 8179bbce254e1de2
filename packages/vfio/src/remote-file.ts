/**
 * An open file as a client thread has it: a number on the device's thread and the operations on it
 * (spec/vfio-core section 10). Base of device files (`device-file.ts`) and of the files that ioctls of these give
 * (`anonymous-handle.ts`). Belongs to the thread that opened it. Any number of operations may be under way at once; they
 * are not ordered among each other by locks, only by the order in which they are sent.
 */
import { errnoName, isMediatedError, MediatedError } from '@mediated/core';
import type { ActorRef } from '@mediated/core/actor';
import { type DeviceFilesMessages, IOCTL_RESULT_BYTES } from './device-files-protocol.js';
import { accessBits, type MapAccess, type MappedMemory } from './mapped-memory.js';
import type { PassedFiles } from './passed-file.js';

const NOTHING = new Uint8Array(0);

/**
 * An open file.
 * Every operation fails with EBADF after `close`, with EIO when the device's thread has died, with EINVAL when the file
 * has no such operation, and with what the driver threw. `...Sync` forms block; they are for threads that host no actor
 * (EDEADLK).
 */
export abstract class RemoteFile {
  /** @internal */
  protected readonly actor: ActorRef<DeviceFilesMessages>;
  /** @internal */
  protected readonly number: number;
  #closed: Promise<void> | undefined;

  constructor(actor: ActorRef<DeviceFilesMessages>, number: number) {
    this.actor = actor;
    this.number = number;
  }

  /** Reads up to `length` bytes at byte `position`; at most 16 MiB at once. */
  read(position: number, length: number): Promise<Uint8Array> {
    return this.askOpen(() => this.actor.ask('read', this.number, position, length));
  }

  readSync(position: number, length: number): Uint8Array {
    this.assertOpen('read');
    return this.actor.askSync('read', this.number, position, length);
  }

  /** Writes at byte `position`; returns how many bytes were taken. */
  write(position: number, bytes: Uint8Array): Promise<number> {
    return this.askOpen(() => this.actor.ask('write', this.number, position, bytes));
  }

  writeSync(position: number, bytes: Uint8Array): number {
    this.assertOpen('write');
    return this.actor.askSync('write', this.number, position, bytes);
  }

  /**
   * Sends a command; returns its result. As ioctl(2) does, it changes `argument` in place, in part also when it fails.
   * `files`: those that the argument names, by the numbers that it has for them.
   */
  ioctl(command: number, argument: Uint8Array = NOTHING, files?: PassedFiles): Promise<number> {
    return this.askOpen(async () => {
      const { actor, number } = this;
      const asked =
        files === undefined
          ? actor.ask('ioctl', number, command, argument)
          : actor.ask('ioctlWithFiles', number, command, { argument, files });
      return answered(await asked, command, argument);
    });
  }

  ioctlSync(command: number, argument: Uint8Array = NOTHING, files?: PassedFiles): number {
    this.assertOpen('ioctl');
    const { actor, number } = this;
    const answer =
      files === undefined
        ? actor.askSync('ioctl', number, command, argument)
        : actor.askSync('ioctlWithFiles', number, command, { argument, files });
    return answered(answer, command, argument);
  }

  /**
   * The memory behind `length` bytes from `offset`: the device's own, shared with it. It outlives the file. EINVAL (no
   * bytes, what the device cannot map, a private mapping of a device), EACCES (to write into what is only for reading).
   */
  mmap(offset: number, length: number, access?: MapAccess): Promise<MappedMemory> {
    return this.askOpen(() => this.actor.ask('mmap', this.number, offset, length, accessBits(access)));
  }

  mmapSync(offset: number, length: number, access?: MapAccess): MappedMemory {
    this.assertOpen('mmap');
    return this.actor.askSync('mmap', this.number, offset, length, accessBits(access));
  }

  /** Closes the file when the operations under way on it have ended. Closing again, or after EIO, does nothing. */
  close(): Promise<void> {
    this.#closed ??= this.actor.ask('close', this.number).then(() => {}, ignoreDeath);
    return this.#closed;
  }

  closeSync(): void {
    if (this.#closed !== undefined) return;
    this.#closed = Promise.resolve();
    try {
      this.actor.askSync('close', this.number);
    } catch (error) {
      ignoreDeath(error);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  [Symbol.dispose](): void {
    this.closeSync();
  }

  /** @internal */
  protected askOpen<T>(send: () => Promise<T>): Promise<T> {
    return this.#closed === undefined ? send() : Promise.reject(closedFile('file'));
  }

  /** @internal */
  protected assertOpen(syscall: string): void {
    if (this.#closed !== undefined) throw closedFile(syscall);
  }
}

function answered(answer: Uint8Array, command: number, argument: Uint8Array): number {
  argument.set(answer.subarray(IOCTL_RESULT_BYTES));
  const result = new DataView(answer.buffer, answer.byteOffset).getInt32(0, true);
  if (result >= 0) return result;
  const syscall = 'ioctl';
  throw new MediatedError(errnoName(-result), `ioctl 0x${command.toString(16)} was refused`, { syscall });
}

function closedFile(syscall: string): MediatedError {
  return new MediatedError('EBADF', 'this file is closed', { syscall });
}

/** With its thread or its driver a file has been closed. */
function ignoreDeath(error: unknown): void {
  if (!isMediatedError(error, 'EIO') && !isMediatedError(error, 'ESHUTDOWN')) throw error;
}
