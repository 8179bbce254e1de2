/** Numbers in sentences. */
import { counted, whole } from '#dist/counted.js';
import { expect, test } from 'vitest';

test('one is one, and everything else is many', () => {
  expect([0, 1, 2, 1000].map((count) => counted(count, 'lock'))).toEqual([
    '0 locks',
    '1 lock',
    '2 locks',
    '1,000 locks',
  ]);
  expect(counted(2, 'bus', 'buses')).toBe('2 buses');
});

test('thousands are set apart, fractions rounded', () => {
  expect(whole(1234567.8)).toBe('1,234,568');
});
