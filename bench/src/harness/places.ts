/** The numbers of threads at which scaling is measured: up to the machine's cores, and beyond them. */
import { availableParallelism } from 'node:os';
import { MAX_THREADS } from '@mediated/core/sync';

/** A process has so many ids for threads that share objects; some are the asking thread's and the framework's. */
const MOST = MAX_THREADS - 4;
/** Cores of this machine, as far as this process may use them and has ids for threads. */
export const CORES = Math.min(availableParallelism(), MOST);
/** 1, 2, 4 and so on, and as many as there are cores. */
export const UP_TO_CORES: readonly number[] = [...doublings(CORES), CORES];
/** As many as there are cores, and more. */
export const BEYOND_CORES: readonly number[] = [...new Set([1, 2, 4].map((times) => Math.min(times * CORES, MOST)))];
/** All of them, once each. 2 is among them on every machine. */
export const PLACES: readonly number[] = [...new Set([...UP_TO_CORES, ...BEYOND_CORES])];

/** Powers of two below `most`. */
function doublings(most: number): number[] {
  const numbers: number[] = [];
  for (let number = 1; number < most; number *= 2) numbers.push(number);
  return numbers;
}
