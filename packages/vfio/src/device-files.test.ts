/** Open, close, read, write, ioctl and mmap of device files, by several clients, with drivers that fail and threads that die. */
import { once } from 'node:events';
import type { Mdev } from '@mediated/core';
import { currentThread } from '@mediated/core/sync';
import { type DeviceFile, InterruptCounter, openDevice, openDeviceSync } from '@mediated/vfio';
import * as sample from '../dist-fixtures/sample.fixture.js';
import { Stage } from '../dist-fixtures/stage.fixture.js';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

const { CLOSES, FAIL, FAILURES, OPENS, RELEASES, WRONG_COUNTS } = sample;

describe('device files', () => {
  let stage: Stage;
  let mdev: Mdev;
  let next = 0;

  beforeAll(async () => {
    stage = await Stage.set();
  });

  afterAll(() => stage[Symbol.asyncDispose]());

  beforeEach(async () => {
    stage.words.fill(0);
    mdev = await stage.create('solo', ++next);
  });

  test('vfio-core 1, 2: first open and last close run once per transition, with an open count of 1', async () => {
    const first = await openDevice(stage.bus, mdev.uuid);
    const second = await openDevice(stage.bus, mdev);
    expect([stage.count(OPENS), stage.count(CLOSES)]).toEqual([1, 0]);
    await first.close();
    expect(stage.count(CLOSES)).toBe(0);
    await second.close();
    expect([stage.count(OPENS), stage.count(CLOSES)]).toEqual([1, 1]);
    await (await openDevice(stage.bus, mdev)).close();
    expect([stage.count(OPENS), stage.count(CLOSES), stage.count(WRONG_COUNTS)]).toEqual([2, 2, 0]);
  });

  test('vfio-core 1, 2: concurrent opens and closes of four threads are paired', async () => {
    const clients = (['openAndClose', 'openAndCloseSync', 'openAndClose', 'openAndCloseSync'] as const).map((job) =>
      stage.client({ uuid: mdev.uuid, job, number: 100 }),
    );
    const values = await Promise.all(clients.map(({ said }) => said));
    expect(values).toEqual(clients.map(() => ({ value: 100 })));
    await Promise.all(clients.map(({ ended }) => ended));
    expect(stage.count(OPENS)).toBeGreaterThan(0);
    expect(stage.count(CLOSES)).toBe(stage.count(OPENS));
    expect(stage.count(WRONG_COUNTS)).toBe(0);
    await mdev.remove();
  });

  test('each open and close is published on the device’s thread, with client and open count', async () => {
    await using own = await Stage.set();
    const device = await own.create('solo');
    await device.storeAttribute('sample/heard', '1');
    const first = await openDevice(own.bus, device);
    const client = own.client({ uuid: device.uuid, job: 'openAndClose', number: 1 });
    await client.ended;
    own.tell(FAIL, FAILURES.openDevice | FAILURES.closeDevice);
    await first.close();
    await expect(openDevice(own.bus, device)).rejects.toMatchObject({ code: 'EIO' });
    const heard = (await device.showAttribute('sample/heard')).split('\n');
    const [mine, other] = heard.map((line) => Number(/by (\d+)/.exec(line)?.[1]));
    expect(mine).toBe(currentThread());
    expect(other).not.toBe(mine);
    expect(heard).toEqual(
      [
        ['open', mine, 1],
        ['open', other, 2],
        ['open', other, 3],
        ['close', other, 2],
        ['close', other, 1],
        ['close', mine, 0],
      ].map(([step, by, open]) => `${step} p solo ${device.uuid} by ${by}, ${open} open`),
    );
  });

  test('reads, writes, ioctls and mmaps reach the driver, bytes of any length', async () => {
    await using file = await openDevice(stage.bus, mdev);
    expect(await file.write(3, Uint8Array.of(1, 2, 3))).toBe(3);
    expect([...(await file.read(2, 5))]).toEqual([0, 1, 2, 3, 0]);
    expect((await file.read(60, 100)).length).toBe(4);
    const argument = Uint8Array.from({ length: 100 }, (_, i) => i);
    expect(await file.ioctl(sample.REVERSE, argument)).toBe(100);
    expect(argument[0]).toBe(99);
    expect(await file.ioctl(sample.REVERSE)).toBe(0);
    expect((await file.mmap(0, 4096)).byteLength).toBe(4096);
  });

  test('an ioctl may signal a counter that is passed with it; what is not passed is EBADF, no counter EINVAL', async () => {
    await using file = await openDevice(stage.bus, mdev);
    const counter = InterruptCounter.create();
    const argument = new Uint8Array(Int32Array.of(7).buffer);
    const waiting = counter.wait();
    await file.ioctl(sample.SIGNAL, argument, new Map([[7, counter.passed]]));
    expect(await waiting).toBe(1);
    await expect(file.ioctl(sample.SIGNAL, argument)).rejects.toMatchObject({ code: 'EBADF' });
    const other = new Map([[7, { kind: 'other' } as const]]);
    await expect(file.ioctl(sample.SIGNAL, argument, other)).rejects.toMatchObject({ code: 'EINVAL' });
  });

  test('a result that is a negative errno fails the ioctl, and the argument comes back as the driver left it', async () => {
    await using file = await openDevice(stage.bus, mdev);
    const argument = Uint8Array.of(1, 2, 3);
    await expect(file.ioctl(sample.REFUSE, argument)).rejects.toMatchObject({ code: 'ENOSPC', syscall: 'ioctl' });
    expect([...argument]).toEqual([3, 2, 1]);
  });

  test('an ioctl may give a file of its own: it outlives the file that it came from, and is released once', async () => {
    const file = await openDevice(stage.bus, mdev);
    const scrap = file.anonymous(await file.ioctl(sample.SCRAP));
    await file.close();
    expect(await scrap.write(0, Uint8Array.of(7, 8))).toBe(2);
    expect([...(await scrap.read(0, 8))]).toEqual([7, 8]);
    const memory = await scrap.mmap(4, 8);
    memory[0] = 9;
    expect([memory.length, (await scrap.mmap(0, 4096))[4]]).toEqual([8, 9]);
    await expect(scrap.size()).rejects.toMatchObject({ code: 'ESPIPE' });
    await expect(scrap.ioctl(1)).rejects.toMatchObject({ code: 'EINVAL' });
    await scrap.close();
    await scrap.close();
    await expect(scrap.read(0, 1)).rejects.toMatchObject({ code: 'EBADF' });
    await using again = await openDevice(stage.bus, mdev);
    expect(await again.ioctl(sample.SCRAPS_RELEASED)).toBe(1);
  });

  test('operations on a closed file are EBADF; closing again is not', async () => {
    const file = await openDevice(stage.bus, mdev);
    await file.close();
    await file.close();
    for (const operation of [file.read(0, 1), file.write(0, new Uint8Array(1)), file.ioctl(1), file.mmap(0, 1)]) {
      await expect(operation).rejects.toMatchObject({ code: 'EBADF', errno: -9 });
    }
  });

  test('positions that are none are EINVAL', async () => {
    await using file = await openDevice(stage.bus, mdev);
    await expect(file.read(-1, 1)).rejects.toMatchObject({ code: 'EINVAL' });
    await expect(file.write(0.5, new Uint8Array(1))).rejects.toMatchObject({ code: 'EINVAL' });
  });

  test('vfio-core 3: a failing open_device leaves everything as it was', async () => {
    stage.tell(FAIL, FAILURES.openDevice);
    const refused = openDevice(stage.bus, mdev);
    await expect(refused).rejects.toMatchObject({
      code: 'EIO',
      message: expect.stringContaining('openDevice was told to'),
    });
    expect(stage.count(CLOSES)).toBe(0);
    stage.tell(FAIL, 0);
    await (await openDevice(stage.bus, mdev)).close();
    expect([stage.count(OPENS), stage.count(CLOSES)]).toEqual([2, 1]);
    stage.tell(FAIL, FAILURES.openDevice);
    await expect(openDevice(stage.bus, mdev)).rejects.toMatchObject({ code: 'EIO' });
    await mdev.remove();
  });

  test('a close whose driver callback fails closes all the same', async () => {
    stage.tell(FAIL, FAILURES.closeDevice);
    await (await openDevice(stage.bus, mdev)).close();
    stage.tell(FAIL, 0);
    await (await openDevice(stage.bus, mdev)).close();
    expect([stage.count(OPENS), stage.count(CLOSES)]).toEqual([2, 2]);
    await mdev.remove();
  });

  test.each(['read', 'write', 'ioctl', 'mmap'] as const)(
    'what %s throws reaches its caller as EIO with its cause',
    async (name) => {
      await using file = await openDevice(stage.bus, mdev);
      stage.tell(FAIL, FAILURES[name]);
      const calls = {
        read: () => file.read(0, 1),
        write: () => file.write(0, new Uint8Array(1)),
        ioctl: () => file.ioctl(sample.THREAD),
        mmap: () => file.mmap(0, 1),
      };
      const cause = expect.objectContaining({ message: `${name} was told to` });
      await expect(calls[name]()).rejects.toMatchObject({ code: 'EIO', syscall: name, cause });
    },
  );

  test('a callback that returns nonsense is EIO', async () => {
    await using file = await openDevice(stage.bus, mdev);
    await expect(file.ioctl(sample.NONSENSE)).rejects.toMatchObject({
      code: 'EIO',
      message: expect.stringContaining('0.5'),
    });
  });

  test('a close waits for the calls under way on its file, which see an open count of 1', async () => {
    stage.shut();
    const file = await openWhileShut(stage, mdev);
    const call = file.ioctl(sample.WAIT);
    const closed = file.close();
    // Messages of one thread to another are handled in order: when this is answered, both have begun.
    const second = await openDevice(stage.bus, mdev);
    expect(stage.count(CLOSES)).toBe(0);
    await second.close();
    stage.unshut();
    expect(await call).toBe(1);
    await closed;
    expect(stage.count(CLOSES)).toBe(1);
  });

  test('a blocking open on an event loop is EDEADLK', () => {
    expect(() => openDeviceSync(stage.bus, mdev)).toThrow(expect.objectContaining({ code: 'EDEADLK' }));
  });

  test('vfio-core 5: no such device is ENODEV', async () => {
    await expect(openDevice(stage.bus, 'ffffffff-0000-0000-0000-000000000000')).rejects.toMatchObject({
      code: 'ENODEV',
      syscall: 'open',
    });
    await mdev.remove();
    await expect(openDevice(stage.bus, mdev)).rejects.toMatchObject({ code: 'ENODEV' });
  });

  test('vfio-core 12: the files of a client thread that dies are closed', async () => {
    const { said, ended } = stage.client({ uuid: mdev.uuid, job: 'openAndDie' });
    expect(await said).toEqual({ value: 'open' });
    await ended;
    // Waits for the last close; without it, it would not end.
    await mdev.remove();
    expect([stage.count(OPENS), stage.count(CLOSES), stage.count(RELEASES)]).toEqual([1, 1, 1]);
  });

  test('vfio-core 12: the files of a client thread that leaves are closed', async () => {
    const { said, ended } = stage.client({ uuid: mdev.uuid, job: 'openAndLeave' });
    expect(await said).toEqual({ value: 'left' });
    await mdev.remove();
    expect(stage.count(CLOSES)).toBe(1);
    await ended;
  });

  test('a file that is being opened for a client that dies is closed when it is open', async () => {
    stage.shut();
    const { said, ended } = stage.client({ uuid: mdev.uuid, job: 'openingAndDie' });
    await said;
    await ended;
    stage.unshut();
    await mdev.remove();
    expect(stage.count(CLOSES)).toBe(stage.count(OPENS));
  });

  test('a driver is pinned while a device of it is open', async () => {
    const file = await openDevice(stage.bus, mdev);
    await expect(stage.runtime.unloadDriver('sample')).rejects.toMatchObject({ code: 'EAGAIN' });
    await file.close();
  });
});

/** The first open passes the gate, which is shut again afterwards. */
async function openWhileShut(stage: Stage, mdev: Mdev): Promise<DeviceFile> {
  stage.unshut();
  const file = await openDevice(stage.bus, mdev);
  stage.shut();
  return file;
}

test('a thread that stops in good order closes what is open on it', async () => {
  const stage = await Stage.set();
  await using _ = stage;
  const file = await openDevice(stage.bus, await stage.create('solo'));
  await stage.runtime.system.stopThread('sample/0');
  expect([stage.count(OPENS), stage.count(CLOSES), stage.count(WRONG_COUNTS)]).toEqual([1, 1, 0]);
  await expect(file.read(0, 1)).rejects.toMatchObject({ code: 'EIO' });
  await file.close();
});

test('a driver without callbacks: opens succeed, every operation is EINVAL', async () => {
  const stage = await Stage.set();
  await using _ = stage;
  await stage.runtime.loadDriver(new URL('../dist-fixtures/bare.fixture.js', import.meta.url), {
    parents: [{ name: 'b' }],
  });
  const mdev = await stage.bus.parent('b').create('bare-any');
  await using file = await openDevice(stage.bus, mdev);
  for (const operation of [file.read(0, 1), file.write(0, new Uint8Array(1)), file.ioctl(1), file.mmap(0, 1)]) {
    await expect(operation).rejects.toMatchObject({ code: 'EINVAL' });
  }
});

test("a driver's thread dies: its files are EIO, also when it runs again, and closing them is no error", async () => {
  const stage = await Stage.set();
  await using _ = stage;
  const mdev = await stage.create('solo');
  const file = await openDevice(stage.bus, mdev);
  const restarted = once(stage.runtime.system.events, 'threadRestart');
  await expect(file.ioctl(sample.DIE)).rejects.toMatchObject({ code: 'EIO' });
  await restarted;
  const again = await stage.create('solo');
  expect(again.uuid).toBe(mdev.uuid);
  const other = await openDevice(stage.bus, again);
  await expect(file.read(0, 1)).rejects.toMatchObject({ code: 'EIO' });
  await file.close();
  await other.write(0, Uint8Array.of(5));
  await other.close();
});
