/** What users of a storm choose to do. */
import { type Step, User } from '#dist/storm/user.js';
import { describe, expect, test } from 'vitest';

const FIELD = { parents: [{ name: 'p', types: ['p-1', 'p-2'] }], uuids: ['a', 'b', 'c'] };

/** Lets a user do its steps, all of which succeed, and answers them with the files open at each. */
function live(user: User, count: number): { step: Step; files: number }[] {
  let files = 0;
  return Array.from({ length: count }, () => {
    const step = user.next();
    const done = { step, files };
    if (step.operation === 'open') files++;
    if (step.operation === 'close') files--;
    user.hasFiles(files);
    return done;
  });
}

describe('a user', () => {
  test('does the same under the same seed', () => {
    expect(live(new User(FIELD, 1, 2), 200)).toEqual(live(new User(FIELD, 1, 2), 200));
    expect(live(new User(FIELD, 1, 3), 200)).not.toEqual(live(new User(FIELD, 1, 2), 200));
  });

  test('does everything in the long run', () => {
    const operations = new Set(live(new User(FIELD, 1, 0), 2000).map(({ step }) => step.operation));
    expect([...operations].sort()).toEqual(['access', 'close', 'create', 'open', 'remove', 'remove file']);
  });

  test('removes only with all its files closed, or it could wait for itself', () => {
    for (const { step, files } of live(new User(FIELD, 9, 0), 5000)) {
      if (step.operation.startsWith('remove')) expect(files).toBe(0);
      if (step.operation === 'access' || step.operation === 'close') expect(step.file).toBeLessThan(files);
    }
  });

  test('lets go of every file, the last first, and forgets its plans', () => {
    const user = new User(FIELD, 1, 0);
    user.hasFiles(2);
    while (user.next().operation !== 'close');
    expect(user.letGo()).toEqual([
      { operation: 'close', file: 1 },
      { operation: 'close', file: 0 },
    ]);
  });
});
