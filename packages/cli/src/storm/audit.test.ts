/** The driver's books: what they call legal and what not. */
import { Audit } from '#dist/storm/audit.js';
import { beforeEach, describe, expect, test } from 'vitest';

let audit: Audit;

beforeEach(() => {
  audit = Audit.create(['p'], ['u', 'v'], 4);
  audit.setRegistered('p', true);
});

describe('a device', () => {
  test('that begins, opens, closes and ends has nothing to complain of, as often as it likes', () => {
    for (let life = 0; life < 3; life++) {
      const leave = audit.enter('p', 1);
      audit.initialized('p', 1, 'u');
      leave();
      for (let use = 0; use < 2; use++) {
        audit.opened(1);
        audit.accessed(1);
        expect(audit.open()).toBe(1);
        audit.closed(1);
      }
      expect([audit.bound('p'), audit.open(), audit.inside('p')]).toEqual([1, 0, 0]);
      audit.released('p', 1, 'u');
    }
    expect([audit.bound('p'), audit.violations]).toEqual([0, 0]);
  });

  test.each<[string, string, () => unknown]>([
    ['begins twice', 'each device begins and ends once', () => audit.initialized('p', 0, 'v')],
    ['is opened twice', 'open_device and close_device alternate', () => [audit.opened(0), audit.opened(0)]],
    ['is closed without an open', 'open_device and close_device alternate', () => audit.closed(0)],
    ['is accessed while closed', 'open_device and close_device alternate', () => audit.accessed(0)],
    ['ends twice', 'each device begins and ends once', () => [1, 2].map(() => audit.released('p', 0, 'u'))],
    ['ends while open', 'each device begins and ends once', () => [audit.opened(0), audit.released('p', 0, 'u')]],
    ['is opened without a beginning', 'open_device and close_device alternate', () => audit.opened(2)],
    ['has the UUID of another', 'UUIDs are unique', () => audit.initialized('p', 3, 'u')],
  ])('that %s is a violation', (_what, invariant, act) => {
    audit.initialized('p', 0, 'u');
    act();
    expect(audit.violations).toBe(1);
    expect(audit.reports()).toEqual([{ invariant, text: expect.stringMatching(/device slot \d/) }]);
  });
});

test('a callback after unregistering had returned is a violation, also seen from another thread', () => {
  audit.setRegistered('p', false);
  Audit.from(structuredClone(audit.handle)).enter('p', 2);
  expect(audit.reports()).toEqual([
    {
      invariant: 'nothing is left after unregistering',
      text: 'a callback after unregistering had returned (device slot 2)',
    },
  ]);
  expect(audit.inside('p')).toBe(1);
});

test('violations past the room for reports are counted', () => {
  for (let count = 0; count < 100; count++) audit.accessed(0);
  expect([audit.violations, audit.reports().length]).toEqual([100, 32]);
});
