/** Schedules as text and back. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { scheduleFrom, scheduleText } from '#dist/schedule-text.js';

test('a schedule comes back from its text as it was', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(23)), (choices) => {
      expect(scheduleFrom(scheduleText(choices))).toEqual(choices);
    }),
  );
});

test('steps, deaths and passing time', () => {
  expect(scheduleText([0, 0, 0, 1, 8, 17, 17])).toBe('0x3.1.k0.t1x2');
});

test('any other text is refused with what is wrong about it', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        expect(scheduleText(scheduleFrom(text))).toBeTypeOf('string');
      } catch (error) {
        expect(String(error)).toContain('is no choice');
      }
    }),
  );
});
