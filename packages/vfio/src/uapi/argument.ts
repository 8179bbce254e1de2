/**
 * How a driver takes the argument of an ioctl: the common beginning of nearly all of them (vendors/common section 3).
 * Called by `ioctl` callbacks; pure.
 */
import { MediatedError } from '@mediated/core';
import type { Struct } from './struct.js';

/**
 * Decodes an argument of at least `least` bytes, which it must also announce in `argsz`; later fields read as 0.
 * Errors: EFAULT (the caller passed fewer bytes), EINVAL (argsz is less).
 */
export function readArgument<V extends { argsz: number }>(struct: Struct<V>, argument: Uint8Array, least: number): V {
  if (argument.length < least) {
    throw new MediatedError('EFAULT', `the argument has ${argument.length} bytes, ${least} are read`, {
      syscall: 'ioctl',
    });
  }
  const values = struct.decode(argument.subarray(0, least));
  if (values.argsz >= least) return values;
  throw new MediatedError('EINVAL', `argsz is ${values.argsz}; it is at least ${least}`, { syscall: 'ioctl' });
}
