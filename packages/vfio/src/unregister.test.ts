/** Registration and unregistration: uevents, numbers, the wait for users, requests, failures on the way. */
import type { Runtime, Uevent } from '@mediated/core';
import { DEVICE_IDS } from '@mediated/core';
import { type DeviceFile, interruptRemoval, openDevice } from '@mediated/vfio';
import * as sample from '../dist-fixtures/sample.fixture.js';
import { Stage, uuidOf } from '../dist-fixtures/stage.fixture.js';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

const { FAIL, FAILURES, INITS, RELEASES, REQUESTS } = sample;

const advance = (file: DeviceFile, milliseconds: number) =>
  file.ioctl(sample.ADVANCE_CLOCK, new Uint8Array(Uint32Array.of(milliseconds).buffer));

describe('a registered device', () => {
  let stage: Stage;
  let uevents: Uevent[];

  beforeAll(async () => {
    stage = await Stage.set();
    stage.bus.events.on('uevent', (event) => uevents.push(event));
  });

  afterAll(() => stage[Symbol.asyncDispose]());

  beforeEach(() => {
    forget();
    stage.words.fill(0);
  });

  function forget(): void {
    stage.bus.drainEvents();
    uevents = [];
  }

  const drained = () => {
    stage.bus.drainEvents();
    return uevents.map(({ variables }) =>
      variables
        .filter(([name]) => name !== 'SEQNUM')
        .map(([, value]) => value)
        .join(' '),
    );
  };

  const device = '/devices/virtual/sample/p/00000001-0000-0000-0000-000000000000';
  const created = [
    `add ${device} mdev`,
    'add /devices/virtual/vfio/0 vfio 245 0 vfio/0',
    `add ${device}/vfio-dev/vfio0 vfio-dev`,
    `bind ${device} mdev sample`,
  ];
  const gone = ['remove /devices/virtual/vfio/0 vfio 245 0 vfio/0', `unbind ${device} mdev`, `remove ${device} mdev`];

  test('its uevents are those that a kernel sent, and numbers are reused at once', async () => {
    for (let round = 0; round < 2; round++) {
      forget();
      const mdev = await stage.create('solo', 1);
      expect(drained()).toEqual(created);
      forget();
      await mdev.remove();
      expect(drained()).toEqual([`remove ${device}/vfio-dev/vfio0 vfio-dev`, ...gone]);
    }
    expect([stage.count(INITS), stage.count(RELEASES)]).toEqual([2, 2]);
  });

  test('vfio-core 4, 5, 32: removal waits for the last close; until then open files work and nobody opens anew', async () => {
    const mdev = await stage.create('solo', 1);
    const file = await openDevice(stage.bus, mdev);
    forget();
    let removed = false;
    const removal = mdev.remove().then(() => {
      removed = true;
    });
    await expect(openDevice(stage.bus, mdev)).rejects.toMatchObject({ code: 'ENODEV' });
    await expect(openDevice(stage.bus, mdev.uuid)).rejects.toMatchObject({ code: 'ENODEV' });
    await expect(stage.create('solo', 1)).rejects.toMatchObject({ code: 'EEXIST' });
    await file.write(0, Uint8Array.of(7));
    expect([...(await file.read(0, 1))]).toEqual([7]);
    expect(drained()).toEqual([`remove ${device}/vfio-dev/vfio0 vfio-dev`]);
    expect(mdev.presence).toMatchObject({ directory: true, bus: false, driver: false });
    const other = await stage.create('solo', 2);
    const [group, number] = idsOf(stage.runtime, other.index);
    expect([group, number]).toEqual([1, 1]);
    expect([removed, stage.count(RELEASES)]).toEqual([false, 0]);
    forget();
    await file.close();
    await removal;
    expect(drained()).toEqual(gone);
    expect(stage.count(RELEASES)).toBe(1);
    await other.remove();
  });

  test('vfio-core 4: the driver is asked at once and then every 10 seconds', async () => {
    const mdev = await stage.create('solo', 3);
    const file = await openDevice(stage.bus, mdev);
    const removal = mdev.remove();
    await advance(file, 0);
    expect(stage.count(REQUESTS)).toBe(1);
    await advance(file, 9_999);
    expect(stage.count(REQUESTS)).toBe(1);
    await advance(file, 1);
    expect(stage.count(REQUESTS)).toBe(2);
    stage.tell(FAIL, FAILURES.request);
    await advance(file, 10_000);
    expect(stage.count(REQUESTS)).toBe(3);
    await advance(file, 10_000);
    expect(stage.count(REQUESTS)).toBe(4);
    await file.close();
    await removal;
  });

  test('vfio-core 4: a signal has the driver asked again at once, the first one only', async () => {
    const mdev = await stage.create('solo', 6);
    const file = await openDevice(stage.bus, mdev);
    expect(await interruptRemoval(stage.bus, mdev)).toBe(false);
    const removal = mdev.remove();
    await advance(file, 4_000);
    expect(stage.count(REQUESTS)).toBe(1);
    expect(await interruptRemoval(stage.bus, mdev)).toBe(true);
    expect(stage.count(REQUESTS)).toBe(2);
    expect(await interruptRemoval(stage.bus, mdev)).toBe(false);
    // Ten seconds from then on.
    await advance(file, 9_999);
    expect(stage.count(REQUESTS)).toBe(2);
    await advance(file, 1);
    expect(stage.count(REQUESTS)).toBe(3);
    await file.close();
    await removal;
    expect(await interruptRemoval(stage.bus, mdev)).toBe(false);
  });

  test('vfio-core 4: nobody is asked when the device is not in use', async () => {
    await (await stage.create('solo', 4)).remove();
    expect(stage.count(REQUESTS)).toBe(0);
  });

  test('an unbound device has given everything back, and can still be removed', async () => {
    const mdev = await stage.create('solo', 5);
    await stage.bus.unbind('sample', mdev.uuid);
    expect(idsOf(stage.runtime, mdev.index)).toEqual([-1, -1]);
    expect(stage.count(RELEASES)).toBe(1);
    await expect(openDevice(stage.bus, mdev)).rejects.toMatchObject({ code: 'ENODEV' });
    await mdev.remove();
  });

  test('vfio-core 8: a failing init leaves no number and runs no release', async () => {
    stage.tell(FAIL, FAILURES.init);
    await expect(stage.create('pair', 6)).rejects.toMatchObject({ code: 'EIO' });
    stage.tell(FAIL, 0);
    const mdev = await stage.create('solo', 6);
    expect(idsOf(stage.runtime, mdev.index)).toEqual([0, 0]);
    expect(stage.count(RELEASES)).toBe(0);
    await mdev.remove();
  });

  test('a registration that fails after init runs release once', async () => {
    stage.tell(FAIL, FAILURES.deviceSet);
    await expect(stage.create('pair', 7)).rejects.toMatchObject({ code: 'EIO' });
    expect([stage.count(INITS), stage.count(RELEASES)]).toEqual([1, 1]);
    stage.tell(FAIL, 0);
    await (await stage.create('solo', 7)).remove();
  });

  test('a failing release hook does not keep a device', async () => {
    const mdev = await stage.create('solo', 8);
    stage.tell(FAIL, FAILURES.release);
    await mdev.remove();
    stage.tell(FAIL, 0);
    await (await stage.create('solo', 8)).remove();
  });

  test('unregistering the parent waits for users too', async () => {
    const mdev = await stage.create('solo', 9);
    const file = await openDevice(stage.bus, mdev);
    const unregistered = stage.runtime.unregisterParent('p');
    await advance(file, 0);
    await file.close();
    await unregistered;
    expect(stage.bus.mdev(uuidOf(9))).toBeUndefined();
    expect(stage.count(RELEASES)).toBe(1);
  });
});

/** Group and device number of a slot; -1 for none. */
function idsOf(runtime: Runtime, index: number): number[] {
  const { devices } = runtime.bus.memory;
  const at = devices.base(index) + DEVICE_IDS;
  return [devices.words[at] - 1, devices.words[at + 1] - 1];
}
