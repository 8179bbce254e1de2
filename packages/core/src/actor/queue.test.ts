import { expect, test } from 'vitest';
import { Queue } from '#dist/actor/queue.js';

test('a queue gives back in the order of arrival, also across its compactions', () => {
  const queue = new Queue<number>();
  let next = 0;
  let expected = 0;
  for (let round = 0; round < 50; round++) {
    for (let i = 0; i < 10; i++) queue.push(next++);
    for (let i = 0; i < 7; i++) {
      expect(queue.peek()).toBe(expected);
      expect(queue.shift()).toBe(expected++);
    }
  }
  expect(queue.length).toBe(next - expected);
  while (queue.length !== 0) expect(queue.shift()).toBe(expected++);
  expect(expected).toBe(next);
  expect(queue.shift()).toBeUndefined();
  expect(queue.peek()).toBeUndefined();
});

test('a cleared queue is empty and usable', () => {
  const queue = new Queue<string>();
  queue.push('a');
  queue.clear();
  expect(queue.length).toBe(0);
  queue.push('b');
  expect(queue.shift()).toBe('b');
});
