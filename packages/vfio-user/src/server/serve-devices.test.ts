/** All devices of a runtime served: sockets appear with them and go with them. */
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, watch, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Runtime } from '@mediated/core';
import { mttyUrl } from '@mediated/vendors';
import { connect, serveDevices } from '@mediated/vfio-user';
import { expect, test } from 'vitest';

test('a socket appears with a device, serves it, and goes with it', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'vfio-user-'));
  const runtime = Runtime.start({ closeDeadline: 1000 });
  await runtime.loadDriver(mttyUrl, { parents: [{ name: 'mtty' }] });
  const parent = runtime.bus.parent('mtty');
  const first = await parent.create('mtty-1');
  writeFileSync(join(directory, `${first.uuid}.sock`), 'of an earlier run');
  const served = await serveDevices(runtime, { directory });
  expect(served.devices.map(({ path }) => path)).toEqual([join(directory, `${first.uuid}.sock`)]);
  const changes = watch(directory);
  const second = await parent.create('mtty-2');
  while (!readdirSync(directory).includes(`${second.uuid}.sock`)) await once(changes, 'change');
  changes.close();
  const client = await connect(join(directory, `${second.uuid}.sock`));
  expect((await client.regionInfo(1)).size).toBe(8);
  await client.close();
  const [one] = served.devices;
  await first.remove();
  await one.ended;
  expect(readdirSync(directory)).toEqual([`${second.uuid}.sock`]);
  await served.close();
  expect(readdirSync(directory)).toEqual([]);
  await runtime.close();
  rmSync(directory, { recursive: true });
});

test('a device that cannot be served is told of', async () => {
  const runtime = Runtime.start({ closeDeadline: 1000 });
  await runtime.loadDriver(mttyUrl, { parents: [{ name: 'mtty' }] });
  await runtime.bus.parent('mtty').create('mtty-1');
  const failed: unknown[] = [];
  const served = await serveDevices(runtime, { directory: '/nowhere', onError: (_, error) => failed.push(error) });
  expect(failed).toEqual([expect.objectContaining({ code: 'ENOENT' })]);
  await served.close();
  await runtime.close();
});
