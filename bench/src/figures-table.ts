/**
 * The figures of kept results as a table in Markdown, which stands in docs/performance.md. Printed by `pnpm bench --page`; a test
 * compares. Pure.
 */
import { meets } from './figures.js';
import { formatMark, formatNumber, formatSpread } from './report.js';
import type { SuiteResult } from './results.js';

/** The rows of one machine's results, suites in the given order. */
export function figuresTable(results: readonly SuiteResult[], suites: readonly string[]): string {
  const place = ({ suite }: SuiteResult): number => suites.indexOf(suite);
  const rows = results
    .toSorted((a, b) => place(a) - place(b))
    .flatMap(({ suite, rounds, parts }) =>
      parts.flatMap(({ figures }) =>
        Object.entries(figures).map(([figure, { mark, ...spread }]) => {
          const wanted = mark === undefined ? '' : formatMark(mark);
          const verdict = mark === undefined ? '' : meets(mark, spread.median) ? 'met' : '**missed**';
          const cells = [
            `\`${suite}.${figure}\``,
            formatNumber(spread.median),
            formatSpread(spread),
            rounds,
            wanted,
            verdict,
          ];
          return `| ${cells.join(' | ')} |`;
        }),
      ),
    );
  return ['| figure | median | min..max | rounds | mark | |', '|---|---|---|---|---|---|', ...rows].join('\n');
}
