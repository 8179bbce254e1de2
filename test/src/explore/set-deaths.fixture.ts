/**
 * A scenario: devices on two threads join a device set, are inside its mutex, and leave; a thread may die at any step, and
 * the supervisor lets go of what it held. Nobody stays counted as a member, no record is lost, and the set can be joined again.
 */
import type { BusMemory } from '@mediated/core';
import type { World } from '@mediated/explorer';
import type * as MemoryModule from '../../../packages/core/dist/memory/index.js';
import type * as LayoutModule from '../../../packages/core/dist/mdev/layout.js';
import type * as MutexModule from '../../../packages/vfio/dist/under-mutex.js';
import type * as TableModule from '../../../packages/vfio/dist/set-table.js';
import { demand, openYard } from './yard.fixture.js';

const CORE = '../../../packages/core/dist';
const VFIO = '../../../packages/vfio/dist';
const MEMBERS = 2;
const RECORDS = 4;
const STATISTICS_BYTES = 64;

export async function setDeaths(world: World): Promise<void> {
  const { sync, table, data, lock } = await openYard(world);
  const { Arena } = await world.import<typeof MemoryModule>(`${CORE}/memory/index.js`);
  const { DEVICE_FRAMEWORK, DEVICE_WORDS } = await world.import<typeof LayoutModule>(`${CORE}/mdev/layout.js`);
  const { SetTable, recoverSets, setTableBytes } = await world.import<typeof TableModule>(`${VFIO}/set-table.js`);
  const { underMutex } = await world.import<typeof MutexModule>(`${VFIO}/under-mutex.js`);
  const registry = lock('registry', (space) => space.mutex('device set registry'));
  const records = world.share('records', () => new SharedArrayBuffer(setTableBytes(RECORDS)));
  const { arena, slots } = world.share('devices', () => {
    const made = Arena.create({ capacity: 32, slotWords: DEVICE_WORDS });
    return { arena: made.handle, slots: Array.from({ length: MEMBERS }, () => made.allocate()) };
  });
  const devices = Arena.from(arena);
  const handle = { records, registry, statistics: new Int32Array(new SharedArrayBuffer(STATISTICS_BYTES)) };
  const memory = { devices } as unknown as BusMemory;
  const deviceOf = (slot: number) => ({
    index: slot,
    words: devices.words,
    offset: devices.base(slot) + DEVICE_FRAMEWORK,
  });
  if (world.thread >= 0) recoverSets(handle);

  // Word 0: how many are inside; word 1: deaths.
  for (const [member, slot] of slots.entries()) {
    world.start(`member ${member}`, async () => {
      const set = await SetTable.from(handle, memory).join(deviceOf(slot), 'k');
      await underMutex(set.mutex, () => {
        demand(Atomics.add(data, 0, 1) === 0 || Atomics.load(data, 1) > 0, 'two members are inside');
        demand(set.members().includes(slot), 'one is inside that is no member');
        Atomics.sub(data, 0, 1);
      });
      await set.leave();
    });
  }
  world.whenKilled((thread) => {
    Atomics.add(data, 1, 1);
    table.reap(thread, { keep: true });
  });
  world.afterwards(() => {
    const own = { ...handle, registry: { ...registry, threads: sync.ThreadTable.current().buffer } };
    const sets = SetTable.from(own, memory);
    const { free, all } = sets.vacancies();
    demand(free.length <= 1, `${free.length} records were used for one set`);
    for (const count of free) demand(count === all, `${all - count} are left as members of a set`);
    const anew = sets.join(deviceOf(slots[0] as number), 'other');
    demand(!(anew instanceof Promise), 'a mutex is left held');
    demand(sets.vacancies().free.length === 1, 'the record of the set that has ended is not used again');
    demand(!(anew.leave() instanceof Promise), 'a mutex is left held');
  });
}
