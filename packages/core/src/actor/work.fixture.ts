/** Work for the workqueue's tests. */
import { MediatedError } from '#dist/errors.js';

export function add(a: number, b: number): number {
  return a + b;
}

export function fail(): never {
  throw new MediatedError('ENOSPC', 'no room in the queue', { syscall: 'fail' });
}

export function end(): never {
  process.exit(1);
}

/** Sets word 0 to 1, then works for ever. */
export function spin(words: Int32Array): never {
  Atomics.store(words, 0, 1);
  Atomics.notify(words, 0);
  for (;;) Atomics.wait(words, 1, 0);
}
