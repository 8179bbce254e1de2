/** When commands end. */
import { endOf } from '#dist/limit.js';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('after so many seconds', () => {
  const signal = endOf([new AbortController().signal], 3);
  vi.advanceTimersByTime(2999);
  expect(signal.aborted).toBe(false);
  vi.advanceTimersByTime(1);
  expect(signal.aborted).toBe(true);
});

test('with the first signal, also one that was aborted before; then no timer is left', () => {
  const [first, second] = [new AbortController(), new AbortController()];
  const signal = endOf([first.signal, second.signal], 3);
  second.abort();
  expect(signal.aborted).toBe(true);
  expect(endOf([first.signal, second.signal], 3).aborted).toBe(true);
  expect(vi.getTimerCount()).toBe(0);
});

test('never of itself without a limit', () => {
  const signal = endOf([new AbortController().signal], 0);
  expect([vi.getTimerCount(), signal.aborted]).toEqual([0, false]);
});
