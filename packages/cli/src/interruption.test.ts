/** What Ctrl-C does. */
import { EventEmitter } from 'node:events';
import { listenForInterruption } from '#dist/interruption.js';
import { expect, test } from 'vitest';

test('the first Ctrl-C asks to stop, the second ends with 130, none is listened to afterwards', () => {
  const source = new EventEmitter<{ SIGINT: [] }>();
  const exits: number[] = [];
  const interruption = listenForInterruption(source, (status) => exits.push(status));
  expect(interruption.signal.aborted).toBe(false);
  source.emit('SIGINT');
  expect([interruption.signal.aborted, exits]).toEqual([true, []]);
  source.emit('SIGINT');
  expect(exits).toEqual([130]);
  interruption[Symbol.dispose]();
  expect(source.listenerCount('SIGINT')).toBe(0);
});
