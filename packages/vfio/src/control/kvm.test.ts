/** Virtual machines: which one a device sees, and the files that a machine's VFIO device keeps open. */
import type { Mdev } from '@mediated/core';
import { openDeviceNode, openGroup, openIommufd, openKvm } from '@mediated/vfio';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { KVM } from '../../dist-fixtures/control/guest.fixture.js';
import { codeOf, GuestStage, groupOf } from '../../dist-fixtures/control/guest-stage.fixture.js';

let stage: GuestStage;
let mdev: Mdev;
let next = 0;

beforeAll(async () => {
  stage = await GuestStage.set();
});
afterAll(() => stage[Symbol.asyncDispose]());
beforeEach(async () => {
  mdev = await stage.create(++next);
  await stage.heard(mdev);
});

test('vfio-core 28: a machine is seen from the next first open to its last close', async () => {
  const kvm = await openKvm(stage.bus);
  const { group, container, file } = await stage.guest(mdev);
  await group.setKvm(kvm);
  expect(await file.ioctl(KVM)).toBe(0);
  const second = await group.openDevice(mdev.uuid);
  expect(await second.ioctl(KVM)).toBe(0);
  await file.close();
  await second.close();
  const third = await group.openDevice(mdev.uuid);
  expect(await third.ioctl(KVM)).toBe(kvm.id);
  await group.setKvm(undefined);
  expect(await third.ioctl(KVM)).toBe(kvm.id);
  await third.close();
  expect(await stage.heard(mdev)).toEqual([
    'open 1 kvm 0 EINVAL',
    'close 1 kvm 0 EINVAL',
    `open 1 kvm ${kvm.id} EINVAL`,
    `close 1 kvm ${kvm.id} EINVAL`,
  ]);
  await (await group.openDevice(mdev.uuid)).close();
  expect(await stage.heard(mdev)).toEqual(['open 1 kvm 0 EINVAL', 'close 1 kvm 0 EINVAL']);
  await Promise.all([group.close(), container.close(), kvm.close()]);
});

test('vfio-core 28: a machine that is destroyed counts as none, an open device keeps its number', async () => {
  const kvm = await openKvm(stage.bus);
  const { group, container, file } = await stage.guest(mdev);
  await file.close();
  await group.setKvm(kvm);
  const open = await group.openDevice(mdev.uuid);
  await kvm.close();
  expect(await open.ioctl(KVM)).toBe(kvm.id);
  await open.close();
  const again = await group.openDevice(mdev.uuid);
  expect(await again.ioctl(KVM)).toBe(0);
  await again.close();
  expect(await codeOf(group.setKvm(kvm))).toBe('EBADF');
  await Promise.all([group.close(), container.close()]);
});

test('a device’s own file has a machine from the bind on', async () => {
  const kvm = await openKvm(stage.bus);
  const context = await openIommufd(stage.bus);
  const node = await openDeviceNode(stage.bus, mdev);
  await node.setKvm(kvm);
  await node.bind(context);
  await node.setKvm(undefined);
  expect(await node.ioctl(KVM)).toBe(kvm.id);
  await node.close();
  expect((await stage.heard(mdev)).map((line) => line.replace(/ \w+$/, ''))).toEqual([
    `open 1 kvm ${kvm.id}`,
    `close 1 kvm ${kvm.id}`,
  ]);
  await Promise.all([context.close(), kvm.close()]);
});

test('quirk V2 is not kept: the bind of a second file leaves the machine of the first', async () => {
  const [kvm, other] = [await openKvm(stage.bus), await openKvm(stage.bus)];
  const context = await openIommufd(stage.bus);
  const [first, second] = [await openDeviceNode(stage.bus, mdev), await openDeviceNode(stage.bus, mdev)];
  await first.setKvm(kvm);
  await second.setKvm(other);
  await first.bind(context);
  expect(await codeOf(second.bind(context))).toBe('EINVAL');
  expect(await first.ioctl(KVM)).toBe(kvm.id);
  await Promise.all([first.close(), second.close()]);
  await Promise.all([context.close(), kvm.close(), other.close()]);
});

test('a machine has one VFIO device, and adds each file once', async () => {
  const kvm = await openKvm(stage.bus);
  const { group, container, file } = await stage.guest(mdev);
  expect(await codeOf(kvm.add(group))).toBe('EINVAL');
  await kvm.createDevice();
  expect(await codeOf(kvm.createDevice())).toBe('EBUSY');
  expect(await codeOf(kvm.remove(group))).toBe('ENOENT');
  await kvm.add(group);
  expect(await codeOf(kvm.add(group))).toBe('EEXIST');
  await file.close();
  const again = await group.openDevice(mdev.uuid);
  expect(await again.ioctl(KVM)).toBe(kvm.id);
  await again.close();
  await kvm.remove(group);
  expect(await codeOf(kvm.remove(group))).toBe('ENOENT');
  await group.close();
  expect(await codeOf(kvm.add(group))).toBe('EBADF');
  expect(await codeOf(kvm.add(again))).toBe('EBADF');
  await Promise.all([container.close(), kvm.close()]);
});

test('added files stay open until they are taken out or the machine is destroyed', async () => {
  const kvm = await openKvm(stage.bus);
  await kvm.createDevice();
  const group = await openGroup(stage.bus, groupOf(mdev));
  await kvm.add(group);
  await group.close();
  expect(await codeOf(openGroup(stage.bus, groupOf(mdev)))).toBe('EBUSY');
  await kvm.close();
  await (await openGroup(stage.bus, groupOf(mdev))).close();

  const machine = await openKvm(stage.bus);
  await machine.createDevice();
  const context = await openIommufd(stage.bus);
  const node = await openDeviceNode(stage.bus, mdev);
  await machine.add(node);
  await node.bind(context);
  await node.close();
  expect(await codeOf(node.read(0, 1))).toBe('EBADF');
  expect(await stage.heard(mdev)).toEqual([`open 1 kvm ${machine.id} ENOENT`]);
  await machine.remove(node);
  expect(await stage.heard(mdev)).toEqual([`close 1 kvm ${machine.id} ENOENT`]);
  await Promise.all([context.close(), machine.close()]);
  await mdev.remove();
});
