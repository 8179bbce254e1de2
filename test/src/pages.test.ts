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

test('links between pages lead to files', () => {
  const broken = pages.flatMap(({ name, text }) =>
    [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)]
      .map(([, target]) => ({ name, target, url: new URL(target, new URL(name, ROOT)) }))
      .filter(({ url }) => !existsSync(url)),
  );
  expect(broken).toEqual([]);
});
