/**
 * What an error with an errno costs beside a plain one: every refused create, open or read makes one.
 */
import { MediatedError } from '@mediated/core';
import { Bench } from 'tinybench';

/** Making an error: `Error`, then `MediatedError` without and with a cause. */
export function errorSuite(): Bench {
  const cause = new Error('the cause');
  return new Bench({ name: 'errors', time: 250 })
    .add('new Error', () => new Error('no such device'))
    .add('new MediatedError', () => new MediatedError('ENODEV', 'no such device'))
    .add('new MediatedError, with a cause', () => new MediatedError('ENODEV', 'no such device', { cause }));
}
