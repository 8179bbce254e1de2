import { expect, test } from 'vitest';
import { RestartLimit } from '#dist/actor/restart-limit.js';

test('allows `intensity` restarts within `period`, refused ones do not count', () => {
  let now = 0;
  const limit = new RestartLimit({ intensity: 2, period: 100 }, () => now);
  expect([limit.allow(), limit.allow(), limit.allow()]).toEqual([true, true, false]);
  now = 99;
  expect(limit.allow()).toBe(false);
  now = 100;
  expect([limit.allow(), limit.allow(), limit.allow()]).toEqual([true, true, false]);
});

test('intensity 0 never restarts', () => {
  expect(new RestartLimit({ intensity: 0, period: 100 }, () => 0).allow()).toBe(false);
});
