/**
 * The pages (README.md, docs/) show code that runs. Every block of TypeScript on them is a part of a file in `tours/`,
 * or several parts with `// ...` in between; every tour is run here and prints what a page says it prints.
 */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';

const ROOT = new URL('../../', import.meta.url);
const TOURS = new URL('./tours/', import.meta.url);
const BUILT = new URL('../dist-fixtures/tours/', import.meta.url);

const documents = readdirSync(new URL('docs/', ROOT), { recursive: true, encoding: 'utf8' });
const pages = ['README.md', ...documents.filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`)].map(
  (name) => ({
    name,
    text: readFileSync(new URL(name, ROOT), 'utf8'),
  }),
);

/** Lines without indentation and without what only the project's own files have. */
function linesOf(text: string): string[] {
  return text
    .replaceAll('.fixture.js', '.js')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

const tours = readdirSync(TOURS).map((file) => linesOf(readFileSync(new URL(file, TOURS), 'utf8')));

/** Where `part` ends in `whole` when it is searched from `start` on; -1 when it is not there. */
function endOf(part: readonly string[], whole: readonly string[], start: number): number {
  for (let at = start; at + part.length <= whole.length; at++) {
    if (part.every((line, index) => whole[at + index] === line)) return at + part.length;
  }
  return -1;
}

/** Whether a file has the parts of a block one after the other. */
function isShown(block: string, whole: readonly string[]): boolean {
  let at = 0;
  for (const part of block.split(/^ *\/\/ \.\.\.$/m)) {
    at = endOf(linesOf(part), whole, at);
    if (at < 0) return false;
  }
  return true;
}

describe('every block of code is part of a tour', () => {
  const blocks = pages.flatMap(({ name, text }) =>
    [...text.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(([, block], index) => ({ name, number: index + 1, block })),
  );

  test.each(blocks)('$name, block $number', ({ block }) => {
    expect(tours.filter((tour) => isShown(block, tour))).not.toEqual([]);
  });
});

describe('every tour prints what a page says', () => {
  const outputs = pages.flatMap(({ text }) => [
    ...text.matchAll(/^<!-- what (\S+) prints -->\n```text\n([\s\S]*?)^```/gm),
  ]);
  const programs = readdirSync(TOURS)
    .filter((file) => !readFileSync(new URL(file, TOURS), 'utf8').includes('export '))
    .map((file) => file.replace('.fixture.ts', ''));

  test.each(programs)('%s', async (program) => {
    const [, , said] = outputs.find(([, name]) => name === program) ?? [];
    const built = fileURLToPath(new URL(`${program}.fixture.js`, BUILT));
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [built]);
    expect(stderr).toBe('');
    expect(stdout).toBe(said);
  });
});

test('links between pages lead to files', () => {
  const broken = pages.flatMap(({ name, text }) =>
    [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)]
      .map(([, target]) => ({ name, target, url: new URL(target, new URL(name, ROOT)) }))
      .filter(({ url }) => !existsSync(url)),
  );
  expect(broken).toEqual([]);
});
