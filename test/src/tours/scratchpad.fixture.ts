/** Loads the guide's driver and uses a device of it: shown in docs/writing-a-driver.md. Run by pages.test.ts. */
import { Runtime } from '@mediated/core';
import { openDevice } from '@mediated/vfio';

await using runtime = Runtime.start();
await runtime.loadDriver(new URL('./scratchpad-driver.fixture.js', import.meta.url), {
  threads: 2,
  parents: [{ name: 'pads', threads: 2 }],
});
const pad = await runtime.bus.parent('pads').create('scratchpad-small');
await using file = await openDevice(runtime.bus, pad);
await file.write(0, new TextEncoder().encode('hello'));
console.log(new TextDecoder().decode(await file.read(0, 5)));
