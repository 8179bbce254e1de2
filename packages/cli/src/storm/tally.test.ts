/** What is counted, and which refusals are the kernel's. */
import { isKernelRefusal } from '#dist/storm/operations.js';
import { Tally } from '#dist/storm/tally.js';
import { describe, expect, test } from 'vitest';

test('rows are counted apart and told together, refusals with the most frequent first', () => {
  const tally = Tally.create(2);
  tally.count(0, 'create', undefined);
  tally.count(0, 'create', 'EUSERS');
  tally.count(1, 'create', 'EEXIST');
  Tally.from(tally.buffer).count(1, 'create', 'EEXIST');
  tally.count(1, 'close', 'a code that nobody knows');
  expect([tally.total(0), tally.total(1), tally.total()]).toEqual([2, 3, 5]);
  expect(tally.of('create', 'EEXIST')).toBe(2);
  const counts = tally.operations();
  expect(counts.find(({ operation }) => operation === 'create')).toEqual({
    operation: 'create',
    done: 1,
    refusals: [
      ['EEXIST', 2],
      ['EUSERS', 1],
    ],
  });
  expect(counts.find(({ operation }) => operation === 'close')?.refusals).toEqual([['OTHER', 1]]);
});

describe('an errno', () => {
  test.each([
    ['create', 'EEXIST', 'rwsem', true],
    ['create', 'EINVAL', 'rwsem', false],
    ['create', 'EINVAL', 'refcount', true],
    ['remove', 'EAGAIN', 'srcu', true],
    ['open', 'EAGAIN', 'rwsem', false],
    ['open', 'ESRCH', 'rwsem', false],
    ['close', 'ENODEV', 'rwsem', false],
    ['access', 'EIO', 'rwsem', false],
    ['unregister', 'ENODEV', 'rwsem', false],
    ['create', 'OTHER', 'rwsem', false],
  ] as const)('of %s: %s with gate %s is from the kernel: %s', (operation, code, gate, expected) => {
    expect(isKernelRefusal(operation, code, gate)).toBe(expected);
  });
});
