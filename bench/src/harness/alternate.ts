/**
 * Takes readings of several contenders in turn. Used by the parts.
 */
import { median } from '../figures.js';
import type { RoundMessage } from './messages.js';

/** One of those that are compared. */
export interface Contender {
  readonly name: string;
  /** One reading. */
  measure(): Promise<number>;
}

/**
 * Readings per contender, in the order of `contenders`. The first round warms up and is not counted; every other round
 * goes through the contenders backwards, so that none always follows the same one.
 */
export async function alternate(contenders: readonly Contender[], rounds: number): Promise<number[][]> {
  const readings: number[][] = contenders.map(() => []);
  const order = contenders.map((_, index) => index);
  for (let round = 0; round <= rounds; round++) {
    for (const index of order) {
      // What one contender left on the heap is not the next one's to clear.
      globalThis.gc?.();
      const reading = await contenders[index].measure();
      if (round > 0) readings[index].push(reading);
    }
    order.reverse();
    tellRound(round, rounds);
  }
  return readings;
}

/** Tells the main process that a round has ended; 0 is the one that warms up. */
export function tellRound(round: number, rounds: number): void {
  process.send?.({ kind: 'round', round, rounds } satisfies RoundMessage);
}

/** The fastest of several configurations of one peer, by the median of three readings (higher is faster). */
export async function fastest<C extends Contender>(configurations: readonly C[]): Promise<C> {
  const readings = await alternate(configurations, 3);
  const medians = readings.map(median);
  return configurations[medians.indexOf(Math.max(...medians))];
}
