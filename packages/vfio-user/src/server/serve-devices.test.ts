/** All devices of a runtime served: sockets appear with them and go with them. */
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, watch, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Runtime } from '@mediated/core';
import { ccwUrl, mttyUrl } from '@mediated/vendors';
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

test('who has created a device gets its socket, and it is told once', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'vfio-user-'));
  const runtime = Runtime.start({ closeDeadline: 1000 });
  await runtime.loadDriver(mttyUrl, { parents: [{ name: 'mtty' }] });
  await runtime.loadDriver(ccwUrl, {});
  const told: string[] = [];
  const served = await serveDevices(runtime, { directory, onServed: ({ path }) => told.push(path) });
  const port = await runtime.bus.parent('mtty').create('mtty-1');
  const [one, same] = await Promise.all([served.device(port), served.device(port)]);
  expect(one?.path).toBe(join(directory, `${port.uuid}.sock`));
  expect(same).toBe(one);
  await served.settled();
  expect(told).toEqual([one?.path]);
  // A subchannel is no PCI device.
  const subchannel = runtime.bus.parents().find(({ driver }) => driver === 'vfio_ccw')!;
  const channel = await subchannel.create(subchannel.types[0].id);
  expect(await served.device(channel)).toBe(undefined);
  await port.remove();
  await one?.ended;
  expect(await served.device(port)).toBe(undefined);
  await served.close();
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
  const [mdev] = runtime.bus.mdevs();
  await expect(served.device(mdev)).rejects.toMatchObject({ code: 'ENOENT' });
  expect(failed.length).toBe(2);
  await served.close();
  await runtime.close();
});

test('a device that is removed while its socket is made leaves no socket behind', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'vfio-user-'));
  const runtime = Runtime.start({ closeDeadline: 1000 });
  await runtime.loadDriver(mttyUrl, { parents: [{ name: 'mtty' }] });
  const parent = runtime.bus.parent('mtty');
  const served = await serveDevices(runtime, { directory });
  for (let round = 0; round < 8; round++) {
    const mdev = await parent.create('mtty-1');
    const socket = served.device(mdev);
    await mdev.remove();
    await (await socket)?.ended;
  }
  expect(readdirSync(directory)).toEqual([]);
  expect(served.devices).toEqual([]);
  await served.close();
  await runtime.close();
  rmSync(directory, { recursive: true });
});
