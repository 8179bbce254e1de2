/** The page on performance shows the figures of the results that are kept, and no others. */
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { figuresTable } from '../dist/figures-table.js';
import { readResults } from '../dist/results.js';
import { SUITES } from '../dist/suites.js';

const ORDER = SUITES.map(({ name }) => name);

test('docs/performance.md has the table that `pnpm bench --page` prints of bench/results', async () => {
  const kept = await readResults(new URL('../results', import.meta.url).pathname);
  const page = await readFile(new URL('../../docs/performance.md', import.meta.url), 'utf8');
  expect(page).toContain(figuresTable(kept, ORDER));
});

test('suites stand in the order of the program, with rounds, marks and verdicts', () => {
  const machine = { name: 'm', cpu: 'c', cores: 2, memoryGiB: 1, platform: 'linux x64' };
  const about = { format: 'mediated-bench 1' as const, about: '', machine, node: 'v20', commit: 'c' };
  const figure = (median: number) => ({ about: '', median, low: median, high: median, values: [median] });
  const mark = { bound: 'at least', value: 2 } as const;
  const part = (figures: Record<string, ReturnType<typeof figure> & { mark?: typeof mark }>) => [
    { name: 'p', about: '', figures, readings: [], curves: [], notes: [] },
  ];
  const results = [
    { ...about, suite: 'later', rounds: 3, parts: part({ one: { ...figure(1), mark }, two: { ...figure(2), mark } }) },
    { ...about, suite: 'first', rounds: 5, parts: part({ bare: figure(12345) }) },
  ];
  expect(figuresTable(results, ['first', 'later']).split('\n').slice(2)).toEqual([
    '| `first.bare` | 12 345 | 12 345..12 345 | 5 |  |  |',
    '| `later.one` | 1 | 1..1 | 3 | >= 2 | **missed** |',
    '| `later.two` | 2 | 2..2 | 3 | >= 2 | met |',
  ]);
});
