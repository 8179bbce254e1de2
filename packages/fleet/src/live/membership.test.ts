/** Who may join, and what happens to those who crash, are cut off or are fenced. */
import { createServer } from 'node:net';
import { once } from 'node:events';
import { Fleet, FleetHost } from '@mediated/fleet';
import { jetstream } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { connect } from '@nats-io/transport-node';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LightMachine } from '../../dist-fixtures/live/light-machine.fixture.js';
import { freePort, noServer } from '../../dist-fixtures/live/nats-server.fixture.js';
import { codeOf, LEASE, seen, Stage } from '../../dist-fixtures/live/stage.fixture.js';

const UUID = '83b8f4f2-509f-382f-3c1e-e6bfe0fa1001';

describe.skipIf(noServer !== '')(`a fleet ${noServer}`, () => {
  let stage: Stage;
  beforeEach(async () => {
    stage = await Stage.begin();
  });
  afterEach(() => stage.end());

  test('two hosts of one name: the second is refused with EADDRINUSE, and the first goes on', async () => {
    const { host } = await stage.light('a');
    const epoch = host.epoch;
    const second = FleetHost.join(new LightMachine(), { servers: stage.server.url, host: 'a' });
    await expect(second).rejects.toThrow(/a host called a is in the fleet and alive/);
    expect(await codeOf(second)).toBe('EADDRINUSE');
    expect([host.epoch, host.held]).toEqual([epoch, true]);
  });

  test('a name that was left is free at once', async () => {
    const { host } = await stage.light('a');
    await host.close();
    const again = await stage.light('a');
    expect(again.host.held).toBe(true);
  });

  test('a host that is cut off is seen to be lost, its UUIDs are held, and are its own again when it is back', async () => {
    const relay = await stage.relay();
    const { host, machine } = await stage.light('a', 4, { servers: relay.url });
    await stage.light('b');
    const fleet = await stage.connect();
    await fleet.create({ host: 'a', uuids: [UUID] });
    relay.cut();
    await seen(fleet, 'a', 'lost');
    expect(await fleet.devices()).toMatchObject([{ uuid: UUID, state: 'lost' }]);
    expect(await codeOf(fleet.remove(UUID))).toBe('EIO');
    const other = await fleet.create({ host: 'b', uuids: [UUID] });
    expect(other.failed.map(({ error }) => error.code)).toEqual(['EEXIST']);
    expect(host.held).toBe(false);
    relay.heal();
    await seen(fleet, 'a', 'live');
    expect(await fleet.devices()).toMatchObject([{ uuid: UUID, state: 'live' }]);
    await fleet.remove(UUID);
    expect(machine.devices()).toEqual([]);
  });

  test('a living host is not fenced', async () => {
    await stage.light('a');
    const fleet = await stage.connect();
    expect(await codeOf(fleet.fence('a'))).toBe('EBUSY');
    expect(await codeOf(fleet.fence('nobody'))).toBe('ENODEV');
    expect(fleet.host('a')?.state).toBe('live');
  });

  test('a fenced host frees its UUIDs at once; when it is back it removes its devices and joins with a new epoch', async () => {
    const relay = await stage.relay();
    const { host, machine } = await stage.light('a', 4, { servers: relay.url });
    const b = await stage.light('b');
    const fleet = await stage.connect();
    const epoch = host.epoch;
    await fleet.create({ host: 'a', uuids: [UUID] });
    await fleet.create({ host: 'a', count: 2 });
    relay.cut();
    await seen(fleet, 'a', 'lost');
    expect(await fleet.fence('a')).toBe(3);
    expect(await fleet.devices()).toEqual([]);
    // On a starved machine it may have lost its lease too, for a moment.
    await seen(fleet, 'b', 'live');
    const moved = await fleet.create({ host: 'b', uuids: [UUID] });
    expect(moved).toMatchObject({ created: [{ uuid: UUID }], failed: [], doubtful: [] });
    const rejoined = once(host, 'rejoined');
    relay.heal();
    const [anew] = await rejoined;
    expect(anew).not.toBe(epoch);
    expect(machine.devices()).toEqual([]);
    expect(b.machine.has(UUID)).toBe(true);
    await seen(fleet, 'a', 'live');
    expect(await fleet.devices()).toMatchObject([{ uuid: UUID, host: 'b', state: 'live' }]);
    expect((await fleet.create({ host: 'a', count: 4 })).created).toHaveLength(4);
  });

  test('whoever takes the name of a host that is cut off ends its epoch: it removes its devices and is out', async () => {
    const relay = await stage.relay();
    const { host, machine } = await stage.light('a', 4, { servers: relay.url });
    const fleet = await stage.connect();
    await fleet.create({ host: 'a', uuids: [UUID] });
    relay.cut();
    await seen(fleet, 'a', 'lost');
    await stage.light('a');
    expect(await fleet.devices()).toEqual([]);
    const out = once(host, 'out');
    relay.heal();
    const [error] = await out;
    expect(error.code).toBe('EADDRINUSE');
    expect(machine.devices()).toEqual([]);
    expect(await codeOf(host.create('light', 'light-1'))).toBe('ESTALE');
  });

  test('a host that is cut off refuses creates on its own machine through the fleet', async () => {
    const relay = await stage.relay();
    const { host, machine } = await stage.light('a', 4, { servers: relay.url });
    const fleet = await stage.connect();
    relay.cut();
    await seen(fleet, 'a', 'lost');
    expect(await codeOf(host.create('light', 'light-1'))).toBe('ESTALE');
    expect(machine.devices()).toEqual([]);
    const back = once(host, 'back');
    relay.heal();
    await back;
    await host.create('light', 'light-1');
  });

  test('a host that has taken its lease is live when it goes by it, not before', async () => {
    const { host } = await stage.light('a');
    const connection = await connect({ servers: `127.0.0.1:${stage.server.port}` });
    stage.onEnd(() => connection.close());
    const kvm = new Kvm(connection);
    const put = async (bucket: string, key: string, value: object) => {
      await (await kvm.open(`mediated_${bucket}`)).put(key, JSON.stringify({ v: 1, ...value }));
    };
    const fleet = await stage.connect();
    const epoch = '0123456789abcdef';
    for (const [name, state] of [
      ['b', 'taken'],
      ['c', 'held'],
    ]) {
      await put('hosts', `host.${name}`, { name, epoch, state: 'up', term: 1, labels: {} });
      await put('inventories', name, { epoch, devices: 0, number: 1, parents: [] });
      await put('leases', name, { epoch, state });
    }
    // The later of two leases: the one before it was seen too.
    await seen(fleet, 'c', 'live');
    expect([fleet.host('a')?.epoch, fleet.host('a')?.state]).toEqual([host.epoch, 'live']);
    expect(fleet.host('b')?.state).not.toBe('live');
    await put('leases', 'b', { epoch, state: 'held' });
    await seen(fleet, 'b', 'live');
  });

  test('a server that is killed and started again loses no host, no device and no lease', async () => {
    const { host } = await stage.light('a');
    const fleet = await stage.connect();
    const { created } = await fleet.create({ host: 'a', count: 5 });
    const epoch = host.epoch;
    await stage.server.kill();
    await stage.server.begin();
    await seen(fleet, 'a', 'live');
    const more = await fleet.create({ host: 'a', count: 1 });
    expect(more.created).toHaveLength(1);
    expect(host.epoch).toBe(epoch);
    const uuids = [...created, ...more.created].map(({ uuid }) => uuid).sort();
    expect((await fleet.devices()).map(({ uuid }) => uuid)).toEqual(uuids);
  });

  test('a fleet of another version is refused, by hosts and clients, and left alone', async () => {
    await (await stage.light('a')).host.close();
    const connection = await connect({ servers: stage.server.url.replace('nats://', '') });
    const record = JSON.stringify({ v: 2, lease: LEASE, replicas: 1 });
    await jetstream(connection).publish('$KV.mediated_hosts.fleet', record);
    await connection.close();
    const joining = FleetHost.join(new LightMachine(), { servers: stage.server.url, host: 'b' });
    await expect(joining).rejects.toThrow(/version 2 of the fleet's protocol; this program speaks 1/);
    expect(await codeOf(Fleet.connect({ servers: stage.server.url }))).toBe('EPROTO');
  });

  test('a lease or a number of replicas that is not the fleet’s is refused', async () => {
    await stage.light('a');
    const join = (options: object) =>
      FleetHost.join(new LightMachine(), { servers: stage.server.url, host: 'b', ...options });
    expect(await codeOf(join({ lease: LEASE + 1 }))).toBe('EINVAL');
    expect(await codeOf(join({ replicas: 3 }))).toBe('EINVAL');
    expect((await stage.connect()).hosts().map(({ name }) => name)).toEqual(['a']);
  });

  test.each(['', 'a.b', 'ä', '-', 'x'.repeat(64)])('%j is no name for a host or a fleet', async (name) => {
    const { url: servers } = stage.server;
    expect(await codeOf(FleetHost.join(new LightMachine(), { servers, host: name }))).toBe('EINVAL');
    expect(await codeOf(Fleet.connect({ servers, fleet: name }))).toBe('EINVAL');
  });

  test('a fleet that nobody has joined is ENODEV for clients', async () => {
    expect(await codeOf(Fleet.connect({ servers: stage.server.url }))).toBe('ENODEV');
  });
});

describe.skipIf(noServer !== '')(`servers ${noServer}`, () => {
  test('nobody answers: ECONNREFUSED', async () => {
    const servers = `nats://127.0.0.1:${await freePort()}`;
    expect(await codeOf(FleetHost.join(new LightMachine(), { servers, host: 'a' }))).toBe('ECONNREFUSED');
  });

  test('what answers is no NATS server: EPROTO', async () => {
    const server = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const servers = `nats://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
    expect(await codeOf(Fleet.connect({ servers, timeout: 1000 }))).toBe('EPROTO');
    server.close();
  });

  test('a server without JetStream: EOPNOTSUPP', async () => {
    const stage = await Stage.begin({ jetstream: false });
    expect(await codeOf(stage.light('a'))).toBe('EOPNOTSUPP');
    await stage.end();
  });

  test('wrong credentials, and those of another account: EACCES', async () => {
    const accounts = ['a', 'b'].map(
      (name) => `${name} { jetstream: enabled, users: [{ user: ${name}, password: pw }] }`,
    );
    const stage = await Stage.begin({ configuration: `accounts { ${accounts.join('\n')} }` });
    const as = (user: string, password = 'pw') => stage.server.url.replace('nats://', `nats://${user}:${password}@`);
    expect(await codeOf(stage.light('h', 1, { servers: as('a', 'wrong') }))).toBe('EACCES');
    expect(await codeOf(stage.light('h', 1))).toBe('EACCES');
    expect(await codeOf(stage.light('h', 1, { servers: as('a'), account: 'b' }))).toBe('EACCES');
    await stage.light('h', 1, { servers: as('a'), account: 'a' });
    // Another account does not see the fleet, and its commands reach nobody.
    expect(await codeOf(stage.connect({ servers: as('b') }))).toBe('ENODEV');
    expect((await stage.connect({ servers: as('a') })).hosts()).toHaveLength(1);
    await stage.end();
  });

  test.each(['http://127.0.0.1:1', 'nonsense', 'nats://'])('%s is no URL of a server: EINVAL', async (servers) => {
    expect(await codeOf(Fleet.connect({ servers }))).toBe('EINVAL');
  });
});
