// @ts-check
/**
 * Every numbered invariant of the pages in docs/spec is named by a test: `pci 13.4`, `mdpy 3`, `ccw 7, 8`, `mtty 6 to 9`.
 * A step of `pnpm check`. Prints the invariants that no test names; ends with 1 when there are any.
 */
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Numbers of the invariants of each page that has some. */
async function invariants() {
  /** @type {Map<string, number[]>} */
  const pages = new Map();
  for (const file of await readdir(join(root, 'docs/spec'))) {
    const text = await readFile(join(root, 'docs/spec', file), 'utf8');
    const heading = /^#+ .*invariants a test can check/im.exec(text);
    if (heading === null) continue;
    const list = text.slice(heading.index).matchAll(/^(\d+)\. /gm);
    pages.set(
      basename(file, '.md'),
      [...list].map(([, number]) => Number(number)),
    );
  }
  return pages;
}

/** The text of every test file. */
async function tests() {
  const texts = [];
  for (const folder of ['packages', 'test']) {
    for (const file of await readdir(join(root, folder), { recursive: true })) {
      if (!file.endsWith('.test.ts') || file.includes('node_modules')) continue;
      texts.push(await readFile(join(root, folder, file), 'utf8'));
    }
  }
  return texts.join('\n');
}

/**
 * The numbers behind a page's name, with or without that of a section: `13.4, 13.6 and 9 to 11`.
 * @param {string} list
 */
function* numbersOf(list) {
  for (const part of list.split(/, | and /)) {
    const [first, last = first] = part.split(/-| to /).map((number) => Number(number.split('.').at(-1)));
    for (let number = first; number <= last; number++) yield number;
  }
}

const text = await tests();
let missing = 0;
for (const [page, numbers] of await invariants()) {
  const number = String.raw`(?:\d+\.)?\d+`;
  const named = new Set();
  const names = new RegExp(`['" ,(]${page} (${number}(?:(?:, | and |-| to )${number})*)`, 'g');
  for (const [, list] of text.matchAll(names)) for (const each of numbersOf(list)) named.add(each);
  for (const each of numbers.filter((candidate) => !named.has(candidate))) {
    console.error(`no test names ${page} ${each}`);
    missing++;
  }
}
process.exitCode = missing === 0 ? 0 : 1;
