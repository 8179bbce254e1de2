/**
 * How often a thread may be restarted: at most `intensity` times within `period`, as an OTP supervisor counts.
 * Private to the supervising thread; the clock is injected.
 */
export interface RestartPolicy {
  /** Restarts allowed within the period. 0: never restart. */
  readonly intensity: number;
  /** Milliseconds. */
  readonly period: number;
}

export class RestartLimit {
  readonly #policy: RestartPolicy;
  readonly #now: () => number;
  #restarts: number[] = [];

  constructor(policy: RestartPolicy, now: () => number) {
    this.#policy = policy;
    this.#now = now;
  }

  /** Counts a death. True when the thread may be started again. */
  allow(): boolean {
    const now = this.#now();
    this.#restarts = this.#restarts.filter((at) => now - at < this.#policy.period);
    if (this.#restarts.length >= this.#policy.intensity) return false;
    this.#restarts.push(now);
    return true;
  }
}
