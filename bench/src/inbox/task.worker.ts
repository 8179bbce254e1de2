/** The work of the pools' threads, by the interface of each pool: piscina takes the default export, the others are told. */
import { work } from '../lifecycle/work.js';

/** Does so many rounds of work. */
export default function task(rounds: number): number {
  work(rounds);
  return rounds;
}
