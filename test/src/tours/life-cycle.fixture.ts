/** The first tour of README.md: the life of a device, from the main thread. Run by pages.test.ts. */
import { Runtime } from '@mediated/core';
import { mttyUrl } from '@mediated/vendors';
import { openDevice } from '@mediated/vfio';

const runtime = Runtime.start();
await runtime.loadDriver(mttyUrl, { threads: 2, parents: [{ name: 'mtty0' }, { name: 'mtty1' }] });
const events: string[] = [];
runtime.bus.events.on('uevent', ({ action, subsystem }) => events.push(`${action} ${subsystem}`));

const card = runtime.bus.parent('mtty0');
const port = await card.create('mtty-1', '83b8f4f2-509f-382f-3c1e-e6bfe0fa1001');
console.log('ports left', await card.availableInstances('mtty-1'));

// A UUID exists once on all parents: the kernel's errno, here as in sysfs.
const again = runtime.bus.parent('mtty1').create('mtty-2', port.uuid);
await again.catch((error) => console.log(error.code, error.errno));

const file = await openDevice(runtime.bus, port);
await file.write(0, new TextEncoder().encode('!'));
console.log('read back', new TextDecoder().decode(await file.read(0, 1)));

const removal = port.remove(); // waits for the file
await openDevice(runtime.bus, port).catch((error) => console.log(error.code, error.errno));
await file.close();
await removal;

runtime.bus.drainEvents();
console.log(events.join(', '));
await runtime.close();
