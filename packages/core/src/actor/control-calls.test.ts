/** Control calls over a port: each settles once, by its answer or by the end of the thread. */
import { MessageChannel } from 'node:worker_threads';
import { MediatedError } from '@mediated/core';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ControlCalls, serveControl } from '#dist/actor/control-calls.js';
import type { ThreadControl } from '#dist/actor/thread-control.js';

const SPEC = { id: 1, label: 'it', module: 'm', export: 'e', options: { first: 40 } };

let channel: MessageChannel;
let calls: ControlCalls;
beforeEach(() => {
  channel = new MessageChannel();
  calls = new ControlCalls(channel.port1);
});
afterEach(() => {
  channel.port1.close();
  channel.port2.close();
});

function serve(control: Partial<ThreadControl>): void {
  serveControl(channel.port2, control as ThreadControl);
}

test('arguments go there, and each call gets its own answer, in whatever order they come', async () => {
  const seen: unknown[] = [];
  let go = () => {};
  const gate = new Promise<void>((resolve) => {
    go = resolve;
  });
  serve({
    async start(spec) {
      seen.push(spec);
      await gate;
    },
    async stop(actor) {
      seen.push(actor);
      go();
    },
  });
  const started = calls.call('start', SPEC).then(() => seen.push('started'));
  await calls.call('stop', 7);
  await started;
  expect(seen).toEqual([SPEC, 7, 'started']);
});

test('what a command throws stays what it is', async () => {
  serve({
    async stop() {
      throw new MediatedError('EBUSY', 'it is in use', { syscall: 'stop', cause: new TypeError('why') });
    },
  });
  await expect(calls.call('stop', 1)).rejects.toMatchObject({
    code: 'EBUSY',
    syscall: 'stop',
    message: 'EBUSY: it is in use',
    cause: { name: 'TypeError', message: 'why' },
  });
});

test('arguments that cannot be sent reject that call only', async () => {
  serve({ async start() {}, async stop() {} });
  await expect(calls.call('start', { ...SPEC, options: () => {} })).rejects.toThrow(/could not be cloned/);
  await calls.call('stop', 1);
});

test('the end of the thread rejects the calls under way, and all later ones', async () => {
  serve({ shutdown: () => new Promise(() => {}) });
  const waiting = [calls.call('shutdown'), calls.call('shutdown')];
  const end = new MediatedError('EIO', 'thread x has ended');
  calls.end(end);
  for (const call of [...waiting, calls.call('stop', 1)]) await expect(call).rejects.toBe(end);
});
