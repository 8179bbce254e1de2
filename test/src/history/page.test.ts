/** docs/history.md names all the old code that there is, and no other. */
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { OLD_CODE } from '../../dist-fixtures/history/old-code.fixture.js';

test('the page has a row for each old code', async () => {
  const page = await readFile(new URL('../../../docs/history.md', import.meta.url), 'utf8');
  const rows = page.split('\n').filter((line) => line.startsWith('|'));
  const named = rows.flatMap((row) =>
    [...(row.split('|')[3] ?? '').matchAll(/^ `([a-z-]+)` $/g)].map(([, name]) => name),
  );
  expect([...new Set(named)].sort()).toEqual(Object.keys(OLD_CODE).sort());
});
