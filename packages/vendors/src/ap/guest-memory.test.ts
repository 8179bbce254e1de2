/** vfio_ap as a VMM uses it: a group, a container with guest memory, a virtual machine. */
import { Runtime } from '@mediated/core';
import { apUrl } from '@mediated/vendors';
import { ApBus, apqn, RESPONSES } from '@mediated/vendors/ap';
import { openContainer, openGroup, openKvm } from '@mediated/vfio';
import { EXTENSIONS } from '@mediated/vfio/uapi';
import { expect, test } from 'vitest';

test('ap 11, 13, 17: opened through its group, with notification bytes in memory that the program maps', async () => {
  await using runtime = Runtime.start();
  const bus = await ApBus.create(runtime.bus, { adapters: { 5: 13 }, domains: [4, 6], apmask: '0x0' });
  await runtime.loadDriver(apUrl, { options: { apBus: bus.handle } });
  const mdev = await runtime.bus.parent('matrix').create('vfio_ap-passthrough');
  await mdev.storeAttribute('ap_config', '04,0a,');

  await using container = await openContainer(runtime.bus);
  await using group = await openGroup(runtime.bus, mdev.group ?? -1);
  await group.setContainer(container);
  await container.setIommu(EXTENSIONS.type1v2);
  await container.map({ memory: new SharedArrayBuffer(65_536), iova: 0n });
  await expect(group.openDevice(mdev.uuid)).rejects.toMatchObject({ code: 'EINVAL' });

  await using kvm = await openKvm(runtime.bus);
  const guest = await bus.createGuest({ kvm: kvm.id });
  await group.setKvm(kvm);
  await using file = await group.openDevice(mdev.uuid);
  expect(await guest.masks()).toMatchObject({ adapters: [5], domains: [4, 6] });

  const enable = (domain: number, nib: bigint) => guest.interrupt(file, { apqn: apqn(5, domain), enable: true, nib });
  expect(await enable(4, 0x1_0000n)).toBe(RESPONSES.invalidAddress);
  expect(await enable(4, 0x3008n)).toBe(RESPONSES.normal);
  expect(await enable(6, 0x3009n)).toBe(RESPONSES.normal);
  expect((await guest.registrations())[0]).toBe(2);
  // An unmap would fail if a page stayed pinned.
  expect(await container.unmap()).toBe(65_536n);
  expect((await guest.registrations())[0]).toBe(0);

  await container.map({ memory: new SharedArrayBuffer(65_536), iova: 0n });
  expect(await enable(4, 0x3008n)).toBe(RESPONSES.normal);
  await bus.unbind(apqn(5, 4));
  expect(await container.unmap()).toBe(65_536n);
});
