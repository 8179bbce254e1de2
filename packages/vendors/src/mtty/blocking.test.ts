/** A card as a program on a thread of its own uses it, by blocking calls alone. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Runtime } from '@mediated/core';
import { mttyUrl } from '@mediated/vendors';
import { expect, test } from 'vitest';

test('every blocking method of a device file answers as the one that is awaited', async () => {
  await using runtime = Runtime.start();
  await runtime.loadDriver(mttyUrl, { parents: [{ name: 'mtty' }] });
  const { uuid } = await runtime.bus.parent('mtty').create('mtty-1');
  const { ticket, transfer } = runtime.invite();
  const worker = new Worker(new URL('../../dist-fixtures/mtty/blocking-client.fixture.js', import.meta.url), {
    workerData: { ticket, uuid },
    transferList: transfer,
  });
  runtime.watch(worker);
  const ended = once(worker, 'exit');
  const [said] = await once(worker, 'message');
  expect(said).toEqual({
    info: [2, 9, 5],
    config: [255, 7 * 2 ** 40],
    irq: [7, 9, 1],
    precopy: { initialBytes: 24, dirtyBytes: 0 },
    state: 6,
    image: [60, 60],
    scratch: 0x5a,
    logged: [4096n, 8],
    features: [7, false, 7, 'ENOTTY'],
    refused: ['ENOTTY', 'ENOTTY', 'ENOTTY', 'ENOTTY', 'ENOTTY', 'ENOTTY', 'EINVAL'],
  });
  await ended;
});
