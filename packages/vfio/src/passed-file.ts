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
  /** A file of another kind. */
  | { readonly kind: 'other' };

/** Files by descriptor number. */
export type PassedFiles = ReadonlyMap<number, PassedFile>;

/** The file behind a number. EBADF: there is none. */
export function findPassed(files: PassedFiles | undefined, descriptor: number): PassedFile {
  const file = files?.get(descriptor);
  if (file !== undefined) return file;
  throw new MediatedError('EBADF', `no file was passed as descriptor ${descriptor}`, { syscall: 'ioctl' });
}

/** The interrupt counter behind a number. EBADF: there is none. EINVAL: it is a file of another kind. */
export function findCounter(files: PassedFiles | undefined, descriptor: number): InterruptCounter {
  const file = findPassed(files, descriptor);
  if (file.kind === 'eventfd') return InterruptCounter.from(file.counter);
  throw new MediatedError('EINVAL', `descriptor ${descriptor} is a ${file.kind}, no eventfd`, { syscall: 'ioctl' });
}
