/**
 * The open files of one user and what may be read from them. Counts in shared memory how many files all users have, so
 * that the supervisor sees one that was forgotten. One object per user, on its client's thread.
 */
import { type Mdev, MediatedError } from '@mediated/core';
import type { DeviceFile } from '@mediated/vfio';
import { STORM_DRIVER } from './storm-driver.js';

/** A file and the device that it must lead to. */
export interface HeldFile {
  readonly file: DeviceFile;
  readonly mdev: Mdev;
}

/** Position of an mtty card's config space in its file. */
const MTTY_CONFIG = 7 * 2 ** 40;
/** Vendor 0x4348, device 0x3253, as they stand there. */
const MTTY_IDENTITY = [0x48, 0x43, 0x53, 0x32];
/** Scratch register of its first serial port. */
const MTTY_SCRATCH = 7;
const IDENTITY_BYTES = 8;

/** Bytes that identify the device, and those that must be found there. */
export function identityOf({ mdev }: HeldFile): { position: number; bytes: Uint8Array } {
  if (mdev.parent.driver === STORM_DRIVER) {
    return { position: 0, bytes: new Uint8Array(new Int32Array([mdev.index, mdev.generation]).buffer) };
  }
  return { position: MTTY_CONFIG, bytes: Uint8Array.from(MTTY_IDENTITY) };
}

/** A place of the device that takes a byte and keeps quiet. */
export function scratchOf({ mdev }: HeldFile): number {
  return mdev.parent.driver === STORM_DRIVER ? IDENTITY_BYTES : MTTY_SCRATCH;
}

/** Thrown when a file reads what is not its device's. */
export class WrongDevice extends Error {}

/** Compares what was read with the device's identity. */
export function assertIdentity(held: HeldFile, read: Uint8Array): void {
  const { bytes } = identityOf(held);
  if (bytes.length === read.length && bytes.every((byte, at) => byte === read[at])) return;
  const text = `a file of ${held.mdev.uuid} (slot ${held.mdev.index}) read ${Buffer.from(read).toString('hex')}`;
  throw new WrongDevice(text);
}

export class HeldFiles {
  readonly #files: HeldFile[] = [];
  readonly #count: Int32Array;

  /** `count`: one shared word, changed by add. */
  constructor(count: Int32Array) {
    this.#count = count;
  }

  get length(): number {
    return this.#files.length;
  }

  at(place: number): HeldFile {
    const held = this.#files[place];
    if (held === undefined) throw new MediatedError('EBADF', `this user has no file ${place}`);
    return held;
  }

  add(held: HeldFile): void {
    this.#files.push(held);
    Atomics.add(this.#count, 0, 1);
  }

  /** Forgets a file that was closed. */
  drop(held: HeldFile): void {
    const place = this.#files.indexOf(held);
    if (place < 0) return;
    this.#files.splice(place, 1);
    Atomics.sub(this.#count, 0, 1);
  }
}
