/**
 * The arithmetic of a benchmark: medians, ratios of alternating readings, marks, and the JSON that `--json` writes.
 * Pure; used by the parts (in child processes) and by the report (in the main process).
 */

/** What a figure is expected to reach. */
export interface Mark {
  readonly bound: 'at least' | 'at most';
  readonly value: number;
}

/** Several values of one quantity, one per round. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** At least this much. */
export function atLeast(value: number): Mark {
  return { bound: 'at least', value };
}

/** At most this much. */
export function atMost(value: number): Mark {
  return { bound: 'at most', value };
}

/** The middle value; of an even number of values the mean of the two in the middle. RangeError when there is none. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('the median of no values');
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Median, lowest and highest of the rounds. RangeError when there were none. */
export function spreadOf(values: readonly number[]): Spread {
  return { median: median(values), low: Math.min(...values), high: Math.max(...values) };
}

/**
 * Ratios round by round: what was read side by side is compared, so that a slow moment of the machine slows both.
 * RangeError when one side has more rounds than the other.
 */
export function ratios(numerators: readonly number[], denominators: readonly number[]): number[] {
  if (numerators.length !== denominators.length) {
    throw new RangeError(`${numerators.length} rounds against ${denominators.length}`);
  }
  return numerators.map((numerator, round) => numerator / denominators[round]);
}

/** Whether a value reaches its mark; the mark itself counts as reached. Not a number reaches nothing. */
export function meets(mark: Mark, value: number): boolean {
  return mark.bound === 'at least' ? value >= mark.value : value <= mark.value;
}

/** `{ suite: { figure: number } }` with the medians, in the order given. Not-finite numbers become null. */
export function figuresAsJson(
  suites: readonly {
    readonly suite: string;
    readonly parts: readonly { readonly figures: Readonly<Record<string, Pick<Spread, 'median'>>> }[];
  }[],
): string {
  const object = Object.fromEntries(
    suites.map(({ suite, parts }) => [
      suite,
      Object.fromEntries(
        parts.flatMap(({ figures }) => Object.entries(figures).map(([figure, { median: value }]) => [figure, value])),
      ),
    ]),
  );
  return `${JSON.stringify(object, undefined, 2)}\n`;
}
