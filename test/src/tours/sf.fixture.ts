/** Two subfunctions that talk: shown in docs/drivers/sf.md. Run by pages.test.ts. */
import { Runtime } from '@mediated/core';
import { sfUrl } from '@mediated/vendors';
import { NicClient } from '@mediated/vendors/sf';
import { openDevice } from '@mediated/vfio';

await using runtime = Runtime.start();
await runtime.loadDriver(sfUrl, { threads: 2, parents: [{ name: 'nic0', threads: 2 }] });
const parent = runtime.bus.parent('nic0');

const devices = [await parent.create('sf-nic'), await parent.create('sf-nic')];
const files = await Promise.all(devices.map((device) => openDevice(runtime.bus, device)));
const [alice, bob] = await Promise.all(files.map((file) => NicClient.open(file)));
console.log('alice', alice.address, 'bob', bob.address);

const interrupt = await bob.listen();
const frame = new Uint8Array(64);
frame.set(bob.mac, 0);
frame.set(alice.mac, 6);
frame.set(new TextEncoder().encode('hello, bob'), 14);
await alice.send(frame);

await interrupt.wait();
for (let heard = bob.receive(); heard !== undefined; heard = bob.receive()) {
  console.log(new TextDecoder().decode(heard.subarray(14, 24)), 'in', heard.length, 'bytes');
}
console.log('bob received', (await devices[1].showAttribute('statistics/rx_frames')).trim());
for (const file of files) await file.close();
