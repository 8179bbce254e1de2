/** The life of a served device: its socket, its opens and closes, its removal, the death of its thread. */
import { existsSync, writeFileSync, rmSync } from 'node:fs';
import { openDevice, openGroup } from '@mediated/vfio';
import { connect, serveDevice, VfioUserClient } from '@mediated/vfio-user';
import { PCI_IRQS } from '@mediated/vfio/uapi';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { codeOf, freshPath, Stage } from '../../dist-fixtures/stage.fixture.js';

let stage: Stage;

beforeEach(async () => {
  stage = await Stage.set();
});
afterEach(() => stage.close());

test('the socket is there once it is served, and gone once it is closed', async () => {
  const { path } = stage.served;
  expect(existsSync(path)).toBe(true);
  expect(JSON.parse(stage.served.qemuDevice)).toMatchObject({ driver: 'vfio-user-pci', socket: { path } });
  await stage.served.close();
  expect(existsSync(path)).toBe(false);
  expect(stage.served.ledger).toMatchObject({ descriptors: 0, mappings: 0 });
  expect(await codeOf(connect(path))).toBe('ENOENT');
});

test('the socket goes with the device', async () => {
  await stage.mdev.remove();
  await stage.served.ended;
  expect(existsSync(stage.served.path)).toBe(false);
});

test('a machine has the group while it is attached, and nobody else', async () => {
  const group = stage.mdev.group as number;
  const client = await stage.connect();
  expect(await codeOf(openGroup(stage.runtime.bus, group))).toBe('EBUSY');
  await client.close();
  await (await stage.connect()).close();
  // The last close has ended when the next machine is let in; this one's, when the socket is gone.
  await stage.served.close();
  expect(await codeOf(openGroup(stage.runtime.bus, group).then((file) => file.close()))).toBe('ok');
});

test('VERSION is answered with why the device cannot be opened', async () => {
  const group = await openGroup(stage.runtime.bus, stage.mdev.group as number);
  const client = VfioUserClient.open(stage.served.path);
  expect(await codeOf(client.negotiate())).toBe('EBUSY');
  await client.channel.ended;
  await group.close();
  expect(await codeOf(stage.connect().then((next) => next.close()))).toBe('ok');
});

test('a removal asks the machine for the device and waits until it lets go', async () => {
  const client = await stage.connect();
  const event = client.eventDescriptor();
  await client.bindInterrupts(PCI_IRQS.request, [event]);
  const removal = stage.mdev.remove();
  expect(await event.wait()).toBe(1n);
  // It is used on meanwhile, but not attached to anew.
  expect(await client.read(0, 0, 1)).toHaveLength(1);
  expect(await codeOf(openDevice(stage.runtime.bus, stage.mdev.uuid))).toBe('ENODEV');
  await client.close();
  await removal;
  await stage.served.ended;
  event.close();
  expect(stage.served.ledger).toMatchObject({ descriptors: 0, mappings: 0 });
});

test('closing takes the device from the machine that uses it', async () => {
  const client = await stage.connect();
  const event = client.eventDescriptor();
  await client.bindInterrupts(0, [event]);
  await stage.served.close();
  await client.channel.ended;
  expect(stage.served.ledger).toMatchObject({ descriptors: 0, mappings: 0 });
  expect(await codeOf(stage.mdev.remove())).toBe('ok');
  event.close();
});

test("the death of the device's thread ends the connection and the socket", async () => {
  const client = await stage.connect();
  await (await stage.runtime.system.thread('card/0')).worker.terminate();
  await client.channel.ended;
  await stage.served.ended;
  expect(stage.served.ledger).toMatchObject({ descriptors: 0, mappings: 0 });
});

test('a runtime that closes waits for the machine no longer than for any user, and takes the device from it', async () => {
  const client = await stage.connect();
  await stage.runtime.close();
  await client.channel.ended;
  await stage.served.ended;
  expect(stage.served.ledger).toMatchObject({ descriptors: 0, mappings: 0 });
});

test('a path at which there is something is EADDRINUSE, a missing directory ENOENT, a long path ENAMETOOLONG', async () => {
  const path = freshPath();
  writeFileSync(path, '');
  expect(await codeOf(serveDevice(stage.runtime, stage.mdev, { path }))).toBe('EADDRINUSE');
  expect(existsSync(path)).toBe(true);
  rmSync(path);
  expect(await codeOf(serveDevice(stage.runtime, stage.mdev, { path: '/nowhere/socket' }))).toBe('ENOENT');
  expect(await codeOf(serveDevice(stage.runtime, stage.mdev, { path: `/tmp/${'x'.repeat(110)}` }))).toBe(
    'ENAMETOOLONG',
  );
  expect(await codeOf(serveDevice(stage.runtime, '00000000-0000-0000-0000-00000000dead', { path }))).toBe('ENODEV');
});
