import { Runtime } from '@mediated/core';
import { mttyUrl } from '@mediated/vendors';
import { InterruptCounter, openDevice } from '@mediated/vfio';
import { MIGRATION_STATES, PCI_IRQS } from '@mediated/vfio/uapi';

await using runtime = Runtime.start();
await runtime.loadDriver(mttyUrl, { threads: 2, parents: [{ name: 'here' }, { name: 'there', threads: 2 }] });
const source = await openDevice(runtime.bus, await runtime.bus.parent('here').create('mtty-1'));

// An interrupt for each byte that arrives: FIFO on, "received data" enabled.
const counter = InterruptCounter.create();
await source.info(); // as in the kernel, interrupts are EINVAL before this
await source.setIrqs({ index: PCI_IRQS.msi, action: 'trigger', counters: [counter] });
await source.write(2, Uint8Array.of(0x01));
await source.write(1, Uint8Array.of(0x01));
for (const byte of new TextEncoder().encode('hi')) await source.write(0, Uint8Array.of(byte));
console.log('interrupts', await counter.wait());

// To another parent, on whatever thread that is: save there what it is here.
const target = await openDevice(runtime.bus, await runtime.bus.parent('there').create('mtty-1'));
const saved = await source.setMigrationState(MIGRATION_STATES.stopCopy);
const loaded = await target.setMigrationState(MIGRATION_STATES.resuming);
if (saved === undefined || loaded === undefined) throw new Error('no data files');
await loaded.writeNext(await saved.readToEnd());
await target.setMigrationState(MIGRATION_STATES.running);
await source.close();

const received = [await target.read(0, 1), await target.read(0, 1)];
console.log('the other card has', Buffer.concat(received).toString());
await target.close();
