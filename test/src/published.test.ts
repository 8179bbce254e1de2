/** Every published entry can be imported by its public name from another package, and has its types beside it. */
import { existsSync } from 'node:fs';
import { publishedEntries } from '#dist/published.js';
import { describe, expect, test } from 'vitest';

describe('published packages', () => {
  const entries = publishedEntries();

  test('there are entries to look at', () => {
    expect(entries.map((entry) => entry.specifier)).toContain('@mediated/core');
  });

  test.each(entries)('$specifier can be imported and has types', async ({ specifier, types }) => {
    await expect(import(/* @vite-ignore */ specifier)).resolves.toBeTypeOf('object');
    expect(existsSync(types)).toBe(true);
  });
});
