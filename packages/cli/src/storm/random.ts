/**
 * Random numbers that follow from a seed, so that a storm's choices can be had again. One object per client and per
 * supervisor, never shared. Generator: splitmix32 over a counter; good enough for choices, not for secrets.
 */

/** A stream of random numbers. The same seed and stream give the same numbers. */
export class Random {
  #state: number;

  /** `stream` tells apart those who draw at the same time under one seed. */
  constructor(seed: number, stream = 0) {
    this.#state = mix(mix(seed | 0) ^ Math.imul(stream + 1, 0x9e3779b1));
  }

  /** 32 random bits, as an unsigned number. */
  next(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    return mix(this.#state) >>> 0;
  }

  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number {
    return Math.floor((this.next() / 2 ** 32) * limit);
  }

  /** A whole number from `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  /** One element of a list that has some. */
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }

  /** A key, each as often as its weight says. */
  weighted<K extends string>(weights: readonly (readonly [K, number])[]): K {
    let rest = this.below(weights.reduce((sum, [, weight]) => sum + weight, 0));
    for (const [key, weight] of weights) {
      rest -= weight;
      if (rest < 0) return key;
    }
    return weights[weights.length - 1][0];
  }

  /** A random (version 4) UUID. */
  uuid(): string {
    const digits = Array.from({ length: 4 }, () => this.next().toString(16).padStart(8, '0')).join('');
    const variant = '89ab'[this.below(4)];
    const parts = [digits.slice(0, 8), digits.slice(8, 12), `4${digits.slice(13, 16)}`];
    return [...parts, `${variant}${digits.slice(17, 20)}`, digits.slice(20)].join('-');
  }
}

function mix(value: number): number {
  let mixed = value;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return mixed ^ (mixed >>> 15);
}
