/**
 * A scenario: devices on two or three threads join a device set, are opened and closed under its mutex, and leave; the last
 * one takes the set with it. `parameters.threads`: how many; default 2.
 */
import type { World } from '@mediated/explorer';
import type { BusMemory } from '@mediated/core';
import type * as LayoutModule from '../../../packages/core/dist/mdev/layout.js';
import type * as TableModule from '../../../packages/vfio/dist/set-table.js';
import type * as MutexModule from '../../../packages/vfio/dist/under-mutex.js';
import { ExploredParent } from './protocols-parent.fixture.js';

const VFIO = '../../../packages/vfio/dist';
const RECORDS = 4;
const STATISTICS_BYTES = 64;
/** Words of a table (`set-table.ts`): how many records were used, and the hash of the first. */
const HIGH = 0;
const HASH = 16;

export async function sets(world: World): Promise<void> {
  const { threads = 2 } = world.parameters as { threads?: number };
  const parent = await ExploredParent.open(world, { gate: 'rwsem' });
  const { SetTable, setTableBytes } = await world.import<typeof TableModule>(`${VFIO}/set-table.js`);
  const { underMutex } = await world.import<typeof MutexModule>(`${VFIO}/under-mutex.js`);
  const layout = await world.import<typeof LayoutModule>('../../../packages/core/dist/mdev/layout.js');
  const records = world.share('records', () => new SharedArrayBuffer(setTableBytes(RECORDS)));
  const inside = parent.word('inside');
  const late = parent.word('late');

  for (let thread = 0; thread < threads; thread++) {
    world.start(`thread ${thread}`, async () => {
      const { memory, device } = world.quietly(() => {
        let opened: BusMemory | undefined;
        parent.actor(thread, (bus) => {
          opened = bus.memory;
          return {};
        });
        const found = opened as BusMemory;
        const index = found.devices.allocate();
        const { words } = found.devices;
        return { memory: found, device: { index, words, offset: found.devices.base(index) + layout.DEVICE_FRAMEWORK } };
      });
      const statistics = new Int32Array(new SharedArrayBuffer(STATISTICS_BYTES));
      const table = SetTable.from({ records, registry: parent.locks.registry, statistics }, memory);
      const set = await table.join(device, 'k');
      for (let step = 0; step < 2; step++) {
        await underMutex(set.mutex, () => {
          if (Atomics.add(inside, 0, 1) !== 0) Atomics.add(late, 0, 1);
          if (!set.members().includes(device.index)) Atomics.add(late, 0, 1);
          Atomics.sub(inside, 0, 1);
        });
      }
      await set.leave();
    });
  }
  world.atThreadEnd(() => parent.demandNothingHeld());
  world.afterwards(() => {
    if (late[0] !== 0) throw new Error('two members of a set were inside at once, or one that is no member');
    const words = new Int32Array(records);
    if (words[HASH] !== 0) throw new Error('a set is left without a member');
    if (words[HIGH] !== 1) throw new Error(`${words[HIGH]} records were used for one set`);
  });
}
