/** A soak notices what grows, and what is too much at once settles. */
import { expect, test } from 'vitest';
import { load } from '../../dist/soak/load.js';
import { soak } from '../../dist/soak/soak.js';

test('full inboxes, slow and hanging drivers: everything settles, nothing is left', async () => {
  const { failures, passed } = await load();
  expect(failures).toEqual([]);
  expect(passed).toBeGreaterThan(0);
});

test('a little that is kept of every so many lives is noticed', async () => {
  const { grown } = await soak({ cycles: 10_000, leaks: true });
  expect(grown.filter((each) => each.startsWith('heap'))).toHaveLength(1);
});
