/** Placement over real hosts: where devices go, what is retried elsewhere, what is told. */
import { once } from 'node:events';
import { MediatedError } from '@mediated/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { noServer } from '../../dist-fixtures/live/nats-server.fixture.js';
import { codeOf, seen, Stage } from '../../dist-fixtures/live/stage.fixture.js';

const UUID = '83b8f4f2-509f-382f-3c1e-e6bfe0fa1001';

describe.skipIf(noServer !== '')(`placement ${noServer}`, () => {
  let stage: Stage;
  beforeEach(async () => {
    stage = await Stage.begin();
  });
  afterEach(() => stage.end());

  /** Devices on each host. */
  const counts = (hosts: readonly { machine: { devices(): unknown[] } }[]) =>
    hosts.map(({ machine }) => machine.devices().length);

  test('twenty devices are spread over three hosts', async () => {
    const hosts = [await stage.light('a'), await stage.light('b'), await stage.light('c')];
    const fleet = await stage.connect();
    const steps: number[] = [];
    const { created, failed, doubtful } = await fleet.create({
      type: 'light-1',
      count: 20,
      progress: (done, all) => steps.push(done / all),
    });
    expect([created.length, failed, doubtful]).toEqual([20, [], []]);
    expect(counts(hosts).sort()).toEqual([6, 7, 7]);
    expect(new Set(created.map(({ uuid }) => uuid)).size).toBe(20);
    expect(steps).toEqual(Array.from({ length: 20 }, (_, at) => (at + 1) / 20));
  });

  test('packed, they fill one host after the other', async () => {
    const hosts = [await stage.light('a', 8), await stage.light('b', 8), await stage.light('c', 8)];
    const fleet = await stage.connect();
    await fleet.create({ host: 'b', count: 1 });
    await hosts[1].host.settled();
    await expect.poll(() => fleet.host('b')?.inventory?.devices).toBe(1);
    await fleet.create({ deviceApi: 'vfio-pci', count: 11, policy: 'pack' });
    expect(counts(hosts)).toEqual([4, 8, 0]);
  });

  test('near a device or a host: there first, then where the labels are alike', async () => {
    const at = (zone: string) => ({ labels: { zone } });
    const hosts = [
      await stage.light('a', 4, at('x')),
      await stage.light('b', 2, at('y')),
      await stage.light('c', 2, at('y')),
    ];
    const fleet = await stage.connect();
    await fleet.create({ host: 'c', uuids: [UUID] });
    await expect.poll(() => fleet.host('c')?.inventory?.devices).toBe(1);
    await fleet.create({ count: 3, near: UUID });
    expect(counts(hosts)).toEqual([0, 2, 2]);
    await fleet.create({ count: 1, near: 'b' });
    expect(counts(hosts)).toEqual([1, 2, 2]);
    expect(await codeOf(fleet.create({ near: 'nothing' }))).toBe('ENODEV');
  });

  test('attributes of types and labels of hosts choose', async () => {
    await stage.light('a', 4, { labels: { zone: 'x' } });
    const b = await stage.light('b', 4, { labels: { zone: 'y' } });
    const fleet = await stage.connect();
    const { created } = await fleet.create({ attributes: { name: 'light', zone: 'y' }, count: 4 });
    expect([created.length, b.machine.devices().length]).toEqual([4, 4]);
    const { failed } = await fleet.create({ attributes: { name: 'heavy' } });
    expect(failed.map(({ error }) => error.code)).toEqual(['ENOENT']);
  });

  test.each(['EUSERS', 'ENOSPC', 'ENODEV'] as const)(
    '%s on one host is tried elsewhere, with the same UUID',
    async (code) => {
      const a = await stage.light('a');
      const b = await stage.light('b');
      a.machine.failure = new MediatedError(code, 'the driver says so');
      const fleet = await stage.connect();
      const { created } = await fleet.create({ uuids: [UUID] });
      expect(created).toMatchObject([{ uuid: UUID, host: 'b', parent: 'light', type: 'light-1' }]);
      expect((await fleet.create({ count: 10 })).created).toHaveLength(10);
      expect([a.machine.devices().length, b.machine.devices().length]).toEqual([0, 11]);
      expect(a.host.reserved).toEqual([]);
    },
  );

  test('what does not fit is told for each device, what fits is created', async () => {
    await stage.light('a', 2);
    await stage.light('b', 3);
    const fleet = await stage.connect();
    const { created, failed } = await fleet.create({ count: 9 });
    expect([created.length, failed.map(({ error }) => error.code)]).toEqual([5, Array(4).fill('EUSERS')]);
  });

  test('another error of a driver is the answer, and is not tried elsewhere', async () => {
    const a = await stage.light('a');
    const b = await stage.light('b');
    for (const { machine } of [a, b]) machine.failure = new MediatedError('EPERM', 'the driver says so');
    const fleet = await stage.connect();
    const { failed } = await fleet.create({});
    expect(failed.map(({ error }) => error.code)).toEqual(['EPERM']);
    expect((await fleet.create({ type: 'nothing' })).failed.map(({ error }) => error.code)).toEqual(['ENOENT']);
    expect((await fleet.create({ host: 'nobody' })).failed.map(({ error }) => error.code)).toEqual(['ENODEV']);
    expect(await codeOf(fleet.create({ count: 0 }))).toBe('EINVAL');
    expect(await codeOf(fleet.create({ uuids: [UUID, UUID] }))).toBe('EEXIST');
  });

  test('a host that is cut off in the middle of a placement: what it has not answered for is told, the rest goes elsewhere', async () => {
    const relay = await stage.relay();
    const a = await stage.light('a', 8, { servers: relay.url });
    const b = await stage.light('b', 20);
    const fleet = await stage.connect();
    let go = () => {};
    a.machine.hold = new Promise((resolve) => {
      go = resolve;
    });
    const placing = fleet.create({ count: 16 });
    // Reserved and held: these are the doubtful ones.
    await expect.poll(() => a.host.reserved.length).toBe(8);
    relay.cut();
    await seen(fleet, 'a', 'lost');
    const { created, failed, doubtful } = await placing;
    expect([created.length, failed, doubtful.length]).toEqual([8, [], 8]);
    expect(doubtful.every(({ host, error }) => host === 'a' && error.code === 'EIO')).toBe(true);
    expect(b.machine.devices()).toHaveLength(8);
    const back = once(a.host, 'back');
    relay.heal();
    await back;
    go();
    await expect.poll(async () => (await fleet.devices()).length, { timeout: 10_000 }).toBe(16);
    const uuids = (await fleet.devices()).map(({ uuid }) => uuid);
    expect(uuids).toEqual([...created, ...doubtful].map(({ uuid }) => uuid).sort());
    expect(a.machine.devices()).toHaveLength(8);
  });

  test('a create that is asked twice is done once', async () => {
    const relay = await stage.relay();
    const a = await stage.light('a', 8);
    const fleet = await stage.connect({ servers: relay.url });
    // The client's way is cut after the request went out: it asks again when it is back.
    let go = () => {};
    a.machine.hold = new Promise((resolve) => {
      go = resolve;
    });
    const creating = fleet.create({ uuids: [UUID], deadline: 60_000 });
    await expect.poll(() => a.host.reserved).toEqual([UUID]);
    relay.cut();
    go();
    await expect.poll(() => a.machine.devices().length).toBe(1);
    relay.heal();
    expect((await creating).created).toHaveLength(1);
    expect(a.machine.devices()).toHaveLength(1);
  });

  test('a signal ends a placement between two devices', async () => {
    await stage.light('a', 200);
    const fleet = await stage.connect();
    const controller = new AbortController();
    const { created, failed } = await fleet.create({
      count: 200,
      signal: controller.signal,
      progress: (done) => {
        if (done === 50) controller.abort();
      },
    });
    expect(created.length + failed.length).toBe(200);
    expect(created.length).toBeGreaterThanOrEqual(50);
    expect(failed.length).toBeGreaterThan(0);
    expect(new Set(failed.map(({ error }) => error.code))).toEqual(new Set(['ECANCELED']));
    expect(await fleet.devices()).toHaveLength(created.length);
  });
});
