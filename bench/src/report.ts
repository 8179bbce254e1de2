/**
 * What the main process prints: what there is to measure, then tables of figures with their marks and of the readings
 * behind them. Pure.
 */
import { type Mark, median, meets, type Spread } from './figures.js';
import type { PartOutcome } from './results.js';
import type { Suite } from './suite.js';

/** Three significant digits; whole numbers from 1000 on, with thin groups of thousands. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (Math.abs(value) < 999.5) return String(Number(value.toPrecision(3)));
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ' ');
}

/** `>= 30`. */
export function formatMark(mark: Mark): string {
  return `${mark.bound === 'at least' ? '>=' : '<='} ${formatNumber(mark.value)}`;
}

/** `1.2..3`. */
export function formatSpread({ low, high }: Spread): string {
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
export function reportSuite(suite: Suite, parts: readonly PartOutcome[]): string[] {
  const figures = new Map(parts.flatMap((part) => Object.entries(part.figures)));
  const readings = parts.flatMap((part) => part.readings);
  const curves = parts.flatMap((part) => part.curves);
  const notes = parts.flatMap((part) => part.notes);
  const failures = parts.flatMap(({ failure }) => (failure === undefined ? [] : [failure]));
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
    const cells = readings.map(({ name, unit, ...spread }) => [
      name,
      formatNumber(spread.median),
      unit,
      formatSpread(spread),
    ]);
    lines.push(...table([['reading', 'median', '', 'min..max'], ...cells]), '');
  }
  for (const { title, x, unit, series } of curves) {
    const places = [...new Set(series.flatMap(({ points }) => points.map((point) => point.x)))].sort((a, b) => a - b);
    const rowsOf = series.map(({ name, points }) => {
      const medians = new Map(points.map((point) => [point.x, median(point.values)]));
      return [name, ...places.map((place) => formatNumber(medians.get(place) ?? Number.NaN).replace('NaN', '-'))];
    });
    lines.push(`${title} (${unit}, by ${x})`, ...table([['', ...places.map(String)], ...rowsOf]), '');
  }
  lines.push(...Object.entries(suite.figures).map(([name, { about }]) => `  ${name}: ${about}`));
  lines.push(...notes.map((note) => `  note: ${note}`), ...failures.map((failure) => `  failed: ${failure}`));
  return lines;
}
