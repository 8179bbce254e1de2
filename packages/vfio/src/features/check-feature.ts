/**
 * The check that all features share (spec/vfio-core section 11). Called by the core for its own, by drivers for theirs.
 * Pure.
 */
import { MediatedError } from '@mediated/core';
import { FEATURE_FLAGS } from '../uapi/feature.js';

const { get, set, probe } = FEATURE_FLAGS;

/**
 * Checks a request for a feature that exists: `flags` of the request, bytes of data that it announces, what is supported
 * (`FEATURE_FLAGS` get, set) and the least bytes of data. False: it only asked whether this is supported, and it is;
 * answer 0 and do nothing. Errors: EINVAL.
 */
export function checkFeature(flags: number, size: number, supported: number, least: number): boolean {
  const wanted = flags & (get | set);
  if ((wanted & ~supported) !== 0) throw invalid('the feature cannot be used this way');
  if ((flags & probe) !== 0) return false;
  if (wanted === 0) throw invalid('neither GET nor SET');
  if (size < least) throw invalid(`${size} bytes of data, ${least} are needed`);
  return true;
}

function invalid(message: string): MediatedError {
  return new MediatedError('EINVAL', message, { syscall: 'ioctl' });
}
