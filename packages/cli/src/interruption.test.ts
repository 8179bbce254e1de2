/** What Ctrl-C and other signals do. */
import { EventEmitter } from 'node:events';
import { listenForInterruption } from '#dist/interruption.js';
import { expect, test } from 'vitest';

test('the first Ctrl-C asks to stop, the second ends with 130, none is listened to afterwards', () => {
  const source = new EventEmitter<{ SIGINT: []; SIGTERM: []; SIGHUP: [] }>();
  const exits: number[] = [];
  const interruption = listenForInterruption(source, (status) => exits.push(status));
  expect(interruption.signal.aborted).toBe(false);
  source.emit('SIGINT');
  expect([interruption.signal.aborted, exits]).toEqual([true, []]);
  source.emit('SIGINT');
  expect(exits).toEqual([130]);
  interruption[Symbol.dispose]();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) expect(source.listenerCount(signal)).toBe(0);
});

test.each(['SIGTERM', 'SIGHUP'] as const)('%s asks to stop as well', (signal) => {
  const source = new EventEmitter<{ SIGINT: []; SIGTERM: []; SIGHUP: [] }>();
  using interruption = listenForInterruption(source, () => {});
  source.emit(signal);
  expect(interruption.signal.aborted).toBe(true);
});
