/** What a suite is. Every folder of parts has its own, `suites.ts` has all of them. */
import type { Mark } from './figures.js';
import type { Part } from './harness/part.js';

/** One figure of a suite. */
export interface FigureSpec {
  /** What is compared with what, for the report. */
  readonly about: string;
  readonly mark?: Mark;
}

/** A part of a suite. */
export interface PartSpec {
  /** What its pictures show, in a sentence or two. */
  readonly about: string;
  /** Seconds on two idle cores: to start with the round that warms up, and each round that counts. */
  readonly seconds: { readonly start: number; readonly round: number };
  readonly load: () => Promise<{ readonly part: Part }>;
}

/** A suite; figures and parts in the order of the report. */
export interface Suite {
  readonly name: string;
  readonly about: string;
  readonly figures: Readonly<Record<string, FigureSpec>>;
  readonly parts: Readonly<Record<string, PartSpec>>;
}

/** Seconds that a part takes on two idle cores. */
export function expectedSeconds({ seconds }: PartSpec, rounds: number): number {
  return seconds.start + rounds * seconds.round;
}
