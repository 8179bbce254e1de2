/**
 * An open device as a client thread has it (spec/vfio-core section 6): a number on the device's thread and the
 * operations on it. Belongs to the thread that opened it. Any number of operations may be under way at once; they are
 * not ordered among each other by locks, only by the order in which they are sent.
 */
import { type Bus, ERRNO, type ErrnoName, errnoName, isMediatedError, type Mdev, MediatedError } from '@mediated/core';
import type { ActorRef } from '@mediated/core/actor';
import { type DeviceFilesMessages, deviceFilesProtocol, IOCTL_RESULT_BYTES } from './device-files-protocol.js';
import type { InterruptCounter } from './interrupt-counter.js';

const NOTHING = new Uint8Array(0);

/**
 * An open device file.
 * Every operation fails with EBADF after `close`, with EIO when the device's thread has died, and with what the driver
 * threw. `...Sync` forms block; they are for threads that host no actor (EDEADLK).
 */
export class DeviceFile {
  readonly mdev: Mdev;
  readonly #actor: ActorRef<DeviceFilesMessages>;
  readonly #number: number;
  #closed: Promise<void> | undefined;

  /** @internal See {@link openDevice}. */
  constructor(mdev: Mdev, actor: ActorRef<DeviceFilesMessages>, number: number) {
    this.mdev = mdev;
    this.#actor = actor;
    this.#number = number;
  }

  /** Reads up to `length` bytes at byte `position`; at most 16 MiB at once. */
  read(position: number, length: number): Promise<Uint8Array> {
    return this.#open(() => this.#actor.ask('read', this.#number, position, length));
  }

  readSync(position: number, length: number): Uint8Array {
    this.#assertOpen('read');
    return this.#actor.askSync('read', this.#number, position, length);
  }

  /** Writes at byte `position`; returns how many bytes the device took. */
  write(position: number, bytes: Uint8Array): Promise<number> {
    return this.#open(() => this.#actor.ask('write', this.#number, position, bytes));
  }

  writeSync(position: number, bytes: Uint8Array): number {
    this.#assertOpen('write');
    return this.#actor.askSync('write', this.#number, position, bytes);
  }

  /** Sends a command; returns its result. As ioctl(2) does, it changes `argument` in place. */
  ioctl(command: number, argument: Uint8Array = NOTHING): Promise<number> {
    return this.#open(async () => answered(await this.#actor.ask('ioctl', this.#number, command, argument), argument));
  }

  ioctlSync(command: number, argument: Uint8Array = NOTHING): number {
    this.#assertOpen('ioctl');
    return answered(this.#actor.askSync('ioctl', this.#number, command, argument), argument);
  }

  /** The memory behind `length` bytes from `offset`: the device's own, shared with it. It outlives the file. */
  mmap(offset: number, length: number): Promise<SharedArrayBuffer> {
    return this.#open(() => this.#actor.ask('mmap', this.#number, offset, length));
  }

  mmapSync(offset: number, length: number): SharedArrayBuffer {
    this.#assertOpen('mmap');
    return this.#actor.askSync('mmap', this.#number, offset, length);
  }

  /** Gives a counter a descriptor number, for arguments of ioctls that take eventfds. Good until the file is closed. */
  attach(counter: InterruptCounter): Promise<number> {
    return this.#open(() => this.#actor.ask('attach', this.#number, counter.buffer));
  }

  attachSync(counter: InterruptCounter): number {
    this.#assertOpen('attach');
    return this.#actor.askSync('attach', this.#number, counter.buffer);
  }

  /** Takes a descriptor number back. What a driver has bound to the counter stays bound. EBADF: it is none. */
  async detach(descriptor: number): Promise<void> {
    const result = await this.#open(() => this.#actor.ask('detach', this.#number, descriptor));
    if (result < 0) throw refused(result, 'detach', `descriptor ${descriptor}`);
  }

  /** Closes the file when the operations under way on it have ended. Closing again, or after EIO, does nothing. */
  close(): Promise<void> {
    this.#closed ??= this.#actor.ask('close', this.#number).then(() => {}, ignoreDeath);
    return this.#closed;
  }

  closeSync(): void {
    if (this.#closed !== undefined) return;
    this.#closed = Promise.resolve();
    try {
      this.#actor.askSync('close', this.#number);
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

  #open<T>(send: () => Promise<T>): Promise<T> {
    return this.#closed === undefined ? send() : Promise.reject(closedFile('file'));
  }

  #assertOpen(syscall: string): void {
    if (this.#closed !== undefined) throw closedFile(syscall);
  }
}

/**
 * Opens a device, by its UUID or as an `Mdev`. Any thread may, as often as it likes; what a thread leaves open is closed
 * when the thread ends or leaves the bus.
 * Rejects with ENODEV (no such device, it is being removed, or its driver is being unloaded), EINVAL (its driver has no
 * device files), EIO (its thread died), or what the driver's `openDevice` threw.
 */
export async function openDevice(bus: Bus, device: Mdev | string): Promise<DeviceFile> {
  const mdev = find(bus, device);
  const actor = filesActor(bus, mdev);
  let number: number;
  try {
    number = await actor.ask('open', mdev.index, mdev.generation);
  } catch (error) {
    return asGone(error, mdev);
  }
  return opened(mdev, actor, number);
}

/** {@link openDevice}, blocking; for threads that host no actor. */
export function openDeviceSync(bus: Bus, device: Mdev | string): DeviceFile {
  const mdev = find(bus, device);
  const actor = filesActor(bus, mdev);
  let number: number;
  try {
    number = actor.askSync('open', mdev.index, mdev.generation);
  } catch (error) {
    return asGone(error, mdev);
  }
  return opened(mdev, actor, number);
}

function find(bus: Bus, device: Mdev | string): Mdev {
  const mdev = typeof device === 'string' ? bus.mdev(device) : device;
  if (mdev === undefined) throw refused(-ERRNO.ENODEV, 'open', String(device));
  return mdev;
}

function filesActor(bus: Bus, mdev: Mdev): ActorRef<DeviceFilesMessages> {
  const handle = mdev.parent.frameworkActor(mdev.shard);
  if (handle !== undefined) return bus.client.ref(handle, deviceFilesProtocol);
  throw new MediatedError('EINVAL', `driver ${mdev.parent.driver} has no device files`, { syscall: 'open' });
}

function opened(mdev: Mdev, actor: ActorRef<DeviceFilesMessages>, number: number): DeviceFile {
  if (number < 0) throw refused(number, 'open', mdev.uuid);
  return new DeviceFile(mdev, actor, number);
}

function answered(answer: Uint8Array, argument: Uint8Array): number {
  argument.set(answer.subarray(IOCTL_RESULT_BYTES));
  return new DataView(answer.buffer, answer.byteOffset).getInt32(0, true);
}

const ADVICE: Partial<Record<ErrnoName, string>> = {
  ENODEV: 'there is no such device (any more), or it or its driver is being removed',
  EBADF: 'it is not open',
};

function refused(negative: number, syscall: string, subject: string): MediatedError {
  const code = errnoName(-negative);
  return new MediatedError(code, `${syscall} ${subject}: ${ADVICE[code] ?? 'refused'}`, { syscall });
}

function closedFile(syscall: string): MediatedError {
  return new MediatedError('EBADF', 'this device file is closed', { syscall });
}

/**
 * An actor that has stopped, or whose thread ended after the parent was unregistered, went with its driver, and with it
 * the device; a thread that died under a registered parent stays EIO.
 */
function asGone(error: unknown, mdev: Mdev): never {
  if (isMediatedError(error, 'ESRCH') || (!mdev.parent.registered && isMediatedError(error, 'EIO'))) {
    throw refused(-ERRNO.ENODEV, 'open', mdev.uuid);
  }
  throw error;
}

/** With its thread or its driver a file has been closed. */
function ignoreDeath(error: unknown): void {
  if (!isMediatedError(error, 'EIO') && !isMediatedError(error, 'ESRCH')) throw error;
}
