/** A row of pseudo-random numbers, the same for the same seed. For random plans, and `Math.random` of explored threads. */
export class Xorshift {
  #state: number;

  /** `seed`: an odd number, or at least not 0. */
  constructor(seed: number) {
    this.#state = seed;
  }

  /** The next one: 0 to 2^32 - 1. */
  next(): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return state >>> 0;
  }
}
