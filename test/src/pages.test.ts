/**
 * The pages (README.md, docs/...) show code that runs. Every block of TypeScript on them is a part of a file in `tours/`, which is
 * run in `tours.e2e.test.ts`, of an example, or of a program in `packages/programs/`, which is run in `packed.e2e.test.ts`; or
 * several parts with `// ...` in between.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ADDER, PACKAGE_PROGRAMS, pages, ROOT, TOURS } from '#dist/pages.js';

/** Lines without indentation and without what only the project's own files have. */
function linesOf(text: string): string[] {
  return text
    .replaceAll('.fixture.js', '.js')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

const tours = [TOURS, PACKAGE_PROGRAMS, ADDER].flatMap((folder) =>
  readdirSync(folder).map((file) => linesOf(readFileSync(new URL(file, folder), 'utf8'))),
);

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
    [...text.matchAll(/^```(?:[jt]s|javascript|typescript)\n([\s\S]*?)^```/gm)].map(([, block], index) => ({
      name,
      number: index + 1,
      block,
    })),
  );

  test.each(blocks)('$name, block $number', ({ block }) => {
    expect(tours.filter((tour) => isShown(block, tour))).not.toEqual([]);
  });
});

/** Pages with those that show no code of tours. */
const linking = ['examples/README.md', 'test/oracle/README.md', '.changeset/README.md']
  .map((name) => ({ name, text: readFileSync(new URL(name, ROOT), 'utf8') }))
  .concat(pages);

const links = linking.flatMap(({ name, text }) =>
  [...text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)/g)].map(([, target, anchor]) => {
    return { name, target, anchor, url: new URL(target, new URL(name, ROOT)) };
  }),
);

/** The anchors of a page's titles, as GitHub makes them. */
function anchorsOf(page: URL): string[] {
  const text = readFileSync(page, 'utf8').replace(/^```[\s\S]*?^```/gm, '');
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    title
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

test('links between pages lead to files', () => {
  expect(links.filter(({ url }) => !existsSync(url))).toEqual([]);
});

test('links to titles lead to titles', () => {
  const wrong = links.filter(
    ({ anchor, url }) => anchor !== undefined && url.pathname.endsWith('.md') && !anchorsOf(url).includes(anchor),
  );
  expect(wrong.map(({ name, target, anchor }) => `${name}: ${target}#${anchor}`)).toEqual([]);
});

describe('one click away from README.md', () => {
  const readme = pages.find(({ name }) => name === 'README.md')?.text ?? '';

  test.each(readdirSync(new URL('packages/', ROOT)))('are the folder and a page of %s', (folder) => {
    const row = readme.split('\n').find((line) => line.includes(`](packages/${folder})`)) ?? '';
    expect(row).toMatch(/\]\(docs\/[\w/-]+\.md/);
  });

  test.each(readdirSync(new URL('docs/', ROOT)))('is docs/%s', (name) => {
    expect(readme).toMatch(new RegExp(`\\]\\(docs/${name.replace('.', '\\.')}[)#/]`));
  });
});
