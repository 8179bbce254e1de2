/** What mistyped words are taken for. */
import { meant } from '#dist/meant.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';

const COMMANDS = ['up', 'types', 'list', 'create', 'remove', 'events', 'top'];

test.each([
  ['lst', 'list'],
  ['UP', 'up'],
  ['crate', 'create'],
  ['evnets', 'events'],
  ['topp', 'top'],
  ['bogus', undefined],
  ['x', undefined],
  ['', undefined],
])('%s: %s', (word, expected) => {
  expect(meant(word, COMMANDS)).toBe(expected);
});

test('a word with one letter too many is that word', () => {
  fc.assert(
    fc.property(fc.constantFrom(...COMMANDS.filter((word) => word.length > 3)), fc.nat(), (word, at) => {
      const place = at % (word.length + 1);
      expect(meant(`${word.slice(0, place)}~${word.slice(place)}`, COMMANDS)).toBe(word);
    }),
  );
});
