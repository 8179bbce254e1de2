/** One UUID space: a UUID is at one place in the fleet, and comes back after every failure. */
import { MediatedError } from '@mediated/core';
import { jetstreamManager } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { connect } from '@nats-io/transport-node';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LightMachine } from '../../dist-fixtures/live/light-machine.fixture.js';
import { noServer } from '../../dist-fixtures/live/nats-server.fixture.js';
import { codeOf, seen, Stage } from '../../dist-fixtures/live/stage.fixture.js';

const UUID = '83b8f4f2-509f-382f-3c1e-e6bfe0fa1001';

describe.skipIf(noServer !== '')(`UUIDs ${noServer}`, () => {
  let stage: Stage;
  beforeEach(async () => {
    stage = await Stage.begin();
  });
  afterEach(() => stage.end());

  test('of creates of one UUID on all hosts at once exactly one succeeds; the others are EEXIST', async () => {
    const hosts = [await stage.light('a', 99), await stage.light('b', 99), await stage.light('c', 99)];
    for (let round = 0; round < 20; round++) {
      const uuid = `83b8f4f2-509f-382f-3c1e-${String(round).padStart(12, '0')}`;
      const answers = await Promise.all(
        [...hosts, ...hosts].map(({ host }) => codeOf(host.create('light', 'light-1', uuid))),
      );
      expect(answers.sort()).toEqual([uuid, ...Array.from({ length: 5 }, () => 'EEXIST')].sort());
      expect(hosts.filter(({ machine }) => machine.has(uuid))).toHaveLength(1);
    }
  });

  test.each(['EUSERS', 'ENOSPC', 'EIO', 'ENODEV'] as const)(
    'a create that fails with %s gives its UUID back',
    async (code) => {
      const a = await stage.light('a');
      const b = await stage.light('b');
      a.machine.failure = new MediatedError(code, 'the driver says so');
      expect(await codeOf(a.host.create('light', 'light-1', UUID))).toBe(code);
      expect(a.host.reserved).toEqual([]);
      expect(await b.host.create('light', 'light-1', UUID)).toBe(UUID);
    },
  );

  test('an unknown parent is ENODEV, an unknown type ENOENT, nonsense EINVAL, as on one machine', async () => {
    const { host } = await stage.light('a');
    expect(await codeOf(host.create('nothing', 'light-1'))).toBe('ENODEV');
    expect(await codeOf(host.create('light', 'nothing'))).toBe('ENOENT');
    expect(await codeOf(host.create('light', 'light-1', 'nonsense'))).toBe('EINVAL');
    const fleet = await stage.connect();
    expect(await codeOf(fleet.remove('nonsense'))).toBe('EINVAL');
    expect(await codeOf(fleet.remove(UUID))).toBe('ENODEV');
    expect(host.reserved).toEqual([]);
  });

  test('a device that goes on its machine gives its UUID back', async () => {
    const a = await stage.light('a');
    const b = await stage.light('b');
    await a.host.create('light', 'light-1', UUID);
    await a.machine.remove(UUID);
    const fleet = await stage.connect();
    await expect.poll(() => fleet.devices(), { timeout: 10_000 }).toEqual([]);
    expect(await b.host.create('light', 'light-1', UUID)).toBe(UUID);
  });

  test('a device that appears on its machine gets its UUID, or is removed when another host has it', async () => {
    const a = await stage.light('a');
    const b = await stage.light('b');
    const fleet = await stage.connect();
    a.machine.put(UUID);
    await expect.poll(() => fleet.devices(), { timeout: 10_000 }).toMatchObject([{ uuid: UUID, host: 'a' }]);
    b.machine.put(UUID);
    await expect.poll(() => b.machine.devices(), { timeout: 10_000 }).toEqual([]);
    expect(await fleet.devices()).toMatchObject([{ uuid: UUID, host: 'a' }]);
    const refusals = [];
    for await (const event of fleet.events({ all: true, untilNow: true, uuid: UUID })) {
      if (event.action === 'refused') refusals.push(event.host);
    }
    expect(refusals).toEqual(['b']);
  });

  test('a machine that has devices already brings them into the fleet', async () => {
    const machine = new LightMachine();
    machine.put(UUID);
    await stage.join('a', machine);
    const fleet = await stage.connect();
    expect(await fleet.devices()).toMatchObject([{ uuid: UUID, host: 'a' }]);
  });

  test('a UUID of a host that has left or was fenced is taken over by whoever asks for it', async () => {
    const relay = await stage.relay();
    await stage.light('a', 4, { servers: relay.url });
    const b = await stage.light('b');
    const fleet = await stage.connect();
    await fleet.create({ host: 'a', uuids: [UUID] });
    relay.cut();
    await seen(fleet, 'a', 'lost');
    await fleet.fence('a');
    expect(await b.host.create('light', 'light-1', UUID)).toBe(UUID);
  });

  test('a create that is under way when its host is fenced does not succeed, and leaves nothing', async () => {
    const relay = await stage.relay();
    const a = await stage.light('a', 4, { servers: relay.url });
    const b = await stage.light('b');
    const fleet = await stage.connect();
    let go = () => {};
    a.machine.hold = new Promise((resolve) => {
      go = resolve;
    });
    const creating = codeOf(a.host.create('light', 'light-1', UUID));
    await expect.poll(() => a.host.reserved).toEqual([UUID]);
    relay.cut();
    await seen(fleet, 'a', 'lost');
    await fleet.fence('a');
    expect(await b.host.create('light', 'light-1', UUID)).toBe(UUID);
    const rejoined = new Promise((resolve) => a.host.once('rejoined', resolve));
    go();
    relay.heal();
    expect(await creating).toBe('ESTALE');
    await rejoined;
    expect(a.machine.devices()).toEqual([]);
    expect(await fleet.devices()).toMatchObject([{ uuid: UUID, host: 'b' }]);
  });

  test('a reservation whose answer stays out is settled; if it arrives after all, the UUID is free all the same', async () => {
    const relay = await stage.relay();
    const a = await stage.light('a', 4, { servers: relay.url });
    const b = await stage.light('b');
    const connection = await connect({ servers: `127.0.0.1:${stage.server.port}` });
    stage.onEnd(() => connection.close());
    const { streams } = await jetstreamManager(connection);
    const written = async () => (await streams.info('KV_mediated_devices')).state;
    const sent = relay.hold(UUID);
    const create = codeOf(a.host.create('light', 'light-1', UUID));
    await sent;
    relay.sever();
    expect(await create).toBe('EIO');
    // Reserved once more by a connection that works, and given back.
    await expect.poll(written, { timeout: 10_000 }).toMatchObject({ last_seq: 1, messages: 0 });
    expect(a.host.reserved).toEqual([]);
    // The first attempt arrives: a reservation in the name of a host that knows nothing of it.
    await relay.deliver();
    await expect.poll(written, { timeout: 10_000 }).toMatchObject({ last_seq: 2 });
    expect(await b.host.create('light', 'light-1', UUID)).toBe(UUID);
    expect(await codeOf(a.host.create('light', 'light-1', UUID))).toBe('EEXIST');
  });

  test('a create of a UUID that its host is giving back waits for it', async () => {
    const relay = await stage.relay();
    const a = await stage.light('a', 4, { servers: relay.url });
    const b = await stage.light('b');
    const connection = await connect({ servers: `127.0.0.1:${stage.server.port}` });
    stage.onEnd(() => connection.close());
    const asked = connection.subscribe('*.host.a.*.owns')[Symbol.asyncIterator]();
    await connection.flush();
    await a.host.create('light', 'light-1', UUID);
    relay.cut();
    await a.machine.remove(UUID);
    const create = b.host.create('light', 'light-1', UUID);
    await asked.next();
    relay.heal();
    expect(await create).toBe(UUID);
    await expect.poll(() => a.host.reserved).toEqual([]);
  });

  test('a removal that is acknowledged has freed its UUID everywhere', async () => {
    const a = await stage.light('a');
    const b = await stage.light('b');
    const fleet = await stage.connect();
    for (let round = 0; round < 30; round++) {
      const [here, there] = round % 2 === 0 ? [a, b] : [b, a];
      await here.host.create('light', 'light-1', UUID);
      await fleet.remove(UUID);
      expect([here.machine.has(UUID), there.machine.has(UUID)]).toEqual([false, false]);
    }
  });

  test('what another tool has deleted from a bucket leaves the UUID free', async () => {
    const a = await stage.light('a');
    await a.host.create('light', 'light-1', UUID);
    await a.machine.remove(UUID);
    await expect.poll(() => a.host.reserved).toEqual([]);
    const connection = await connect({ servers: `127.0.0.1:${stage.server.port}` });
    const bucket = await new Kvm(connection).open('mediated_devices');
    await bucket.put(UUID, 'nonsense');
    await bucket.delete(UUID);
    await connection.close();
    expect(await a.host.create('light', 'light-1', UUID)).toBe(UUID);
  });
});
