/** What a thread's trace keeps of what is published. */
import { channel } from 'node:diagnostics_channel';
import { ThreadTrace } from '#dist/trace/thread-trace.js';
import { afterEach, beforeEach, expect, test } from 'vitest';

const created = channel('mediated:mdev:create:start');
let trace: ThreadTrace;
beforeEach(() => {
  trace = new ThreadTrace();
});
afterEach(() => trace.close());

test('a record says what began, of what, with the rest as texts, in the order of time', async () => {
  const before = Number(process.hrtime.bigint()) / 1000;
  created.publish({ uuid: 'u', parent: 'p', type: 't', error: undefined });
  channel('mediated:mdev:create:end').publish({ uuid: 'u', parent: 'p', type: 't', error: new Error('full') });
  channel('mediated:lock:wait:start').publish({ lock: 'gate: p', operation: 'write' });
  channel('mediated:driver:loaded').publish({ driver: 'mtty', threads: 2 });
  const { records, lost, last } = await trace.take();
  expect([lost, last]).toEqual([0, false]);
  expect(records.map(({ at: _at, ...record }) => record)).toEqual([
    { phase: 'begin', name: 'create', subject: 'u', details: { parent: 'p', type: 't' } },
    { phase: 'end', name: 'create', subject: 'u', details: { parent: 'p', type: 't', error: 'full' } },
    { phase: 'begin', name: 'lock wait', subject: 'gate: p', details: { operation: 'write' } },
    { phase: 'mark', name: 'driver loaded', subject: 'mtty', details: { threads: '2' } },
  ]);
  const times = [before, ...records.map(({ at }) => at)];
  expect(times).toEqual([...times].sort((a, b) => a - b));
});

test('whoever waits gets what is published later', async () => {
  const taken = trace.take();
  created.publish({ uuid: 'late' });
  expect((await taken).records).toMatchObject([{ subject: 'late' }]);
});

test('what nobody takes is counted and left out, the oldest are kept', async () => {
  for (let number = 0; number < 70_000; number++) created.publish({ uuid: String(number) });
  const { records, lost } = await trace.take();
  expect([records.length, lost, records[0].subject]).toEqual([65_536, 70_000 - 65_536, '0']);
  created.publish({ uuid: 'next' });
  expect(await trace.take()).toMatchObject({ records: [{ subject: 'next' }], lost: 0 });
});

test('the end gives what is left to whoever waits, and nothing is heard any more', async () => {
  const taken = trace.take();
  created.publish({ uuid: 'u' });
  trace.close();
  created.publish({ uuid: 'v' });
  expect(await taken).toMatchObject({ records: [{ subject: 'u' }], last: true });
  expect(await trace.take()).toEqual({ records: [], lost: 0, last: true });
  expect(created.hasSubscribers).toBe(false);
});
