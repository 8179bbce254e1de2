import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
let folder: string;
let files: string[];
let page: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediated-bench-'));
  const bench = (...args: string[]) => promisify(execFile)(process.execPath, [MAIN, '--results', folder, ...args]);
  await bench('--quick', '--machine', 'one');
  // What another machine measured, copied beside it.
  const [file] = await readdir(folder).then((all) => all.filter((name) => name.endsWith('.json')));
  const text = await readFile(join(folder, file), 'utf8');
  await writeFile(join(folder, file.replace('one', 'two')), text.replace('"name": "one"', '"name": "two"'));
  await bench('--page');
  files = (await readdir(folder)).sort();
  page = await readFile(join(folder, 'index.html'), 'utf8');
}, 120_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

test('a run writes a file per suite, and the page', () => {
  expect(files).toEqual(['index.html', 'one.locks.json', 'two.locks.json']);
});

test('a file names machine, Node and commit, and has every round of every figure, reading and curve', async () => {
  const result = JSON.parse(await readFile(join(folder, 'one.locks.json'), 'utf8'));
  const values = [expect.any(Number)];
  const spread = { median: expect.any(Number), low: expect.any(Number), high: expect.any(Number), values };
  expect(result).toMatchObject({
    format: 'mediated-bench 1',
    suite: 'locks',
    machine: { name: 'one', cpu: expect.any(String), cores: expect.any(Number) },
    node: process.version,
    commit: expect.any(String),
    rounds: 1,
  });
  const [uncontended] = result.parts;
  expect(uncontended).toMatchObject({ name: 'uncontended', notes: [] });
  expect(uncontended.figures.uncontended_vs_cas).toMatchObject({ about: expect.any(String), ...spread });
  for (const reading of uncontended.readings) expect(reading).toMatchObject({ unit: 'ns', ...spread });
  for (const part of result.parts) expect(part).not.toHaveProperty('failure');
});

test('the page has a picture per machine of the marks and of each thing that was read, and loads nothing', async () => {
  const { parts } = JSON.parse(await readFile(join(folder, 'one.locks.json'), 'utf8'));
  let pictures = 1;
  for (const { readings, curves } of parts) {
    pictures += new Set(readings.map(({ unit }: { unit: string }) => unit)).size + curves.length;
  }
  expect(page.match(/<svg /g)).toHaveLength(2 * pictures);
  expect(page.match(/<figure><figcaption>two</g)).toHaveLength(pictures);
  // Below each one which way is better, and what is expected.
  const words = /<b>(higher|lower|further right|further left) is better<\/b>\. (Marks?: <code>|No mark\.)/g;
  expect(page.match(words)).toHaveLength(pictures - 1);
  for (const { about } of parts) expect(page).toContain(`<p>${about} A dot is the median of the rounds`);
  expect(page.replaceAll(/http:\/\/www\.w3\.org\/[^"]*/g, '')).not.toMatch(/https?:|<script|<link|url\(http/);
  // A colour that only the drawing knows has been replaced everywhere.
  expect(page).not.toMatch(/#0102|#0a0b/);
});
