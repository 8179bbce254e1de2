/** A device of every kind of entry. Run by packed.e2e.test.ts in an empty project. */
import { Runtime } from '@mediated/core';
import { mdpyUrl, mttyUrl } from '@mediated/vendors';
import { screenshot } from '@mediated/vendors/screenshot';
import { openDevice } from '@mediated/vfio';

await using runtime = Runtime.start();
await runtime.loadDriver(mttyUrl, { parents: [{ name: 'mtty' }] });
await runtime.loadDriver(mdpyUrl, { parents: [{ name: 'mdpy' }] });
const display = await runtime.bus.parent('mdpy').create('mdpy-vga');
await using file = await openDevice(runtime.bus, display);
const png = Buffer.from(await screenshot(file, { workqueue: runtime.system.workqueue }));
console.log(png.subarray(1, 4).toString(), await runtime.bus.parent('mtty').availableInstances('mtty-1'));
