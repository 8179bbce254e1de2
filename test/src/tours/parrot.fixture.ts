import { Runtime } from '@mediated/core';
import { openDevice } from '@mediated/vfio';

await using runtime = Runtime.start();
await runtime.loadDriver(new URL('./parrot-driver.fixture.js', import.meta.url), { parents: [{ name: 'cage' }] });
const mdev = await runtime.bus.parent('cage').create('parrot-grey');
const file = await openDevice(runtime.bus, mdev);
await file.write(0, new TextEncoder().encode('hello'));
console.log(new TextDecoder().decode(await file.read(0, 64)));
await mdev.remove().catch((error) => console.log(error.code));
await file.close();
await mdev.remove();
