/** vfio_ap on two threads, with a third changing the bus: no queue has two holders, and the dead hold nothing. */
import type { Mdev } from '@mediated/core';
import { apqn } from '@mediated/vendors/ap';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DIE, DIE_INSIDE } from '../../dist-fixtures/ap/paged.fixture.js';
import { ApStage, FREE, guestMatrix, matrix } from '../../dist-fixtures/ap/stage.fixture.js';

const PLUGGED = { adapters: { 0: 13, 1: 13, 2: 13, 3: 13 }, domains: [0, 1, 2, 3] };
let stage: ApStage;

beforeEach(async () => {
  stage = await ApStage.set({ ...FREE, ...PLUGGED });
});
afterEach(() => stage.runtime.close());

/** The last digit chooses the thread. */
const uuidOf = (number: number) => `${number.toString(16).padStart(8, '0')}-0000-0000-0000-000000000000`;
const queues = async (mdev: Mdev) => (await matrix(mdev)).split('\n').filter((line) => line.length === 7);
const outcome = (asked: Promise<unknown>): Promise<string> =>
  asked.then(
    () => 'ok',
    (error: { code: string }) => error.code,
  );

describe('concurrent assignment', () => {
  test('ap 1: of eight devices on two threads that want one queue at once, one gets it', async () => {
    const mdevs = await Promise.all(Array.from({ length: 8 }, (_, i) => stage.device([0], [], uuidOf(i))));
    expect(new Set(mdevs.map(({ shard }) => shard)).size).toBe(2);
    for (let round = 0; round < 10; round++) {
      const outcomes = await Promise.all(mdevs.map((mdev) => outcome(mdev.storeAttribute('assign_domain', '0'))));
      expect(outcomes.sort()).toEqual([...new Array(7).fill('EADDRINUSE'), 'ok']);
      await Promise.all(mdevs.map((mdev) => mdev.storeAttribute('unassign_domain', '0')));
    }
  });

  test('ap 1, 2: assignments, configurations, masks and bindings at once, on three threads', async () => {
    const mdevs = await Promise.all(Array.from({ length: 6 }, (_, i) => stage.create(uuidOf(i))));
    // A fixed sequence of numbers that looks random.
    let state = 1;
    const next = (below: number) => {
      state = Math.imul(state, 1664525) + 1013904223;
      return (state >>> 16) % below;
    };
    for (let round = 0; round < 30; round++) {
      const asked = mdevs.flatMap((mdev) => {
        const verb = next(3) === 0 ? 'unassign' : 'assign';
        return [
          outcome(mdev.storeAttribute(`${verb}_adapter`, `${next(4)}`)),
          outcome(mdev.storeAttribute(`${verb}_domain`, `${next(4)}`)),
          ...(next(4) === 0
            ? [outcome(mdev.storeAttribute('ap_config', `${next(16).toString(16)},${next(16).toString(16)},`))]
            : []),
        ];
      });
      asked.push(outcome(stage.bus[next(2) === 0 ? 'bind' : 'unbind'](apqn(next(4), next(4)))));
      asked.push(outcome(stage.bus.writeMask('apmask', next(2) === 0 ? `+${next(4)}` : '0x0')));
      asked.push(outcome(stage.bus.writeMask('aqmask', next(2) === 0 ? `+${next(4)}` : '0x0')));
      expect(['ok', 'EADDRINUSE', 'EADDRNOTAVAIL', 'EBUSY', 'ENODEV']).toEqual(
        expect.arrayContaining(await Promise.all(asked)),
      );
      const held = (await Promise.all(mdevs.map(queues))).flat();
      expect(new Set(held).size).toBe(held.length);
      const [owned, ownedDomains] = [stage.bus.apmask, stage.bus.aqmask].map((text) => Number.parseInt(text[2], 16));
      for (const name of held) {
        const [adapter, domain] = name.split('.').map((part) => Number.parseInt(part, 16));
        expect((owned & (8 >> adapter)) !== 0 && (ownedDomains & (8 >> domain)) !== 0).toBe(false);
      }
    }
    await Promise.all(mdevs.map((mdev) => mdev.remove()));
    await stage.bus.writeMask('apmask', '0x0');
    await stage.bus.writeMask('aqmask', '0x0');
    const free = await stage.device([0, 1, 2, 3], [0, 1, 2, 3]);
    expect((await queues(free)).length).toBe(16);
  });

  test('devices that come and go with queues give them back', async () => {
    const lives = Array.from({ length: 4 }, async (_, i) => {
      for (let round = 0; round < 5; round++) {
        const mdev = await stage.device([i], [0, 1, 2, 3], uuidOf(i + 16 * round));
        expect((await queues(mdev)).length).toBe(4);
        await mdev.remove();
      }
    });
    await Promise.all(lives);
    expect(await stage.bus.status(apqn(3, 3))).toBe('unassigned\n');
  });
});

describe('death of a thread of the driver', () => {
  test('its devices hold no queue and no guest any more', async () => {
    const dead = await stage.device([0], [0, 1], uuidOf(0));
    const other = await stage.device([0], [2], uuidOf(1));
    const guest = await stage.bus.createGuest();
    await guest.connect(dead);
    const file = await stage.open(dead);
    await guest.interrupt(file, { apqn: apqn(0, 0), enable: true, isc: 1, nib: 0x1000n });
    await expect(file.ioctl(DIE)).rejects.toMatchObject({ code: 'EIO' });
    await other.storeAttribute('assign_domain', '1');
    expect(await guestMatrix(other)).toBe('00.0001\n00.0002\n');
    expect([await guest.masks(), (await guest.registrations())[1]]).toEqual([
      { adapters: [], domains: [], controlDomains: [] },
      0,
    ]);
    await guest.connect(other);
    const again = await stage.open(other);
    expect(await guest.masks()).toMatchObject({ adapters: [0], domains: [1, 2] });
    await again.close();
  });

  test('in the middle of an operation: the next one puts things in order', async () => {
    const dead = await stage.device([0], [0], uuidOf(0));
    const other = await stage.device([1], [0, 1], uuidOf(1));
    const guest = await stage.bus.createGuest();
    const doomed = await stage.bus.createGuest();
    await guest.connect(other);
    await doomed.connect(dead);
    const file = await stage.open(other);
    const lost = await stage.open(dead);
    await expect(lost.ioctl(DIE_INSIDE)).rejects.toMatchObject({ code: 'EIO' });
    expect(await guestMatrix(other)).toBe('01.0000\n01.0001\n');
    expect(await guest.masks()).toMatchObject({ adapters: [1], domains: [0, 1] });
    expect(await doomed.masks()).toMatchObject({ adapters: [], domains: [] });
    expect(await stage.bus.status(apqn(1, 1))).toBe('in use\n');
    expect(await stage.bus.status(apqn(0, 0))).toBe('unassigned\n');
    await other.storeAttribute('assign_adapter', '0');
    expect((await guest.masks()).adapters).toEqual([0, 1]);
    await file.close();
  });
});
