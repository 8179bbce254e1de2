/** Fault injection from an operator's side: shown in docs/drivers/faults.md. Run by pages.test.ts. */
import { openAttribute, Runtime } from '@mediated/core';
import { vgpuUrl } from '@mediated/vendors';

await using runtime = Runtime.start();
await runtime.loadDriver(vgpuUrl, { threads: 2, options: { profile: 't4' } });
const parent = runtime.bus.parent('0000:3b:00.0');

// Through the tree, as a shell would: echo 2 ENOSPC > .../faults/fail_create
const fail = await openAttribute(runtime.bus, '/class/mdev_bus/0000:3b:00.0/faults/fail_create', 'write');
await fail.write(Buffer.from('2 ENOSPC\n'));
for (let i = 0; i < 3; i++) {
  await parent.create('nvidia-231').then(
    () => console.log('created'),
    (error) => console.log(error.code),
  );
}

// A create that stays half-way: it has its UUID, but no driver yet, and a removal comes too early.
const uuid = '83b8f4f2-509f-382f-3c1e-e6bfe0fa1001';
await parent.storeAttribute('faults/hold_create', '1');
const creating = parent.create('nvidia-231', uuid);
await parent.create('nvidia-231', uuid).catch((error) => console.log('a second one:', error.code));
await runtime.bus
  .mdev(uuid)
  ?.remove()
  .catch((error) => console.log('too early:', error.code));
await parent.storeAttribute('faults/release', 'all');
console.log('driver:', (await creating).presence.driver);

await parent.storeAttribute('faults/available', '231 1000');
console.log('available:', await parent.availableInstances('nvidia-231'));

// The card is pulled out.
const gone = new Promise<void>((resolve) =>
  runtime.bus.events.on('remove', ({ devpath }) => devpath.endsWith(parent.name) && resolve()),
);
await parent.storeAttribute('faults/unplug', '1');
await gone;
console.log('devices:', runtime.bus.mdevs().length);
