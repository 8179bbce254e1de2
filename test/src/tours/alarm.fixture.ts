import { Runtime } from '@mediated/core';
import { InterruptCounter, openDevice } from '@mediated/vfio';
import { MIGRATION_STATES } from '@mediated/vfio/uapi';

await using runtime = Runtime.start();
const parents = [{ name: 'house' }, { name: 'shed' }];
await runtime.loadDriver(new URL('./alarm-driver.fixture.js', import.meta.url), { parents });
await using file = await openDevice(runtime.bus, await runtime.bus.parent('house').create('alarm-bell'));

const counter = InterruptCounter.create();
await file.setIrqs({ index: 0, action: 'trigger', counters: [counter] });
for (let i = 0; i < 3; i++) await file.write(0, Uint8Array.of(1));
console.log('signals', counter.take(), 'rung', (await file.read(0, 1))[0]);
await file.setIrqs({ index: 0, action: 'unmask', count: 1 });
await file.write(0, Uint8Array.of(1));
console.log('signals', await counter.wait());

await using other = await openDevice(runtime.bus, await runtime.bus.parent('shed').create('alarm-bell'));
await using saved = await file.setMigrationState(MIGRATION_STATES.stopCopy);
await using loaded = await other.setMigrationState(MIGRATION_STATES.resuming);
if (saved !== undefined) await loaded?.writeNext(await saved.readToEnd());
await other.setMigrationState(MIGRATION_STATES.running);
console.log('the other one has rung', (await other.read(0, 1))[0]);
