/**
 * A scenario: a client opens and closes a vfio device while it is removed, or its parent is unregistered, from another
 * thread; vfio's own driver and files on the device's thread. `parameters`: see {@link OpenPlan}.
 */
import type { World } from '@mediated/explorer';
import type { BusMemory } from '@mediated/core';
import type { DeviceOperations } from '@mediated/vfio';
import type * as FilesModule from '../../../packages/vfio/dist/device-files.js';
import type * as RecordsModule from '../../../packages/vfio/dist/control/group-records.js';
import type * as DriverModule from '../../../packages/vfio/dist/vfio-driver.js';
import type { VfioShared } from '../../../packages/vfio/dist/supervise.js';
import type * as SyncModule from '../../../packages/core/dist/sync/index.js';
import { ask, leave, serve } from './protocols-mail.fixture.js';
import { ASKERS, ExploredParent, until } from './protocols-parent.fixture.js';

export interface OpenPlan {
  /** What ends the device meanwhile. */
  readonly end: 'unregister' | 'remove';
  /** Whether first opens, and last closes, wait until another thread lets them go on. */
  readonly slow?: 'open' | 'close';
  /** How many files the client opens. */
  readonly files?: number;
}

const VFIO = '../../../packages/vfio/dist';
/** Words of the statistics of device sets. */
const STATISTICS = 64;
const MOST_SETS_BYTES = 4096;

export async function opens(world: World): Promise<void> {
  const { end, slow, files: wanted = 1 } = world.parameters as unknown as OpenPlan;
  const parent = await ExploredParent.open(world, { gate: 'rwsem' });
  const { DeviceFiles } = await world.import<typeof FilesModule>(`${VFIO}/device-files.js`);
  const { GroupRecords } = await world.import<typeof RecordsModule>(`${VFIO}/control/group-records.js`);
  const { VfioDriver } = await world.import<typeof DriverModule>(`${VFIO}/vfio-driver.js`);
  const { Semaphore } = await world.import<typeof SyncModule>('../../../packages/core/dist/sync/index.js');
  const { mail } = parent;
  const share = (name: string) => world.share(name, () => new Int32Array(new SharedArrayBuffer(4)));
  const [ready, opened, closed] = ['ready', 'opened', 'closed'].map(share);

  /** The vendor's callbacks: each is counted, and none may run when unregistration has returned. */
  function operations(): DeviceOperations<object> {
    const count = (word: Int32Array<SharedArrayBuffer>) => {
      Atomics.add(word, 0, 1);
      if (Atomics.load(parent.word('over'), 0) !== 0) Atomics.add(parent.word('late'), 0, 1);
    };
    const held = (name: OpenPlan['slow']) => (slow === name ? until(parent.word('go')) : undefined);
    return {
      clock: { after: () => () => {} },
      init() {
        count(parent.word('probes'));
        return {};
      },
      release: () => count(parent.word('removes')),
      openDevice() {
        count(opened);
        return held('open');
      },
      closeDevice() {
        const waiting = held('close');
        return waiting === undefined ? count(closed) : waiting.then(() => count(closed));
      },
    };
  }

  function driverOn(memory: BusMemory): InstanceType<typeof VfioDriver<object>> {
    const shared = {
      sets: {
        records: new SharedArrayBuffer(MOST_SETS_BYTES),
        registry: parent.locks.registry,
        statistics: new Int32Array(new SharedArrayBuffer(STATISTICS)),
      },
      groups: GroupRecords.create(32).handle,
    };
    return new VfioDriver(
      'explored',
      memory,
      Semaphore.from(parent.locks.pins),
      shared as unknown as VfioShared,
      operations(),
    );
  }

  world.start('home', async () => {
    const home = world.quietly(() => parent.actor(0));
    await until(ready);
    if (end === 'unregister') await parent.unregister(home);
    else {
      await ask(mail, 0, 'remove');
      Atomics.store(parent.word('over'), 0, 1);
    }
    leave(mail, 0);
  });
  world.start('shard', async () => {
    let files: InstanceType<typeof DeviceFiles> | undefined;
    const shard = world.quietly(() =>
      parent.actor(1, (bus) => {
        const driver = driverOn(bus.memory);
        files = new DeviceFiles(bus, driver, 1);
        return driver;
      }),
    );
    const answer = parent.answerer(shard, files);
    world.quietly(() => void answer('create', Int32Array.of(1)));
    Atomics.store(ready, 0, 1);
    Atomics.notify(ready, 0);
    await serve(mail, ASKERS, answer);
  });
  world.start('client', async () => {
    await until(ready);
    const files: number[] = [];
    for (let n = 0; n < wanted; n++) {
      const file = (await ask(mail, 1, 'open')) as number;
      if (file > 0) files.push(file);
    }
    for (const file of files) await ask(mail, 1, 'close', file);
    leave(mail, 1);
  });
  if (slow !== undefined) world.start('user', () => parent.letEnd());
  world.afterwards(() => {
    if (opened[0] !== closed[0]) throw new Error(`opened ${opened[0]} times, closed ${closed[0]} times`);
  });
  parent.checkAfterwards();
}
