import { Runtime } from '@mediated/core';
import { InterruptCounter, openContainer, openGroup } from '@mediated/vfio';
import { EXTENSIONS, MIGRATION_STATES } from '@mediated/vfio/uapi';
import { job } from './adder-driver.fixture.js';

await using runtime = Runtime.start();
const parents = [{ name: 'here' }, { name: 'there', threads: 2 }];
await runtime.loadDriver(new URL('./adder-driver.fixture.js', import.meta.url), { threads: 2, parents });

// Guest memory: 1 MiB, at address 0 for every device in the container.
const memory = new SharedArrayBuffer(1024 * 1024);
const words = new Uint32Array(memory);
const container = await openContainer(runtime.bus);

/** A new device on a parent, opened through its group. */
async function start(parent: string) {
  const mdev = await runtime.bus.parent(parent).create('adder-1');
  const group = await openGroup(runtime.bus, mdev);
  await group.setContainer(container);
  return { mdev, group };
}

const first = await start('here');
await container.setIommu(EXTENSIONS.type1v2);
await container.map({ memory, iova: 0n });
const device = await first.group.openDevice(first.mdev.uuid);

const counter = InterruptCounter.create();
await device.setIrqs({ index: 0, action: 'trigger', counters: [counter] });
words.set([20, 21, 1]);
await device.write(0, job.bytes({ numbers: 0n, count: 3, sum: 4096n }));
console.log('interrupts', await counter.wait(), 'sum', words[1024]);

// To a device of another parent, on another thread: it sees the same memory.
const second = await start('there');
const other = await second.group.openDevice(second.mdev.uuid);
await using saved = await device.setMigrationState(MIGRATION_STATES.stopCopy);
await using loaded = await other.setMigrationState(MIGRATION_STATES.resuming);
if (saved === undefined || loaded === undefined) throw new Error('no data files');
await loaded.writeNext(await saved.readToEnd());
await other.setMigrationState(MIGRATION_STATES.running);
await device.close();
await first.group.close();
await first.mdev.remove();

words.set([100, 11]);
await other.write(0, job.bytes({ numbers: 0n, count: 2, sum: 8192n }));
console.log('jobs', (await other.read(0, 1))[0], 'sum', words[2048]);
await other.close();
await second.group.close();
await container.close();
