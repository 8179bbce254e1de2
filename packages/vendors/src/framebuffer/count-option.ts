/**
 * The one load option of the sample displays, which their kernel modules have as parameter `count`: how many units there
 * are of what all displays share. Called when a driver is loaded, on the supervising thread; pure.
 */
import { MediatedError } from '@mediated/core';

/** Options of `loadDriver` for mdpy (displays per parent; default 4) and mbochs (megabytes in all; default 256). */
export interface CountOptions {
  /** 0 to 2^30. */
  readonly count?: number;
}

/** The count in load options, or the default. EINVAL: the options are none, or have something else. */
export function countOption(options: unknown, byDefault: number): number {
  if (options === undefined) return byDefault;
  if (typeof options !== 'object' || options === null) throw invalid('the options are an object');
  const { count = byDefault, ...others } = options as CountOptions;
  const [other] = Object.keys(others);
  if (other !== undefined) throw invalid(`there is no option ${other}`);
  if (Number.isInteger(count) && count >= 0 && count <= 2 ** 30) return count;
  throw invalid(`count is ${count}; it is a whole number from 0 to 2^30`);
}

function invalid(message: string): MediatedError {
  return new MediatedError('EINVAL', message, { syscall: 'loadDriver' });
}
