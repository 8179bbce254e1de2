import { Runtime } from '@mediated/core';
import { apUrl } from '@mediated/vendors';
import { ApBus, apqn } from '@mediated/vendors/ap';
import { openContainer, openGroup, openKvm } from '@mediated/vfio';
import { EXTENSIONS } from '@mediated/vfio/uapi';

await using runtime = Runtime.start();
// Two cards, a CEX7 and a CEX5, with two domains each; of card 6 the host keeps domain 4 for itself.
const apBus = await ApBus.create(runtime.bus, {
  adapters: { 5: 13, 6: 11 },
  domains: [4, 0xab],
  apmask: '+6',
  aqmask: '+4',
});
await runtime.loadDriver(apUrl, { threads: 2, options: { apBus: apBus.handle } });
const parent = runtime.bus.parent('matrix');

const mdev = await parent.create('vfio_ap-passthrough');
await mdev.storeAttribute('assign_adapter', '5');
await mdev.storeAttribute('assign_domain', '0x4');
await mdev.storeAttribute('assign_domain', '0xab');
await mdev.storeAttribute('assign_adapter', '6').catch((error) => console.log('card 6:', error.code));
const other = await parent.create('vfio_ap-passthrough');
await other.storeAttribute('ap_config', '0x04,0x08,0x0').catch((error) => console.log('05.0004:', error.code));

// A program's way to the device: its group, a container with guest memory, a virtual machine.
await using container = await openContainer(runtime.bus);
await using group = await openGroup(runtime.bus, mdev.group ?? -1);
await group.setContainer(container);
await container.setIommu(EXTENSIONS.type1v2);
await container.map({ memory: new SharedArrayBuffer(2 ** 20), iova: 0n });
await using kvm = await openKvm(runtime.bus);
const guest = await apBus.createGuest({ kvm: kvm.id });
await group.setKvm(kvm);
const file = await group.openDevice(mdev.uuid);
console.log('the guest has', await guest.masks());

// The guest asks for interrupts of a queue; the page of the notification byte is pinned.
const response = await guest.interrupt(file, { apqn: apqn(5, 4), enable: true, isc: 3, nib: 0x1008n });
console.log('response %d, %s', response, (await apBus.status(apqn(5, 4))).trim());

// Somebody takes a queue away: the guest loses the whole card, until it is back.
await apBus.unbind(apqn(5, 0xab));
console.log('unbound:', (await guest.masks()).adapters);
await apBus.bind(apqn(5, 0xab));
console.log('bound:', (await mdev.showAttribute('guest_matrix')).trim().split('\n'));

// The last close: first the guest loses its masks, then its queues are reset.
const { length: before } = apBus.trace();
await file.close();
for (const { kind, subject } of apBus.trace(before)) console.log(kind, subject.toString(16));
