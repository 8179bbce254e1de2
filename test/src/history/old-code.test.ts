/** The list of old code fits the code that there is. */
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { edited, fileOf, OLD_CODE } from '../../dist-fixtures/history/old-code.fixture.js';

const NAMED = Object.entries(OLD_CODE).map(([name, edits]) => ({ name, edits }));

test.each(NAMED)('$name: what it replaces is in its files exactly once', async ({ edits }) => {
  for (const url of new Set(edits.map(fileOf))) {
    const source = await readFile(new URL(url), 'utf8');
    expect(edited(url, source, edits)).not.toBe(source);
  }
});

test('an edit that does not fit is an error', () => {
  const edit = { module: 'core/errors', from: 'two', to: 'three' };
  expect(() => edited(fileOf(edit), 'one', [edit])).toThrow('0 times');
  expect(() => edited(fileOf(edit), 'two two', [edit])).toThrow('2 times');
  expect(edited(fileOf(edit), 'one two', [edit])).toBe('one three');
  expect(edited('file:///elsewhere.js', 'one', [edit])).toBe('one');
});
