import { Runtime } from '@mediated/core';
import { mdpyUrl } from '@mediated/vendors';
import { screenshot } from '@mediated/vendors/screenshot';
import { openDevice } from '@mediated/vfio';

await using runtime = Runtime.start();
await runtime.loadDriver(mdpyUrl, { parents: [{ name: 'mdpy' }] });
const display = await runtime.bus.parent('mdpy').create('mdpy-vga');
await using file = await openDevice(runtime.bus, display);

const { buffer } = await file.mmap(4096, 640 * 480 * 4); // the display's own memory
new Uint32Array(buffer).fill(0xff8800, 100 * 640, 140 * 640); // an orange bar, 40 rows from row 100 on
const png = await screenshot(file, { workqueue: runtime.system.workqueue });
console.log(Buffer.from(png.subarray(1, 4)).toString()); // write it to a file, and any viewer opens it
