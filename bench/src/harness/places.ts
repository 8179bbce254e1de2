/** The numbers of threads at which scaling is measured: up to the machine's cores, and beyond them. */
import { availableParallelism } from 'node:os';

/** Cores of this machine, as far as this process may use them. */
export const CORES = availableParallelism();
/** 1, 2, 4 and so on, and as many as there are cores. */
export const UP_TO_CORES: readonly number[] = [...doublings(CORES), CORES];
/** As many as there are cores, and more. */
export const BEYOND_CORES: readonly number[] = [CORES, 2 * CORES, 4 * CORES];
/** All of them, once each. */
export const PLACES: readonly number[] = [...new Set([...UP_TO_CORES, ...BEYOND_CORES])];

/** Powers of two below `most`. */
function doublings(most: number): number[] {
  const numbers: number[] = [];
  for (let number = 1; number < most; number *= 2) numbers.push(number);
  return numbers;
}
