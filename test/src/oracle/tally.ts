/**
 * What a replay found: a line per difference, counts of steps, and why steps were left out. One per replay; replayers
 * write into it.
 */
import { ERRNO, errnoName } from '@mediated/core';

/** Reasons for which parts of recordings are left out, as the summary prints them. */
export type SkipReason = string;

/** Shows the result of a call as the recordings give it: `-22 EINVAL`, `36`. */
export function showResult(result: unknown): string {
  if (typeof result === 'number' && result < 0 && Object.values<number>(ERRNO).includes(-result)) {
    return `${result} ${errnoName(-result)}`;
  }
  return typeof result === 'string' ? result : JSON.stringify(result);
}

export class Tally {
  same = 0;
  different = 0;
  /** A line per difference. */
  readonly differences: string[] = [];
  readonly #skipped = new Map<SkipReason, number>();
  readonly #left = new Map<SkipReason, number>();

  get steps(): number {
    return this.same + this.different + this.skipped;
  }

  /** Steps that were not replayed. */
  get skipped(): number {
    return [...this.#skipped.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Counts a step by the differences that it showed, each with what it is about. */
  step(where: string, differences: readonly string[]): void {
    if (differences.length === 0) this.same++;
    else this.different++;
    for (const difference of differences) this.differences.push(`${where}: ${difference}`);
  }

  skip(reason: SkipReason, steps = 1): void {
    this.#skipped.set(reason, (this.#skipped.get(reason) ?? 0) + steps);
  }

  /** Notes a part of a step that was not compared. */
  leave(reason: SkipReason): void {
    this.#left.set(reason, (this.#left.get(reason) ?? 0) + 1);
  }

  /** The closing lines. */
  summary(): string[] {
    const counts = `${this.steps} steps, ${this.same} same, ${this.different} different, ${this.skipped} skipped`;
    return [
      ...[...this.#skipped].map(([reason, count]) => `skipped ${count}: ${reason}`),
      ...[...this.#left].map(([reason, count]) => `not compared in ${count} steps: ${reason}`),
      counts,
    ];
  }
}
