/** How a display takes its memory from the budget of all displays, which all threads share (mbochs section 1). */
import { MediatedError } from '@mediated/core';
import type { Semaphore } from '@mediated/core/sync';

/**
 * Takes `megabytes` of the budget for what `make` makes, and gives them back when it throws. ENOSPC: there are less.
 * What was made gives them back at its end.
 */
export function reserve<T>(budget: Semaphore, megabytes: number, make: () => T): T {
  if (!budget.tryAcquire(megabytes)) {
    throw new MediatedError('ENOSPC', `${megabytes} MB are wanted, ${budget.value} are free`, { syscall: 'create' });
  }
  try {
    return make();
  } catch (error) {
    budget.release(megabytes);
    throw error;
  }
}
