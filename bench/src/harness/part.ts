/**
 * What a part of a suite is, and what it hands to the main process.
 */

/** How to measure. */
export interface PartOptions {
  /** Alternating rounds after the first, uncounted one. */
  readonly rounds: number;
}

/** Of readings and curves. */
export type Unit = '/s' | 'ns' | 'us' | 'ms' | 'bytes';

/** A quantity behind the figures, so that ratios can be judged. */
export interface Reading {
  readonly name: string;
  readonly unit: Unit;
  /** One value per round. */
  readonly values: readonly number[];
}

/** What was measured at one place of a curve. */
export interface CurvePoint {
  readonly x: number;
  /** One value per round. */
  readonly values: readonly number[];
}

/** Curves that belong into one picture: how a quantity grows with another one, for each of those compared. */
export interface Curves {
  readonly title: string;
  /** What the picture shows, in a sentence or two. */
  readonly about: string;
  readonly unit: Unit;
  /** What is on the horizontal axis; of latencies it is the share of the asks that were answered by then, in percent. */
  readonly x: 'threads' | 'live devices' | 'percentile';
  readonly series: readonly { readonly name: string; readonly points: readonly CurvePoint[] }[];
}

/** What a part measured; structured-cloneable. */
export interface PartResult {
  /** Values per round of each figure that the part measures. */
  readonly figures: Readonly<Record<string, readonly number[]>>;
  readonly readings: readonly Reading[];
  /** A picture each. */
  readonly curves?: readonly Curves[];
  /** What a reader should know, such as the configuration in which a peer was fastest. */
  readonly notes: readonly string[];
}

/** Measures; runs in a child process of its own. */
export type Part = (options: PartOptions) => Promise<PartResult>;

/** What a part says that cannot measure here. */
export function unmeasured(reason: string): PartResult {
  return { figures: {}, readings: [], notes: [reason] };
}
