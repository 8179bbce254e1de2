/**
 * One VFIO_DEVICE_FEATURE as the core's features see it (spec/vfio-core section 11). Made by `serve-feature.ts`; lives as
 * long as the ioctl.
 */
import { MediatedError } from '@mediated/core';
import type { IoctlCall } from '../operations.js';
import { DEVICE_FEATURE_BYTES, deviceFeature, FEATURE_FLAGS, FEATURE_INDEX_MASK } from '../uapi/feature.js';
import { checkFeature } from './check-feature.js';

const { get, set, probe } = FEATURE_FLAGS;
const KNOWN_FLAGS = FEATURE_INDEX_MASK | get | set | probe;

export class FeatureRequest {
  readonly feature: number;
  readonly flags: number;
  /** Bytes of data that the caller announces; there may be fewer. */
  readonly size: number;
  /** The data, what there is of it. */
  readonly data: Uint8Array;
  readonly call: IoctlCall;

  /** Errors: EFAULT (no header), EINVAL (argsz, unknown flags, GET and SET together without PROBE). */
  constructor(argument: Uint8Array, call: IoctlCall) {
    if (argument.length < DEVICE_FEATURE_BYTES) throw fault(argument.length, DEVICE_FEATURE_BYTES);
    const { argsz, flags } = deviceFeature.decode(argument);
    const unknown = (flags & ~KNOWN_FLAGS) !== 0;
    const both = (flags & (get | set)) === (get | set) && (flags & probe) === 0;
    if (argsz < DEVICE_FEATURE_BYTES || unknown || both) {
      const message = `argsz ${argsz}, flags 0x${flags.toString(16)}`;
      throw new MediatedError('EINVAL', message, { syscall: 'ioctl' });
    }
    this.feature = flags & FEATURE_INDEX_MASK;
    this.flags = flags;
    this.size = argsz - DEVICE_FEATURE_BYTES;
    this.data = argument.subarray(DEVICE_FEATURE_BYTES, argsz);
    this.call = call;
  }

  /** True when data is to be taken, not given. */
  get sets(): boolean {
    return (this.flags & set) !== 0;
  }

  /** {@link checkFeature}; and EFAULT when fewer bytes than `least` were passed. */
  check(supported: number, least: number): boolean {
    if (!checkFeature(this.flags, this.size, supported, least)) return false;
    if (this.data.length < least) throw fault(this.data.length, least);
    return true;
  }

  /** EFAULT when less than what is announced was passed, and is not merely probed. */
  assertWhole(): void {
    if ((this.flags & probe) === 0 && this.data.length < this.size) throw fault(this.data.length, this.size);
  }
}

function fault(length: number, least: number): MediatedError {
  return new MediatedError('EFAULT', `${length} bytes were passed, ${least} are read`, { syscall: 'ioctl' });
}
