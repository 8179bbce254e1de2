/**
 * Random executions with a guarantee (PCT, Burckhardt et al. 2010): threads get random priorities, the highest that can
 * goes on, and at `depth - 1` random steps whoever is on turn falls behind all others. With n threads and at most k steps,
 * one execution finds a fault that needs the order of `depth` steps with a probability of at least 1 / (n k^(depth - 1)).
 * "Time passes for thread t" counts as a thread. A death is dealt at a random step, in every second execution.
 */
import { TIME } from './choices.js';
import { MAX_CHANGE_POINTS } from './layout.js';
import type { Plan } from './plan.js';
import { Xorshift } from './xorshift.js';

const CHOICES = 24;

/** Plans of random executions, the same for the same seed. */
export class RandomPlans {
  readonly #depth: number;
  readonly #threads: number;
  readonly #kills: number;
  readonly #random: Xorshift;
  #longest = 1;

  constructor(seed: number, depth: number, threads: number, kills: number) {
    if (!(depth >= 1 && depth <= MAX_CHANGE_POINTS + 1)) throw new Error(`depth is 1 to ${MAX_CHANGE_POINTS + 1}`);
    this.#random = new Xorshift((Math.imul(seed, 0x9e3779b1) ^ 0x5bd1e995) | 1);
    this.#depth = depth;
    this.#threads = threads;
    this.#kills = kills;
  }

  /** An execution had so many steps. */
  learn(steps: number): void {
    this.#longest = Math.max(this.#longest, steps);
  }

  next(): Plan {
    const order = Array.from({ length: CHOICES }, (_, choice) => choice);
    for (let at = order.length - 1; at > 0; at--) {
      const other = this.#below(at + 1);
      [order[at], order[other]] = [order[other] as number, order[at] as number];
    }
    // Later than any step, time does not pass by itself; so only half of them are above the threads.
    const priorities = order.map((place, choice) => (choice >= TIME && place < CHOICES / 2 ? 1 : CHOICES + place));
    const changePoints = Array.from({ length: this.#depth - 1 }, () => this.#below(this.#longest));
    if (this.#kills === 0 || this.#below(2) === 0) return { choices: [], priorities, changePoints };
    const killStep = this.#below(this.#longest);
    return { choices: [], priorities, changePoints, killStep, killVictim: this.#below(this.#threads) };
  }

  #below(limit: number): number {
    return this.#random.next() % limit;
  }
}
