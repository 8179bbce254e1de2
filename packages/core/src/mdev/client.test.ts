/** Other threads as clients of a bus: what they may do, and what is left of them when they go. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Parent } from '@mediated/core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { ClientJob } from '../../dist-fixtures/mdev/bus-client.fixture.js';
import { codeOf, Scripted, uuid } from '../../dist-fixtures/mdev/scripted-runtime.fixture.js';

let scripted: Scripted;
let parent: Parent;
beforeAll(async () => {
  scripted = await Scripted.start();
  parent = await scripted.parent('home');
});
afterAll(() => scripted.close());

function startClient(): { worker: Worker; run(job: ClientJob): Promise<unknown>; post(job: ClientJob): void } {
  const { ticket, transfer } = scripted.runtime.invite();
  const worker = new Worker(new URL('../../dist-fixtures/mdev/bus-client.fixture.js', import.meta.url), {
    workerData: ticket,
    transferList: transfer,
  });
  scripted.runtime.watch(worker);
  onTestFinished(async () => {
    await worker.terminate();
  });
  return {
    worker,
    async run(job) {
      worker.postMessage(job);
      const [answer] = (await once(worker, 'message')) as [{ value: unknown } | { code: string }];
      return 'code' in answer ? answer.code : answer.value;
    },
    post: (job) => worker.postMessage(job),
  };
}

test('create and remove, awaiting and blocking, with the errors of the main thread', async () => {
  const { run } = startClient();
  const device = { parent: 'home', type: 't-plain', uuid: uuid(1) };
  for (const [create, remove] of [
    ['create', 'removeSync'],
    ['createSync', 'remove'],
  ] as const) {
    expect(await run({ do: create, ...device })).toBe(uuid(1));
    expect(scripted.runtime.bus.mdev(uuid(1))?.presence.links).toBe(true);
    expect(await run({ do: create, ...device })).toBe('EEXIST');
    expect(await codeOf(parent.create('t-plain', uuid(1)))).toBe('EEXIST');
    expect(await run({ do: remove, ...device })).toBe(undefined);
    expect(await run({ do: remove, ...device })).toBe('none');
  }
  expect(await run({ do: 'createSync', ...device, type: 't-full' })).toBe('ENOSPC');
  expect(await run({ do: 'createSync', ...device, type: 't-other' })).toBe('ENOENT');
  expect(await run({ do: 'createSync', ...device, uuid: 'none' })).toBe('EINVAL');
  expect(await run({ do: 'createSync', ...device, parent: 'nobody' })).toBe('ENODEV');
});

test('mdev-core 12, blocking: of the writers of the remove file one removes, one that had found it succeeds', async () => {
  const [one, two, late] = [startClient(), startClient(), startClient()];
  const device = { parent: 'home', type: 't-busy', uuid: uuid(6) };
  await one.run({ do: 'create', ...device });
  for (const client of [one, two, late]) await client.run({ do: 'find', ...device });
  const first = one.run({ do: 'storeRemoveSync' });
  await scripted.board.reached('remove 6');
  // The file is gone, and the device is not: who comes now is refused at once.
  expect(await late.run({ do: 'storeRemoveSync' })).toBe('ENODEV');
  const mdev = scripted.runtime.bus.mdev(uuid(6));
  const accepted = mdev?.actor.ask('storeRemove', mdev.index, mdev.generation);
  scripted.board.release('remove', 6);
  expect([await first, await accepted]).toEqual([undefined, 0]);
  expect(await two.run({ do: 'storeRemoveSync' })).toBe('ENODEV');
  expect(await one.run({ do: 'find', ...device })).toBe('none');
});

test('the main thread must not block', () => {
  expect(() => parent.createSync('t-plain', uuid(1))).toThrow(expect.objectContaining({ code: 'EDEADLK' }));
});

test('a blocking create ends with EIO when the driver’s thread dies', async () => {
  const { run } = startClient();
  const restarted = new Promise((resolve) => scripted.runtime.system.events.once('threadRestart', resolve));
  expect(await run({ do: 'createSync', parent: 'home', type: 't-fatal', uuid: uuid(2) })).toBe('EIO');
  await restarted;
  expect(await run({ do: 'createSync', parent: 'home', type: 't-plain', uuid: uuid(2) })).toBe(uuid(2));
  await scripted.runtime.bus.mdev(uuid(2))?.remove();
});

test('clients see every uevent with the sequence numbers that everybody sees', async () => {
  const { run } = startClient();
  await run({ do: 'events' });
  const numbers: number[] = [];
  const note = ({ sequence }: { sequence: number }) => numbers.push(sequence);
  scripted.events();
  scripted.runtime.bus.events.on('uevent', note);
  await run({ do: 'create', parent: 'home', type: 't-plain', uuid: uuid(3) });
  await run({ do: 'remove', uuid: uuid(3) });
  scripted.events();
  scripted.runtime.bus.events.off('uevent', note);
  expect(numbers).toHaveLength(4);
  const actions = ['add', 'bind', 'unbind', 'remove'];
  expect(await run({ do: 'events' })).toEqual(actions.map((action, i) => `${numbers[i]} ${action} ${uuid(3)}`));
});

test('closing rejects what is awaited; what was asked happens all the same', async () => {
  const { run } = startClient();
  expect(await run({ do: 'pending', parent: 'home', type: 't-plain', uuid: uuid(4) })).toBe('ECANCELED');
  // The ask had been sent; the shard of the parent handles it before the next one.
  const found = async () => {
    await parent.availableInstances('t-plain');
    return scripted.runtime.bus.mdev(uuid(4));
  };
  await (await found())?.remove();
  expect(await run({ do: 'again' })).not.toBe(1);
});

test('a ticket is good for one thread', async () => {
  const { run } = startClient();
  expect(await run({ do: 'again' })).toBe('EBUSY');
});

test('what a client had created stays when it ends', async () => {
  const { worker, run, post } = startClient();
  await run({ do: 'create', parent: 'home', type: 't-plain', uuid: uuid(5) });
  const exited = once(worker, 'exit');
  post({ do: 'exit' });
  await exited;
  const mdev = scripted.runtime.bus.mdev(uuid(5));
  expect(mdev?.presence.driver).toBe(true);
  await mdev?.remove();
});
