/** Threads die with groups, containers and devices open: clients, devices' threads, the control thread. Everything settles. */
import { once } from 'node:events';
import { openContainer, openDevice, openDeviceNode, openGroup, openIommufd } from '@mediated/vfio';
import { expect, onTestFinished, test } from 'vitest';
import { DIE, HOLD_OPENS, HOLD_UNMAPS, RELEASE_OPENS } from '../../dist-fixtures/control/guest.fixture.js';
import { codeOf, GuestStage, groupOf, pin } from '../../dist-fixtures/control/guest-stage.fixture.js';

async function set(threads = 1): Promise<GuestStage> {
  const stage = await GuestStage.set(threads);
  onTestFinished(() => stage[Symbol.asyncDispose]());
  return stage;
}

async function expectFree(stage: GuestStage, group: number): Promise<void> {
  for (;;) {
    const code = await codeOf(openGroup(stage.bus, group).then((file) => file.close()));
    if (code === 'ok') return;
    expect(code).toBe('EBUSY');
  }
}

test.each(['openAndDie', 'descriptorsAndDie', 'openingAndDie'] as const)(
  'vfio-core 12: a client that dies has nothing open any more (%s)',
  async (job) => {
    const stage = await set();
    const mdev = await stage.create();
    const client = stage.client({ uuid: mdev.uuid, job });
    await client.said;
    await client.ended;
    // The removal waits for the device's files, and the group’s number for its container.
    await mdev.remove();
    const again = await stage.create(1);
    expect(groupOf(again)).toBe(0);
    const opened = (await stage.heard(again)).filter((line) => line.startsWith('open')).length;
    const guest = await stage.guest(again);
    expect(await stage.heard(again)).toEqual(['open 1 kvm 0 EINVAL']);
    expect(opened).toBeLessThanOrEqual(1);
    await guest.file.close();
  },
);

test('a client that dies while it waits for its turn to open a device has nothing open afterwards', async () => {
  const stage = await set();
  const [mdev, other] = [await stage.create(), await stage.create(1)];
  const begin = new Int32Array(new SharedArrayBuffer(4));
  const client = stage.client({ uuid: mdev.uuid, job: 'openingTwice', begin });
  await client.said;
  const tool = await openDevice(stage.bus, other);
  await stage.heard(mdev);
  await tool.ioctl(HOLD_OPENS);
  Atomics.store(begin, 0, 1);
  Atomics.notify(begin, 0);
  // Each look is a question to the device's thread, which answers it when it has got so far.
  while ((await stage.heard(mdev)).length === 0);
  await client.worker.terminate();
  await tool.ioctl(RELEASE_OPENS);
  await tool.close();
  await mdev.remove();
});

test('a client that dies is released in the order device, container, group', async () => {
  const stage = await set();
  const mdev = await stage.create();
  const memory = new SharedArrayBuffer(4096);
  const client = stage.client({ uuid: mdev.uuid, job: 'openAndDie', memory });
  await client.ended;
  await expectFree(stage, groupOf(mdev));
  // In its last close the container was there: what it maps is the memory of a program that lives no more, or still does.
  expect(await stage.heard(mdev)).toEqual(['open 1 kvm 0 dma', expect.stringMatching(/^close 1 kvm 0 (dma|EPERM)$/)]);
});

test('a device’s thread dies: its group is gone, its container can be left, the other devices go on', async () => {
  const stage = await set(2);
  const [doomed, survivor] = [await stage.create(0), await stage.create(1)];
  const guest = await stage.guest(doomed);
  const group = await openGroup(stage.bus, groupOf(survivor));
  await group.setContainer(guest.container);
  const file = await group.openDevice(survivor.uuid);
  await guest.container.map({ memory: new SharedArrayBuffer(4096), iova: 0n });
  await pin(guest.file, 0n);
  await pin(file, 0n);
  expect(await codeOf(guest.file.ioctl(DIE))).toBe('EIO');
  expect(await codeOf(guest.file.read(0, 1))).toBe('EIO');
  await guest.file.close();
  expect(await codeOf(guest.group.status())).toBe('ENODEV');
  expect(await codeOf(guest.group.openDevice(doomed.uuid))).toBe('ENODEV');
  // What the dead device had pinned is unpinned; the other device is asked.
  expect(await guest.container.unmap()).toBe(4096n);
  await file.close();
  await group.unsetContainer();
  await guest.group.close();
  await group.close();
});

test('a device’s thread dies while an unmap waits for it: the unmap goes on', async () => {
  const stage = await set(2);
  const [doomed, survivor] = [await stage.create(0), await stage.create(1)];
  const guest = await stage.guest(doomed);
  const group = await openGroup(stage.bus, groupOf(survivor));
  await group.setContainer(guest.container);
  await guest.container.map({ memory: new SharedArrayBuffer(4096), iova: 0n });
  await pin(guest.file, 0n);
  await guest.file.ioctl(HOLD_UNMAPS);
  const unmapped = guest.container.unmap();
  await group.status();
  expect(await codeOf(guest.file.ioctl(DIE))).toBe('EIO');
  expect(await unmapped).toBe(4096n);
  await group.close();
});

test('a device’s thread dies while it has the last group of a container in an unmap', async () => {
  const stage = await set();
  const mdev = await stage.create();
  const guest = await stage.guest(mdev);
  await guest.container.map({ memory: new SharedArrayBuffer(4096), iova: 0n });
  await pin(guest.file, 0n);
  await guest.file.ioctl(HOLD_UNMAPS);
  const unmapped = codeOf(guest.container.unmap());
  expect(await codeOf(guest.file.ioctl(DIE))).toBe('EIO');
  expect(['ok', 'EINVAL']).toContain(await unmapped);
  expect(await codeOf(guest.container.unmap())).toBe('EINVAL');
});

async function killControl(stage: GuestStage): Promise<void> {
  const restarted = once(stage.runtime.system.events, 'threadRestart');
  const { worker } = await stage.runtime.system.thread('vfio');
  await worker.terminate();
  await restarted;
}

test('the control thread dies: it starts again with nothing, its files are EIO, nothing stays claimed', async () => {
  const stage = await set();
  const mdev = await stage.create();
  const guest = await stage.guest(mdev);
  const iommufd = await openIommufd(stage.bus);
  await guest.container.map({ memory: new SharedArrayBuffer(4096), iova: 0n });
  await killControl(stage);
  const asked = [
    guest.group.status(),
    guest.group.openDevice(mdev.uuid),
    guest.container.setIommu(1),
    guest.container.unmap(),
    iommufd.allocateIoas(),
    guest.file.read(0, 1),
  ];
  for (const code of await Promise.all(asked.map(codeOf))) expect(code).toBe('EIO');
  await guest.file.close();
  await guest.group.close();
  await guest.container.close();
  await iommufd.close();
  const heard = await stage.heard(mdev);
  expect(heard).toEqual(['open 1 kvm 0 EINVAL', 'close 1 kvm 0 dma']);
  const again = await stage.guest(mdev);
  expect(await stage.heard(mdev)).toEqual(['open 1 kvm 0 EINVAL']);
  await again.file.close();
  await again.group.close();
  await again.container.close();
  await mdev.remove();
});

test('the control thread dies while devices are opened and bound: every open settles, removal is not held up', async () => {
  const stage = await set();
  const mdev = await stage.create();
  const { group, file } = await stage.guest(mdev);
  const bound = await stage.create(1);
  const node = await openDeviceNode(stage.bus, bound);
  const opens = Array.from({ length: 20 }, () => codeOf(group.openDevice(mdev.uuid)));
  const binds = [openIommufd(stage.bus).then((iommufd) => node.bind(iommufd))].map(codeOf);
  await killControl(stage);
  for (const code of await Promise.all([...opens, ...binds])) expect(['ok', 'EIO']).toContain(code);
  await file.close();
  await node.close();
  await mdev.remove();
  await bound.remove();
});

test('the control thread ends with the last driver: its files are EIO, opens are ENODEV', async () => {
  const stage = await set();
  const mdev = await stage.create();
  const { group, container, file } = await stage.guest(mdev);
  expect(await codeOf(stage.runtime.unloadDriver('guest'))).toBe('EAGAIN');
  await file.close();
  await stage.runtime.unloadDriver('guest');
  expect(await codeOf(group.status())).toBe('EIO');
  await group.close();
  await container.close();
  for (const open of [() => openContainer(stage.bus), () => openGroup(stage.bus, 0)]) {
    expect(await codeOf(open())).toBe('ENODEV');
  }
});
