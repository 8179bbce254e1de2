/**
 * How often each operation ended how, counted in shared memory while the storm runs. One row per client and one for the
 * supervisor; only the row's thread writes it, any thread reads. Counts are doubles: exact up to 2^53, and a torn
 * reading of a count under way is one off at most, which only a progress line ever shows.
 */
import { ERRNO } from '@mediated/core';
import { OPERATIONS, type OperationName } from './operations.js';

/** How an operation ended. `OTHER`: with an error that carries no errno of ours. */
const OUTCOMES = ['ok', ...Object.keys(ERRNO), 'OTHER'];

/** Counts of one operation. */
export interface OperationCounts {
  readonly operation: OperationName;
  readonly done: number;
  /** Refusals by errno, most frequent first. */
  readonly refusals: readonly (readonly [code: string, count: number])[];
}

export class Tally {
  readonly buffer: SharedArrayBuffer;
  readonly #counts: Float64Array;

  private constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.#counts = new Float64Array(buffer);
  }

  /** Room for `rows` counting threads. */
  static create(rows: number): Tally {
    return new Tally(new SharedArrayBuffer(rows * OPERATIONS.length * OUTCOMES.length * 8));
  }

  static from(buffer: SharedArrayBuffer): Tally {
    return new Tally(buffer);
  }

  get rows(): number {
    return this.#counts.length / (OPERATIONS.length * OUTCOMES.length);
  }

  /** Counts one operation; `code` is its errno, undefined when it was done. By the row's thread only. */
  count(row: number, operation: OperationName, code: string | undefined): void {
    const outcome = code === undefined ? 0 : OUTCOMES.indexOf(code, 1);
    const column = outcome < 0 ? OUTCOMES.length - 1 : outcome;
    this.#counts[(row * OPERATIONS.length + OPERATIONS.indexOf(operation)) * OUTCOMES.length + column] += 1;
  }

  /** Operations of one row, or of all rows, however they ended. */
  total(row?: number): number {
    const perRow = OPERATIONS.length * OUTCOMES.length;
    const counts = row === undefined ? this.#counts : this.#counts.subarray(row * perRow, (row + 1) * perRow);
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** How often `operation` ended with `code` on all rows. */
  of(operation: OperationName, code: string): number {
    return (
      this.operations()
        .find((each) => each.operation === operation)
        ?.refusals.find(([each]) => each === code)?.[1] ?? 0
    );
  }

  /** All rows together, by operation. */
  operations(): OperationCounts[] {
    return OPERATIONS.map((operation, at) => {
      const sums = OUTCOMES.map((_, outcome) => {
        let sum = 0;
        for (let row = 0; row < this.rows; row++)
          sum += this.#counts[(row * OPERATIONS.length + at) * OUTCOMES.length + outcome];
        return sum;
      });
      const refusals = sums
        .map((count, outcome) => [OUTCOMES[outcome], count] as const)
        .filter(([, count], outcome) => outcome > 0 && count > 0)
        .sort((a, b) => b[1] - a[1]);
      return { operation, done: sums[0], refusals };
    });
  }
}
