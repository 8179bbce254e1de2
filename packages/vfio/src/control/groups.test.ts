/** Groups and containers: exclusive opens, ways in and out of containers, devices by name, guest memory, removals. */
import type { Mdev } from '@mediated/core';
import { openContainer, openDevice, openDeviceNode, openGroup, openIommufd } from '@mediated/vfio';
import { EXTENSIONS } from '@mediated/vfio/uapi';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { FAIL_OPEN, HOLD_PINS, HOLD_UNMAPS, RELEASE_UNMAPS, UNPIN } from '../../dist-fixtures/control/guest.fixture.js';
import {
  codeOf,
  dmaRead,
  dmaWrite,
  type Guest,
  GuestStage,
  groupOf,
  openedAs,
  pin,
} from '../../dist-fixtures/control/guest-stage.fixture.js';

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

async function closeAll({ group, container, file }: Guest): Promise<void> {
  await file.close();
  await container.close();
  await group.close();
}

describe('guest memory', () => {
  test('a program maps memory, and the device sees it', async () => {
    const { group, container, file } = await stage.guest(mdev);
    const memory = new SharedArrayBuffer(8192);
    new Uint8Array(memory)[4097] = 7;
    await container.map({ memory, iova: 0x10000n });
    expect([...(await dmaRead(file, 0x11000n, 3))]).toEqual([0, 7, 0]);
    await dmaWrite(file, 0x10000n, Uint8Array.of(1, 2));
    expect([...new Uint8Array(memory, 0, 3)]).toEqual([1, 2, 0]);
    expect(await openedAs(file)).toEqual({ kind: 'group', group: group.group, iommufd: 0 });
    expect(await container.unmap()).toBe(8192n);
    expect(await codeOf(dmaRead(file, 0x11000n, 3))).toBe('EINVAL');
    await closeAll({ mdev, group, container, file });
  });

  test('a client thread that blocks maps memory, and other threads see what its device does', async () => {
    const memory = new SharedArrayBuffer(4096);
    new Uint8Array(memory).set([4, 3, 2, 1]);
    const client = stage.client({ uuid: mdev.uuid, job: 'readBack', memory });
    expect(await client.said).toEqual({ value: [4, 3, 2, 1] });
    await client.ended;
  });

  test('what a blocking client does, it does as one that awaits', async () => {
    const memory = new SharedArrayBuffer(4096);
    const client = stage.client({ uuid: mdev.uuid, job: 'blockingFaces', memory });
    expect(await client.said).toEqual({ value: [true, 1, 0, 4096n, 0n, true, 4096n] });
    await client.ended;
  });

  test('two containers’ devices see their own memory at the same address', async () => {
    const other = await stage.create(++next);
    const [one, two] = [await stage.guest(mdev), await stage.guest(other)];
    const [first, second] = [new SharedArrayBuffer(4096), new SharedArrayBuffer(4096)];
    new Uint8Array(first).fill(1);
    new Uint8Array(second).fill(2);
    await one.container.map({ memory: first, iova: 0n });
    await two.container.map({ memory: second, iova: 0n });
    expect([...(await dmaRead(one.file, 0n, 1)), ...(await dmaRead(two.file, 0n, 1))]).toEqual([1, 2]);
    await closeAll(one);
    await closeAll(two);
  });

  test('devices on several threads share a container, mapped before or after they were opened', async () => {
    await using two = await GuestStage.set(2);
    const [first, second] = [await two.create(0), await two.create(1)];
    expect(first.shard).not.toBe(second.shard);
    const guest = await two.guest(first);
    const { container } = guest;
    const memory = new SharedArrayBuffer(3 * 4096);
    await container.map({ memory, iova: 0n, size: 4096 });
    const group = await openGroup(two.bus, groupOf(second));
    await group.setContainer(container);
    const file = await group.openDevice(second.uuid);
    await container.map({ memory, iova: 0x8000n, offset: 8192 });
    await dmaWrite(guest.file, 0n, Uint8Array.of(5));
    await dmaWrite(guest.file, 0x8000n, Uint8Array.of(6));
    expect([...(await dmaRead(file, 0n, 1)), ...(await dmaRead(file, 0x8000n, 1))]).toEqual([5, 6]);
    await file.close();
    await group.close();
    await closeAll(guest);
  });

  test('vfio-core 18: unmapping pinned memory asks every device to unpin the whole mapping, and waits', async () => {
    const other = await stage.create(++next);
    const guest = await stage.guest(mdev);
    const group = await openGroup(stage.bus, groupOf(other));
    await group.setContainer(guest.container);
    const bystander = await group.openDevice(other.uuid);
    const memory = new SharedArrayBuffer(8192);
    new Uint8Array(memory)[0] = 9;
    await guest.container.map({ memory, iova: 0x4000n });
    expect(await pin(guest.file, 0x4000n)).toBe(9);
    await stage.heard(mdev);
    await guest.file.ioctl(HOLD_UNMAPS);
    let unmapped = false;
    const unmapping = guest.container.unmap({ iova: 0x4000n, size: 8192n }).then((size) => {
      unmapped = true;
      return size;
    });
    // Answered after the request to unpin has reached the device, for both come from other threads in turn.
    await group.status();
    expect(unmapped).toBe(false);
    await guest.file.ioctl(RELEASE_UNMAPS);
    expect(await unmapping).toBe(8192n);
    expect((await stage.heard(mdev)).filter((line) => line === 'unmap 0x4000 0x2000')).toHaveLength(2);
    await bystander.close();
    await group.close();
    await closeAll(guest);
  });

  test('a device that does not unpin fails the unmap, and nothing is unmapped', async () => {
    const guest = await stage.guest(mdev);
    await guest.container.map({ memory: new SharedArrayBuffer(4096), iova: 0n });
    await pin(guest.file, 0n);
    await guest.file.ioctl(HOLD_PINS, Uint8Array.of(1));
    expect(await codeOf(guest.container.unmap())).toBe('EDEADLK');
    expect([...(await dmaRead(guest.file, 0n, 1))]).toEqual([0]);
    await guest.file.ioctl(UNPIN);
    expect(await guest.container.unmap()).toBe(4096n);
    await closeAll(guest);
  });

  test('what a device leaves pinned at its last close is unpinned', async () => {
    const guest = await stage.guest(mdev);
    await guest.container.map({ memory: new SharedArrayBuffer(4096), iova: 0n });
    await pin(guest.file, 0n);
    await guest.file.close();
    expect(await guest.container.unmap()).toBe(4096n);
    await guest.group.close();
    await guest.container.close();
  });

  test('dirty pages: what a device writes, once', async () => {
    const guest = await stage.guest(mdev);
    const range = { iova: 0n, size: 0x10000n };
    await guest.container.map({ memory: new SharedArrayBuffer(0x10000), iova: 0n });
    expect(await codeOf(guest.container.dirtyPages(range))).toBe('EINVAL');
    await guest.container.startDirtyTracking();
    await dmaWrite(guest.file, 0x3ffen, Uint8Array.of(1, 2, 3));
    expect([...(await guest.container.dirtyPages(range))]).toEqual([0b11000, 0, 0, 0, 0, 0, 0, 0]);
    expect([...(await guest.container.dirtyPages(range))]).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
    await guest.container.stopDirtyTracking();
    await closeAll(guest);
  });
});

describe('an mdev with an IOMMU device', () => {
  test('memory is mapped for it as for hardware: within what the IOMMU maps, pinned as a whole', async () => {
    const isolated = await stage.create(++next, 'isolated');
    const { group, container, file } = await stage.guest(isolated);
    expect(await group.status()).toEqual({ viable: true, containerSet: true });
    expect(await container.checkExtension(EXTENSIONS.updateVaddr)).toBe(1);
    const memory = new SharedArrayBuffer(4096);
    expect(await codeOf(container.map({ memory, iova: 2n ** 48n }))).toBe('EINVAL');
    // An emulated device could not write here (quirk V6).
    await container.map({ memory, iova: 0n, read: false });
    await dmaWrite(file, 0n, Uint8Array.of(3));
    expect(new Uint8Array(memory)[0]).toBe(3);
    await closeAll({ mdev: isolated, group, container, file });
  });

  test('it shares a container with emulated devices, and leaves its mappings to them', async () => {
    const isolated = await stage.create(++next, 'isolated');
    const guest = await stage.guest(isolated);
    const group = await openGroup(stage.bus, groupOf(mdev));
    await group.setContainer(guest.container);
    const file = await group.openDevice(mdev.uuid);
    await guest.container.map({ memory: new SharedArrayBuffer(4096), iova: 0n });
    await guest.file.close();
    await guest.group.close();
    expect(await codeOf(dmaRead(file, 0n, 1))).toBe('ok');
    await file.close();
    await group.close();
    await guest.container.close();
  });
});

describe('groups', () => {
  test('vfio-core 9: the open is exclusive, also while a device is left open', async () => {
    const guest = await stage.guest(mdev);
    const number = groupOf(mdev);
    expect(await codeOf(openGroup(stage.bus, number))).toBe('EBUSY');
    await guest.group.close();
    await guest.container.close();
    expect(await codeOf(openGroup(stage.bus, number))).toBe('EBUSY');
    await guest.file.close();
    const again = await openGroup(stage.bus, number);
    expect(await again.status()).toEqual({ viable: true, containerSet: false });
    await again.close();
  });

  test('vfio-core 9: of several threads that open a group at once one has it', async () => {
    const number = 40;
    const clients = Array.from({ length: 3 }, () => stage.client({ uuid: mdev.uuid, job: 'openOften', number }));
    const won = (await Promise.all(clients.map(({ said }) => said))) as { value: number }[];
    for (const { value } of won) expect(value).toBeGreaterThan(0);
    await Promise.all(clients.map(({ ended }) => ended));
    await (await openGroup(stage.bus, groupOf(mdev))).close();
  });

  test('a number that is no group is ENODEV', async () => {
    for (const number of [-1, 31, 2 ** 20, 2 ** 30]) {
      expect(await codeOf(openGroup(stage.bus, number))).toBe('ENODEV');
    }
  });

  test('vfio-core 11: a container cannot be left while a device is open', async () => {
    const { group, container, file } = await stage.guest(mdev);
    const second = await group.openDevice(mdev.uuid);
    expect(await codeOf(group.unsetContainer())).toBe('EBUSY');
    await second.close();
    expect(await codeOf(group.unsetContainer())).toBe('EBUSY');
    await file.close();
    await group.unsetContainer();
    expect(await codeOf(group.unsetContainer())).toBe('EINVAL');
    await group.close();
    await container.close();
  });

  test('vfio-core 13: the order of containers, groups and IOMMUs', async () => {
    const group = await openGroup(stage.bus, groupOf(mdev));
    const container = await openContainer(stage.bus);
    expect(await codeOf(container.setIommu(EXTENSIONS.type1v2))).toBe('EINVAL');
    expect(await codeOf(group.openDevice(mdev.uuid))).toBe('EINVAL');
    expect(await codeOf(group.openDevice('another'))).toBe('ENODEV');
    await group.setContainer(container);
    expect(await codeOf(group.setContainer(container))).toBe('EINVAL');
    expect(await codeOf(group.openDevice(mdev.uuid))).toBe('EINVAL');
    expect(await codeOf(container.setIommu(EXTENSIONS.spaprTce))).toBe('ENODEV');
    expect(await codeOf(container.setIommu(EXTENSIONS.unmapAll))).toBe('EINVAL');
    await container.setIommu(EXTENSIONS.type1);
    expect(await codeOf(container.setIommu(EXTENSIONS.type1v2))).toBe('EINVAL');
    await (await group.openDevice(mdev.uuid)).close();
    await group.unsetContainer();
    expect(await codeOf(container.unmap())).toBe('EINVAL');
    await group.setContainer(container);
    await container.setIommu(EXTENSIONS.type1v2);
    await group.close();
    await container.close();
  });

  test('an IOMMU or an ioas that is given up gives its lock back', async () => {
    const { group, container, file } = await stage.guest(mdev);
    await file.close();
    const { locks } = stage.bus.memory;
    const context = await openIommufd(stage.bus);
    let used = 0;
    for (let i = 0; i < 5; i++) {
      await group.unsetContainer();
      await group.setContainer(container);
      await container.setIommu(EXTENSIONS.type1v2);
      await context.destroyIoas(await context.allocateIoas());
      const one = await openIommufd(stage.bus);
      await one.allocateIoas();
      await one.close();
      if (i === 0) used = locks.used;
    }
    expect(locks.used).toBe(used);
    await Promise.all([context.close(), group.close(), container.close()]);
  });

  test('vfio-core 3: a failing open_device leaves nothing of the open', async () => {
    const { group, container, file } = await stage.guest(mdev);
    await file.ioctl(FAIL_OPEN);
    await file.close();
    await stage.heard(mdev);
    expect(await codeOf(group.openDevice(mdev.uuid))).toBe('EAGAIN');
    // Neither a user of the container, nor a reference, nor a pin is left.
    await group.unsetContainer();
    await group.setContainer(container);
    await container.setIommu(EXTENSIONS.type1v2);
    const again = await group.openDevice(mdev.uuid);
    expect(await stage.heard(mdev)).toEqual(['open 1 kvm 0 EINVAL', 'open 1 kvm 0 EINVAL']);
    await again.close();
    await group.close();
    await container.close();
    await mdev.remove();
  });

  test('vfio-core 1, 2: opens through the group count, callbacks run for the first and the last', async () => {
    const { group, container, file } = await stage.guest(mdev);
    await container.map({ memory: new SharedArrayBuffer(4096), iova: 0n });
    const second = await group.openDevice(mdev.uuid);
    await file.close();
    expect(await stage.heard(mdev)).toEqual(['open 1 kvm 0 EINVAL']);
    await second.close();
    expect(await stage.heard(mdev)).toEqual(['close 1 kvm 0 dma']);
    await group.close();
    await container.close();
  });

  test('vfio-core 12: files are closed in any order, and nothing is left', async () => {
    const orders = ['fgc', 'fcg', 'gfc', 'gcf', 'cfg', 'cgf'];
    for (const order of orders) {
      const { group, container, file } = await stage.guest(mdev);
      const files = { f: file, g: group, c: container };
      for (const letter of order) await files[letter as 'f' | 'g' | 'c'].close();
      const heard = await stage.heard(mdev);
      expect(heard, order).toEqual(['open 1 kvm 0 EINVAL', 'close 1 kvm 0 EINVAL']);
    }
  });

  test('a group that was closed before its device is another’s own when it is opened again', async () => {
    for (let round = 0; round < 2; round++) {
      const { group, container, file } = await stage.guest(mdev);
      await (await group.openDevice(mdev.uuid)).close();
      await file.close();
      expect(await group.status()).toEqual({ viable: true, containerSet: true });
      const last = await group.openDevice(mdev.uuid);
      await group.close();
      await container.close();
      await last.close();
    }
  });

  test('a closed file is EBADF', async () => {
    const { group, container, file } = await stage.guest(mdev);
    await closeAll({ mdev, group, container, file });
    const asked = [
      group.status(),
      group.setContainer(container),
      group.unsetContainer(),
      group.openDevice(mdev.uuid),
      container.checkExtension(1),
      container.setIommu(1),
      container.unmap(),
      file.read(0, 1),
    ];
    for (const code of await Promise.all(asked.map(codeOf))) expect(code).toBe('EBADF');
    await closeAll({ mdev, group, container, file });
  });

  test('a file that was opened directly has no DMA; one through the group brings it and takes it along', async () => {
    const direct = await openDevice(stage.bus, mdev);
    expect(await openedAs(direct)).toEqual({ kind: 'direct' });
    expect(await codeOf(dmaRead(direct, 0n, 1))).toBe('EINVAL');
    const { group, container, file } = await stage.guest(mdev);
    await container.map({ memory: new SharedArrayBuffer(4096), iova: 0n });
    await pin(file, 0n);
    expect([...(await dmaRead(direct, 0n, 1))]).toEqual([0]);
    await file.close();
    expect(await codeOf(dmaRead(direct, 0n, 1))).toBe('EINVAL');
    await group.unsetContainer();
    await direct.close();
    expect(await stage.heard(mdev)).toEqual([
      'open 1 kvm 0 EINVAL',
      'unmap 0x0 0xffffffffffffffff',
      'close 1 kvm 0 EINVAL',
    ]);
    await group.close();
    await container.close();
  });
});

describe('removal', () => {
  test('vfio-core 5: a device that is being removed is not opened through its group; open files go on', async () => {
    const { group, container, file } = await stage.guest(mdev);
    const removal = mdev.remove();
    // Answered by the device's thread after it has begun to remove.
    await file.read(0, 1);
    expect(await codeOf(group.openDevice(mdev.uuid))).toBe('ENODEV');
    expect(await group.status()).toEqual({ viable: true, containerSet: true });
    expect((await file.read(0, 1)).length).toBe(1);
    await group.close();
    await container.close();
    await file.close();
    await removal;
  });

  test('vfio-core 6: no way leads to a device whose last reference may go; none leads back', async () => {
    const { group, container, file } = await stage.guest(mdev);
    const removal = mdev.remove();
    await file.read(0, 1);
    const opens = () => [openDevice(stage.bus, mdev), openDeviceNode(stage.bus, mdev), group.openDevice(mdev.uuid)];
    const closing = file.close();
    // Some come before the last reference is put, some after, none gets one.
    for (let i = 0; i < 20; i++) expect(await Promise.all(opens().map(codeOf))).toEqual(['ENODEV', 'ENODEV', 'ENODEV']);
    await Promise.all([closing, removal]);
    expect(await stage.heard(await stage.create(++next))).toEqual([
      'open 1 kvm 0 EINVAL',
      'request 0',
      'close 1 kvm 0 EINVAL',
    ]);
    await Promise.all([group.close(), container.close()]);
  });

  test('a group whose device is gone is ENODEV, its container is left, and the number is another’s at once', async () => {
    const number = groupOf(mdev);
    const { group, container, file } = await stage.guest(mdev);
    await file.close();
    await mdev.remove();
    expect(await codeOf(group.status())).toBe('ENODEV');
    expect(await codeOf(group.openDevice(mdev.uuid))).toBe('ENODEV');
    expect(await codeOf(group.setContainer(container))).toBe('ENODEV');
    expect(await codeOf(group.unsetContainer())).toBe('EINVAL');
    expect(await codeOf(container.setIommu(EXTENSIONS.type1v2))).toBe('EINVAL');
    expect(await codeOf(container.unmap())).toBe('EINVAL');
    expect(await codeOf(openGroup(stage.bus, number))).toBe('ENODEV');
    const again = await stage.create(++next);
    expect(groupOf(again)).toBe(number);
    const anew = await openGroup(stage.bus, number);
    expect(await codeOf(group.status())).toBe('ENODEV');
    await group.close();
    expect(await codeOf(openGroup(stage.bus, number))).toBe('EBUSY');
    await anew.close();
    await container.close();
  });

  test('who opens a group while its device is removed either does not get it or sees it gone afterwards', async () => {
    const outcomes = new Set<string>();
    for (let i = 0; i < 60; i++) {
      const doomed = await stage.create(++next);
      const opening = openGroup(stage.bus, groupOf(doomed));
      // Sometimes the open is ahead, sometimes the removal.
      if (i % 2 === 0) await opening.then(() => {});
      const [opened] = await Promise.allSettled([opening, doomed.remove()]);
      outcomes.add(opened.status);
      if (opened.status === 'rejected') expect(opened.reason).toMatchObject({ code: 'ENODEV' });
      else {
        expect(await codeOf(opened.value.status())).toBe('ENODEV');
        await opened.value.close();
      }
    }
    expect(outcomes).toContain('fulfilled');
  });

  test('vfio-core 32: group and device number are free after the final release only', async () => {
    const { group, container, file } = await stage.guest(mdev);
    const removal = mdev.remove();
    const other = await stage.create(++next);
    expect(groupOf(other)).not.toBe(group.group);
    await file.close();
    await removal;
    expect(groupOf(await stage.create(++next))).toBe(group.group);
    await group.close();
    await container.close();
  });
});
