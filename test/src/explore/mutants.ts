/** All mutants. Called by `main.ts` and by the tests. */
import { LOCK_MUTANTS } from './lock-mutants.js';
import { MEMORY_MUTANTS } from './memory-mutants.js';
import type { Mutant } from './mutant.js';
import { MUTEX_MUTANTS } from './mutex-mutants.js';
import { PROTOCOL_MUTANTS } from './protocols-mutants.js';
import { READER_MUTANTS } from './rw-semaphore-mutants.js';

export const MUTANTS: readonly Mutant[] = [
  ...MUTEX_MUTANTS,
  ...READER_MUTANTS,
  ...LOCK_MUTANTS,
  ...MEMORY_MUTANTS,
  ...PROTOCOL_MUTANTS,
];
