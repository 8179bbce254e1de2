/** docs/proof.md names every target that is explored, and no other; every mutant names a target. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { MUTANTS } from '#dist/explore/mutants.js';
import { TARGETS, targetNamed } from '#dist/explore/targets.js';

const page = readFileSync(new URL('../../../docs/proof.md', import.meta.url), 'utf8');
const table = /^```text\ntarget +threads[^\n]*\n([\s\S]*?)^```/m.exec(page)?.[1] ?? '';

test('the table of docs/proof.md has a line for each target', () => {
  const named = table
    .trimEnd()
    .split('\n')
    .map((line) => line.slice(0, 46).trimEnd());
  expect(named).toEqual(TARGETS.map(({ name }) => name.slice(0, 46).trimEnd()));
});

test('targets and mutants have names of their own, and each mutant a target', () => {
  for (const list of [TARGETS, MUTANTS]) {
    const names = list.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  }
  for (const { target } of MUTANTS) expect(targetNamed(target).name).toBe(target);
});
