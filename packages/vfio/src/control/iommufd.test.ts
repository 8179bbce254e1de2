/** Device nodes and iommufd contexts: bind, attach, detach, their exclusion with groups, groups over iommufds. */
import type { Mdev } from '@mediated/core';
import {
  Descriptors,
  type DeviceNodeFile,
  type IommufdFile,
  openContainer,
  openDevice,
  openDeviceNode,
  openGroup,
  openIommufd,
} from '@mediated/vfio';
import {
  attachIommufdPt,
  bindIommufd,
  DEVICE_ATTACH_IOMMUFD_PT,
  DEVICE_BIND_IOMMUFD,
  DEVICE_DETACH_IOMMUFD_PT,
  DEVICE_FEATURE,
  DEVICE_GET_INFO,
  detachIommufdPt,
} from '@mediated/vfio/uapi';
import * as fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { FAIL_OPEN, HOLD_PINS, IOMMUFD, UNPIN } from '../../dist-fixtures/control/guest.fixture.js';
import {
  codeOf,
  dmaRead,
  dmaWrite,
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

/** A device bound and attached, with `bytes` of memory at 0. */
async function bound(
  bytes = 8192,
): Promise<{ context: IommufdFile; ioas: number; node: DeviceNodeFile; memory: Uint8Array }> {
  const context = await openIommufd(stage.bus);
  const ioas = await context.allocateIoas();
  const memory = new SharedArrayBuffer(bytes);
  await context.map(ioas, { memory, iova: 0n });
  const node = await openDeviceNode(stage.bus, mdev);
  await node.bind(context);
  await node.attach(ioas);
  return { context, ioas, node, memory: new Uint8Array(memory) };
}

describe('a device’s node', () => {
  test('vfio-core 10: before it is bound everything but BIND is EINVAL', async () => {
    const node = await openDeviceNode(stage.bus, mdev);
    for (const asked of [
      () => node.read(0, 1),
      () => node.write(0, new Uint8Array(1)),
      () => node.mmap(0, 4096),
      () => node.ioctl(DEVICE_GET_INFO, new Uint8Array(24)),
      () => node.ioctl(DEVICE_FEATURE, new Uint8Array(8)),
      () => node.attach(1),
      () => node.detach(),
    ]) {
      expect(await codeOf(asked())).toBe('EINVAL');
    }
    await node.close();
    expect(await stage.heard(mdev)).toEqual([]);
    // It was no open of the device.
    await (await openDevice(stage.bus, mdev)).close();
    expect((await stage.heard(mdev)).map((line) => line.slice(0, 7))).toEqual(['open 1 ', 'close 1']);
  });

  test('bound and attached, it reaches the memory of its ioas', async () => {
    const { context, node, memory } = await bound();
    memory[4096] = 3;
    expect([...(await dmaRead(node, 4096n, 1))]).toEqual([3]);
    await dmaWrite(node, 5n, Uint8Array.of(4));
    expect(memory[5]).toBe(4);
    expect(await openedAs(node)).toEqual({ kind: 'node', iommufd: await node.ioctl(IOMMUFD) });
    expect(await codeOf(dmaRead(node, 8192n, 1))).toBe('ENOENT');
    await node.close();
    await context.close();
    expect(await stage.heard(mdev)).toEqual(['open 1 kvm 0 ENOENT', 'close 1 kvm 0 dma']);
  });

  test('bind is the first open and gives an id; the last close unbinds', async () => {
    const context = await openIommufd(stage.bus);
    const node = await openDeviceNode(stage.bus, mdev);
    expect(await node.bind(context)).toBeGreaterThan(0);
    expect(await codeOf(dmaRead(node, 0n, 1))).toBe('ENOENT');
    expect((await node.read(0, 1)).length).toBe(1);
    await node.close();
    const again = await openDeviceNode(stage.bus, mdev);
    await again.bind(context);
    await again.close();
    await context.close();
    expect((await stage.heard(mdev)).map((line) => line.slice(0, 5))).toEqual(['open ', 'close', 'open ', 'close']);
  });

  test('vfio-core 10: a second bind, of the same file or of another, is EINVAL', async () => {
    const context = await openIommufd(stage.bus);
    const [node, other] = [await openDeviceNode(stage.bus, mdev), await openDeviceNode(stage.bus, mdev)];
    await node.bind(context);
    expect(await codeOf(node.bind(context))).toBe('EINVAL');
    expect(await codeOf(other.bind(context))).toBe('EINVAL');
    await node.close();
    await other.bind(context);
    await other.close();
    await context.close();
  });

  test('vfio-core 10: files that were opened otherwise are not bound', async () => {
    const context = await openIommufd(stage.bus);
    const argument = bindIommufd.bytes({ argsz: 16, iommufd: 5 });
    const files = new Map([[5, context.passed]]);
    const direct = await openDevice(stage.bus, mdev);
    expect(await codeOf(direct.ioctl(DEVICE_BIND_IOMMUFD, argument, files))).toBe('EINVAL');
    expect(await codeOf(direct.ioctl(DEVICE_ATTACH_IOMMUFD_PT, attachIommufdPt.bytes({ argsz: 12 })))).toBe('ENOTTY');
    const node = await openDeviceNode(stage.bus, mdev);
    expect(await codeOf(node.bind(context))).toBe('EINVAL');
    await direct.close();
    await node.bind(context);
    await node.close();
    const guest = await stage.guest(mdev);
    expect(await codeOf(guest.file.ioctl(DEVICE_BIND_IOMMUFD, argument, files))).toBe('EINVAL');
    expect(await codeOf(guest.file.ioctl(DEVICE_DETACH_IOMMUFD_PT, detachIommufdPt.bytes({ argsz: 8 })))).toBe(
      'ENOTTY',
    );
    await guest.file.close();
    await guest.group.close();
    await guest.container.close();
    await context.close();
  });

  test('vfio-core 9: an open group and a bound device exclude each other', async () => {
    const context = await openIommufd(stage.bus);
    const node = await openDeviceNode(stage.bus, mdev);
    const group = await openGroup(stage.bus, groupOf(mdev));
    expect(await codeOf(node.bind(context))).toBe('EBUSY');
    await group.close();
    await node.bind(context);
    expect(await codeOf(openGroup(stage.bus, groupOf(mdev)))).toBe('EBUSY');
    await node.close();
    await (await openGroup(stage.bus, groupOf(mdev))).close();
    await context.close();
  });

  test('vfio-core 3: a bind whose open_device fails leaves nothing', async () => {
    const { node: first, context } = await bound();
    await first.ioctl(FAIL_OPEN);
    await first.close();
    const node = await openDeviceNode(stage.bus, mdev);
    expect(await codeOf(node.bind(context))).toBe('EAGAIN');
    expect(await codeOf(node.read(0, 1))).toBe('EINVAL');
    await (await openGroup(stage.bus, groupOf(mdev))).close();
    await node.bind(context);
    await node.close();
    await context.close();
  });

  test('vfio-core 4, 5: a node that is open and not bound holds up the removal; nobody opens anew', async () => {
    const node = await openDeviceNode(stage.bus, mdev);
    let removed = false;
    const removal = mdev.remove().then(() => {
      removed = true;
    });
    expect(await codeOf(openDeviceNode(stage.bus, mdev))).toBe('ENODEV');
    expect(removed).toBe(false);
    await node.close();
    await removal;
  });

  test('the context lives on while a device is bound', async () => {
    const { context, node, memory } = await bound();
    memory[0] = 8;
    await context.close();
    expect([...(await dmaRead(node, 0n, 1))]).toEqual([8]);
    await node.close();
  });
});

describe('attaching', () => {
  test('a second attach replaces; the driver unpins everything before', async () => {
    const { context, node } = await bound();
    const other = await context.allocateIoas();
    const memory = new SharedArrayBuffer(4096);
    new Uint8Array(memory)[0] = 2;
    await context.map(other, { memory, iova: 0n });
    await pin(node, 0n);
    await stage.heard(mdev);
    await node.attach(other);
    expect(await stage.heard(mdev)).toEqual(['unmap 0x0 0xffffffffffffffff']);
    expect([...(await dmaRead(node, 0n, 1))]).toEqual([2]);
    await node.attach(other);
    expect(await stage.heard(mdev)).toEqual([]);
    await node.detach();
    expect(await stage.heard(mdev)).toEqual(['unmap 0x0 0xffffffffffffffff']);
    await node.detach();
    expect(await stage.heard(mdev)).toEqual([]);
    expect(await codeOf(dmaRead(node, 0n, 1))).toBe('ENOENT');
    await node.close();
    await context.close();
  });

  test('what there is not is ENOENT, and the device stays where it was', async () => {
    const { context, ioas, node } = await bound();
    expect(await codeOf(node.attach(99))).toBe('ENOENT');
    expect(await codeOf(dmaRead(node, 0n, 1))).toBe('ok');
    expect(await codeOf(context.destroyIoas(ioas))).toBe('EBUSY');
    expect(await codeOf(context.destroyIoas(99))).toBe('ENOENT');
    await node.detach();
    await context.destroyIoas(ioas);
    expect(await codeOf(node.attach(ioas))).toBe('ENOENT');
    await node.close();
    await context.close();
  });

  test('unmapping asks the device to unpin; areas are unmapped whole', async () => {
    const { context, ioas, node } = await bound();
    await pin(node, 0n);
    await stage.heard(mdev);
    expect(await codeOf(context.unmap(ioas, { iova: 0n, length: 4096n }))).toBe('ENOENT');
    expect(await context.unmap(ioas, { iova: 0n, length: 8192n })).toBe(8192n);
    expect(await stage.heard(mdev)).toEqual(['unmap 0x0 0x2000']);
    expect(await codeOf(dmaRead(node, 0n, 1))).toBe('ENOENT');
    await node.close();
    await context.close();
  });

  test('a device that does not unpin: the unmap gives up, and the area takes no new access', async () => {
    const { context, ioas, node } = await bound();
    await pin(node, 0n);
    await node.ioctl(HOLD_PINS, Uint8Array.of(1));
    expect(await codeOf(context.unmap(ioas))).toBe('EDEADLK');
    expect(await codeOf(dmaRead(node, 0n, 1))).toBe('EINVAL');
    await node.ioctl(UNPIN);
    expect(await context.unmap(ioas)).toBe(8192n);
    await node.close();
    await context.close();
  });

  test('memory is mapped at the lowest room, or where it is wanted', async () => {
    const context = await openIommufd(stage.bus);
    const ioas = await context.allocateIoas();
    const memory = new SharedArrayBuffer(8192);
    expect(await context.map(ioas, { memory, iova: 0x1000n, length: 4096 })).toBe(0x1000n);
    expect(await context.map(ioas, { memory, length: 4096 })).toBe(0n);
    expect(await context.map(ioas, { memory })).toBe(0x2000n);
    expect(await codeOf(context.map(ioas, { memory, iova: 0n }))).toBe('EEXIST');
    expect(await codeOf(context.map(ioas, { memory, offset: 1 }))).toBe('EINVAL');
    expect(await codeOf(context.map(7, { memory }))).toBe('ENOENT');
    expect(await codeOf(context.unmap(7))).toBe('ENOENT');
    expect(await context.unmap(ioas)).toBe(16384n);
    expect(await context.unmap(ioas)).toBe(0n);
    await context.close();
    expect(await codeOf(context.allocateIoas())).toBe('EBADF');
  });
});

describe('a group with an iommufd in place of a container', () => {
  test('its devices are attached to the compatibility ioas; the group’s file does not stay open for them', async () => {
    const context = await openIommufd(stage.bus);
    const group = await openGroup(stage.bus, groupOf(mdev));
    await group.setContainer(context);
    expect(await group.status()).toEqual({ viable: true, containerSet: true });
    const file = await group.openDevice(mdev.uuid);
    const second = await group.openDevice(mdev.uuid);
    const memory = new SharedArrayBuffer(4096);
    new Uint8Array(memory)[1] = 6;
    // The compatibility ioas is the first object of the context.
    await context.map(1, { memory, iova: 0n });
    expect([...(await dmaRead(second, 0n, 2))]).toEqual([0, 6]);
    await second.close();
    expect([...(await dmaRead(file, 0n, 2))]).toEqual([0, 6]);
    // Quirk V4.
    await group.unsetContainer();
    await group.close();
    const again = await openGroup(stage.bus, groupOf(mdev));
    expect([...(await dmaRead(file, 0n, 2))]).toEqual([0, 6]);
    await file.close();
    await again.close();
    await context.close();
  });

  test('a context serves groups and nodes at once; a container is left for it', async () => {
    const context = await openIommufd(stage.bus);
    const container = await openContainer(stage.bus);
    const other = await stage.create(++next);
    const group = await openGroup(stage.bus, groupOf(other));
    await group.setContainer(container);
    expect(await codeOf(group.setContainer(context))).toBe('EINVAL');
    await group.unsetContainer();
    await group.setContainer(context);
    const file = await group.openDevice(other.uuid);
    const node = await openDeviceNode(stage.bus, mdev);
    await node.bind(context);
    expect(await node.ioctl(IOMMUFD)).toBe(await file.ioctl(IOMMUFD));
    await Promise.all([node.close(), file.close()]);
    await Promise.all([group.close(), context.close(), container.close()]);
  });
});

describe('the binary face', () => {
  test('bind, attach and detach by descriptors, with the errnos in their order', async () => {
    const descriptors = new Descriptors(stage.bus);
    const device = await descriptors.open(`/dev/vfio/devices/vfio${numberOf(mdev)}`);
    const context = await descriptors.open('/dev/iommu');
    const bind = async (values: Partial<ReturnType<typeof bindIommufd.decode>>) => {
      const argument = bindIommufd.bytes({ argsz: 16, iommufd: context, ...values });
      const code = await codeOf(descriptors.ioctl(device, DEVICE_BIND_IOMMUFD, argument));
      return { code, devid: bindIommufd.decode(argument).out_devid };
    };
    expect(await codeOf(descriptors.ioctl(device, DEVICE_BIND_IOMMUFD, null))).toBe('EFAULT');
    expect(await bind({ argsz: 15 })).toEqual({ code: 'EINVAL', devid: 0 });
    expect(await bind({ flags: 1 })).toEqual({ code: 'EINVAL', devid: 0 });
    expect(await bind({ iommufd: -1 })).toEqual({ code: 'EINVAL', devid: 0 });
    expect(await bind({ iommufd: 999 })).toEqual({ code: 'EBADF', devid: 0 });
    expect(await bind({ iommufd: device })).toEqual({ code: 'EBADFD', devid: 0 });
    expect(await bind({})).toEqual({ code: 'ok', devid: expect.any(Number) });
    expect((await bind({ iommufd: 999 })).code).toBe('EINVAL');
    const attach = (values: object) =>
      codeOf(descriptors.ioctl(device, DEVICE_ATTACH_IOMMUFD_PT, attachIommufdPt.bytes({ argsz: 12, ...values })));
    const described = descriptors.describe(context);
    if (described.kind !== 'iommufd') throw new Error(described.kind);
    const ioas = await described.file.allocateIoas();
    expect(await attach({ argsz: 11 })).toBe('EINVAL');
    expect(await attach({ flags: 1 })).toBe('EINVAL');
    expect(await attach({ pt_id: 99 })).toBe('ENOENT');
    expect(await attach({ pt_id: ioas })).toBe('ok');
    const detach = (values: object) =>
      codeOf(descriptors.ioctl(device, DEVICE_DETACH_IOMMUFD_PT, detachIommufdPt.bytes({ argsz: 8, ...values })));
    expect(await detach({ argsz: 7 })).toBe('EINVAL');
    expect(await detach({ flags: 2 })).toBe('EINVAL');
    expect(await detach({})).toBe('ok');
    await descriptors.closeAll();
  });

  test('arguments that are cut short are EFAULT', async () => {
    const descriptors = new Descriptors(stage.bus);
    const device = await descriptors.open(`/dev/vfio/devices/vfio${numberOf(mdev)}`);
    await fc.assert(
      fc.asyncProperty(fc.nat(15), async (length) => {
        const argument = bindIommufd.bytes({ argsz: 16 }).slice(0, length);
        expect(await codeOf(descriptors.ioctl(device, DEVICE_BIND_IOMMUFD, argument))).toBe('EFAULT');
      }),
      { numRuns: 16 },
    );
    await descriptors.closeAll();
  });
});

/** N of `vfioN`: in these tests numbers and groups go together. */
function numberOf(device: Mdev): number {
  return groupOf(device);
}
