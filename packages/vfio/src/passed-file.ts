/**
 * Files that a program names by descriptor number in the argument of an ioctl (interrupt counters, groups, iommufd
 * contexts), as they travel to the device's thread. Made by the program's side of a file, read by drivers through
 * `IoctlCall`. Structured-cloneable; immutable.
 */
import { MediatedError } from '@mediated/core';
import { InterruptCounter } from './interrupt-counter.js';

/** What a descriptor number in an argument stands for. */
export type PassedFile =
  /** An {@link InterruptCounter}, by its buffer. */
  | { readonly kind: 'eventfd'; readonly counter: SharedArrayBuffer }
  /** An open group file: its number at the control actor and the number of its group. */
  | { readonly kind: 'group'; readonly file: number; readonly group: number }
  /** A container or an iommufd context: its number at the control actor. */
  | { readonly kind: 'container' | 'iommufd'; readonly file: number }
  /** No file but `length` bytes of the program's memory; its number is their address. */
  | { readonly kind: 'memory'; readonly memory: SharedArrayBuffer; readonly offset: number; readonly length: number }
  /** A file of another kind. */
  | { readonly kind: 'other' };

/** A file of a client that an argument can name: a group's, a counter. */
export interface PassableFile {
  readonly passed: PassedFile;
}

/** Files by descriptor number, memory by address. */
export type PassedFiles = ReadonlyMap<number, PassedFile>;

/** The file behind a number. EBADF: there is none. */
export function findPassed(files: PassedFiles | undefined, descriptor: number): PassedFile {
  const file = files?.get(descriptor);
  if (file !== undefined && file.kind !== 'memory') return file;
  throw new MediatedError('EBADF', `no file was passed as descriptor ${descriptor}`, { syscall: 'ioctl' });
}

/** The interrupt counter behind a number. EBADF: there is none. EINVAL: it is a file of another kind. */
export function findCounter(files: PassedFiles | undefined, descriptor: number): InterruptCounter {
  const file = findPassed(files, descriptor);
  if (file.kind === 'eventfd') return InterruptCounter.from(file.counter);
  throw new MediatedError('EINVAL', `descriptor ${descriptor} is a ${file.kind}, no eventfd`, { syscall: 'ioctl' });
}

/** The program's memory from an address on. EFAULT: some of it was not passed. */
export function findMemory(files: PassedFiles | undefined, address: bigint, length: bigint): Uint8Array {
  if (length === 0n) return new Uint8Array(0);
  for (const [start, passed] of files ?? []) {
    if (passed.kind !== 'memory') continue;
    const within = address - BigInt(start);
    if (within < 0n || within + length > BigInt(passed.length)) continue;
    return new Uint8Array(passed.memory, passed.offset + Number(within), Number(length));
  }
  const message = `${length} bytes at 0x${address.toString(16)} are no memory that was passed`;
  throw new MediatedError('EFAULT', message, { syscall: 'ioctl' });
}
