/** What a device has to say: on a diagnostics channel, and not too often. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { expect, onTestFinished, test } from 'vitest';
import { Warnings } from '#dist/ccw/warnings.js';

test('warnings say whose they are; some come once, others every five seconds', () => {
  const heard: unknown[] = [];
  const listen = (message: unknown) => void heard.push(message);
  subscribe('mediated:ccw:warning', listen);
  onTestFinished(() => void unsubscribe('mediated:ccw:warning', listen));
  let now = 100_000;
  const warnings = new Warnings({ uuid: 'u', parent: 'p' }, () => now);
  const said = (act: () => void) => {
    heard.length = 0;
    act();
    return heard.map((message) => (message as { message: string }).message);
  };
  expect(said(() => warnings.once('a'))).toEqual(['a']);
  expect(heard).toEqual([{ uuid: 'u', parent: 'p', message: 'a' }]);
  expect(said(() => warnings.once('a'))).toEqual([]);
  expect(said(() => warnings.rarely('b'))).toEqual(['b']);
  now += 4999;
  expect(said(() => warnings.rarely('b'))).toEqual([]);
  now += 1;
  expect(said(() => warnings.rarely('c'))).toEqual(['c']);
});
