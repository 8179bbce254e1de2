/**
 * What a replay found: a line per difference, counts of steps, and everything that was not asked or not compared, with the
 * reason. One per replay; replayers write into it.
 */
import { ERRNO, errnoName } from '@mediated/core';

/** Reasons for which parts of recordings are left out, as the summary prints them. */
export type SkipReason = string;

/** A step of a recording. */
export interface Place {
  /** File name without `.jsonl`. */
  readonly recording: string;
  /** From 1 on. */
  readonly line: number;
  /** What the recording calls the step. */
  readonly words: string;
}

/** Where the runtime was not held against the kernel, or is known to answer otherwise. */
export interface Departure extends Place {
  /** The field that is concerned; undefined: the whole step was not done. */
  readonly field: string | undefined;
  readonly kernel: unknown;
  /** Undefined: not asked, or not compared. */
  readonly here: unknown;
  readonly reason: SkipReason;
}

/** Shows the result of a call as the recordings give it: `-22 EINVAL`, `36`. */
export function showResult(result: unknown): string {
  if (typeof result === 'number' && result < 0 && Object.values<number>(ERRNO).includes(-result)) {
    return `${result} ${errnoName(-result)}`;
  }
  return typeof result === 'string' ? result : (JSON.stringify(result) ?? 'nothing');
}

export class Tally {
  same = 0;
  different = 0;
  skipped = 0;
  /** A line per difference. */
  readonly differences: string[] = [];
  readonly departures: Departure[] = [];

  get steps(): number {
    return this.same + this.different + this.skipped;
  }

  /** Counts a step by the differences that it showed, each with what it is about. */
  step(where: string, differences: readonly string[]): void {
    if (differences.length === 0) this.same++;
    else this.different++;
    for (const difference of differences) this.differences.push(`${where}: ${difference}`);
  }

  /** Counts a step that was not done. */
  skip(reason: SkipReason, place: Place, kernel?: unknown): void {
    this.skipped++;
    this.departures.push({ ...place, field: undefined, kernel, here: undefined, reason });
  }

  /** Notes a field of a step that was not compared, or (`here`) is known to differ. */
  leave(reason: SkipReason, place: Place, field: string, kernel?: unknown, here?: unknown): void {
    this.departures.push({ ...place, field, kernel, here, reason });
  }

  /** Takes over what another one has counted. */
  add(other: Tally): void {
    this.same += other.same;
    this.different += other.different;
    this.skipped += other.skipped;
    this.differences.push(...other.differences);
    this.departures.push(...other.departures);
  }

  /** The closing lines. */
  summary(): string[] {
    const skipped = new Map<SkipReason, number>();
    const left = new Map<SkipReason, number>();
    for (const { field, reason } of this.departures) {
      const counts = field === undefined ? skipped : left;
      counts.set(reason, (counts.get(reason) ?? 0) + 1);
    }
    const counts = `${this.steps} steps, ${this.same} same, ${this.different} different, ${this.skipped} skipped`;
    return [
      ...[...skipped].map(([reason, count]) => `skipped ${count}: ${reason}`),
      ...[...left].map(([reason, count]) => `not compared in ${count} steps: ${reason}`),
      counts,
    ];
  }
}
