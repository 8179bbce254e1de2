/**
 * What the main process prints: what there is to measure, then tables of figures with their marks and of the readings
 * behind them. Pure.
 */
import { type Mark, meets, type Spread } from './figures.js';
import type { Reading } from './harness/part.js';
import type { Suite } from './suites.js';

/** What was measured of one suite. */
export interface SuiteOutcome {
  readonly suite: Suite;
  readonly figures: ReadonlyMap<string, Spread>;
  readonly readings: readonly { readonly name: string; readonly unit: Reading['unit']; readonly spread: Spread }[];
  readonly notes: readonly string[];
  /** Parts that ended without a result. */
  readonly failures: readonly string[];
}

/** Three significant digits; whole numbers from 1000 on, with thin groups of thousands. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (Math.abs(value) < 999.5) return String(Number(value.toPrecision(3)));
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ' ');
}

/** `>= 30`. */
function formatMark(mark: Mark): string {
  return `${mark.bound === 'at least' ? '>=' : '<='} ${formatNumber(mark.value)}`;
}

function formatSpread({ low, high }: Spread): string {
  return `${formatNumber(low)}..${formatNumber(high)}`;
}

/** Lines of a table; the first column is left-aligned, the others right-aligned. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])))
      .join('  ')
      .trimEnd(),
  );
}

/** The lines that say what there is to measure: suites, their figures and marks. */
export function listSuites(suites: readonly Suite[]): string[] {
  const rows = suites.flatMap(({ name, about, figures }) => [
    [name, '', about],
    ...Object.entries(figures).map(([figure, spec]) => [
      `  ${figure}`,
      spec.mark === undefined ? '' : formatMark(spec.mark),
      spec.about,
    ]),
  ]);
  const width = (column: number) => Math.max(...rows.map((row) => row[column].length));
  const [first, second] = [width(0), width(1)];
  return rows.map(([figure, mark, about]) => `${figure.padEnd(first)}  ${mark.padStart(second)}  ${about}`);
}

/** The lines that report a suite. */
export function reportSuite({ suite, figures, readings, notes, failures }: SuiteOutcome): string[] {
  const rows = Object.entries(suite.figures).map(([name, { mark }]) => {
    const spread = figures.get(name);
    const wanted = mark === undefined ? '' : formatMark(mark);
    if (spread === undefined) return [name, '-', '-', wanted, 'not measured'];
    const verdict = mark === undefined ? '' : meets(mark, spread.median) ? 'met' : 'missed';
    return [name, formatNumber(spread.median), formatSpread(spread), wanted, verdict];
  });
  const lines = [`${suite.name}: ${suite.about}`, ''];
  lines.push(...table([['figure', 'median', 'min..max', 'mark', ''], ...rows]), '');
  if (readings.length > 0) {
    const cells = readings.map(({ name, unit, spread }) => [
      name,
      formatNumber(spread.median),
      unit,
      formatSpread(spread),
    ]);
    lines.push(...table([['reading', 'median', '', 'min..max'], ...cells]), '');
  }
  lines.push(...Object.entries(suite.figures).map(([name, { about }]) => `  ${name}: ${about}`));
  lines.push(...notes.map((note) => `  note: ${note}`), ...failures.map((failure) => `  failed: ${failure}`));
  return lines;
}
