/** GVT-g as a VMM uses it: groups, a container with guest memory, virtual machines. */
import { type Mdev, Runtime } from '@mediated/core';
import { openContainer, openGroup, openKvm } from '@mediated/vfio';
import { EXTENSIONS } from '@mediated/vfio/uapi';
import { expect, test } from 'vitest';

const MODULE = new URL('../../dist-fixtures/gvt/mapping.fixture.js', import.meta.url);
const TABLE = 8 * 2 ** 20;

const word = (value: number) => new Uint8Array(Uint32Array.of(value).buffer);

test('gvt 7, 9: opened through groups by virtual machines; guest pages stay mapped until they go or the vGPU is closed', async () => {
  await using runtime = Runtime.start();
  await runtime.loadDriver(MODULE, { threads: 2 });
  const parent = runtime.bus.parent('0000:00:02.0');
  const [first, second] = [await parent.create('i915-GVTg_V5_8'), await parent.create('i915-GVTg_V5_8')];

  await using container = await openContainer(runtime.bus);
  const groupOf = async (mdev: Mdev) => {
    const group = await openGroup(runtime.bus, mdev.group ?? -1);
    await group.setContainer(container);
    return group;
  };
  await using group = await groupOf(first);
  await using other = await groupOf(second);
  await container.setIommu(EXTENSIONS.type1v2);
  const memory = new SharedArrayBuffer(65_536);
  await container.map({ memory, iova: 0n });
  new Uint8Array(memory)[0x4000] = 0x5a;

  await using kvm = await openKvm(runtime.bus);
  await expect(group.openDevice(first.uuid)).rejects.toMatchObject({ code: 'ESRCH' });
  await group.setKvm(kvm);
  await other.setKvm(kvm);
  const file = await group.openDevice(first.uuid);
  await expect(other.openDevice(second.uuid)).rejects.toMatchObject({ code: 'EEXIST' });

  // An entry for the vGPU's own first page of graphics memory: the guest's page 4, valid.
  const entry = TABLE + ((128 * 2 ** 20) / 4096) * 8;
  await file.write(entry, word(0x4001));
  expect((await file.read(0x5000, 1))[0]).toBe(0x5a);
  new Uint8Array(memory)[0x4000] = 0x5b;
  expect((await file.read(0x5000, 1))[0]).toBe(0x5b);
  // An unmap would fail if a page stayed pinned.
  expect(await container.unmap()).toBe(65_536n);
  expect((await file.read(0x5000, 1))[0]).toBe(0);

  await container.map({ memory, iova: 0n });
  await file.write(entry, word(0));
  await file.write(entry, word(0x4001));
  await file.close();
  expect(await container.unmap()).toBe(65_536n);
  const opened = await other.openDevice(second.uuid);
  await opened.close();
});
