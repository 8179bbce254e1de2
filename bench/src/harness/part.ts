/**
 * What a part of a suite is, and what it hands to the main process.
 */

/** How to measure. */
export interface PartOptions {
  /** Alternating rounds after the first, uncounted one. */
  readonly rounds: number;
}

/** A quantity behind the figures, so that ratios can be judged. */
export interface Reading {
  readonly name: string;
  readonly unit: '/s' | 'ns' | 'us' | 'ms' | 'bytes';
  /** One value per round. */
  readonly values: readonly number[];
}

/** What a part measured; structured-cloneable. */
export interface PartResult {
  /** Values per round of each figure that the part measures. */
  readonly figures: Readonly<Record<string, readonly number[]>>;
  readonly readings: readonly Reading[];
  /** What a reader should know, such as the configuration in which a peer was fastest. */
  readonly notes: readonly string[];
}

/** Measures; runs in a child process of its own. */
export type Part = (options: PartOptions) => Promise<PartResult>;

/** What a part says that cannot measure here. */
export function unmeasured(reason: string): PartResult {
  return { figures: {}, readings: [], notes: [reason] };
}
