/** Every shell block of a page is run by a test. */
import { existsSync } from 'node:fs';
import { ROOT } from '#dist/pages.js';
import { ELSEWHERE, ON_THE_TREE, shellBlocks } from '#dist/shell-blocks.js';
import { expect, test } from 'vitest';

const onTree = (page: string, first: string) => ON_THE_TREE.some(([where, line]) => where === page && line === first);

test('every shell block is run on the tree, or by another test', () => {
  expect(shellBlocks.filter(({ page, first }) => !onTree(page, first) && ELSEWHERE[first] === undefined)).toEqual([]);
});

test('what is said to be run is on a page, and what runs it is there', () => {
  const firsts = shellBlocks.map(({ first }) => first);
  expect(Object.keys(ELSEWHERE).filter((first) => !firsts.includes(first))).toEqual([]);
  expect(ON_THE_TREE.filter(([page, first]) => !shellBlocks.some((b) => b.page === page && b.first === first))).toEqual(
    [],
  );
  expect(Object.values(ELSEWHERE).filter((file) => !existsSync(new URL(file, ROOT)))).toEqual([]);
});
