/** The stream of events: what is told, in which order, to whom how often. */
import { once } from 'node:events';
import type { Fleet, FleetEvent } from '@mediated/fleet';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { noServer } from '../../dist-fixtures/live/nats-server.fixture.js';
import { codeOf, seen, Stage } from '../../dist-fixtures/live/stage.fixture.js';

const UUID = '83b8f4f2-509f-382f-3c1e-e6bfe0fa1001';

describe.skipIf(noServer !== '')(`events ${noServer}`, () => {
  let stage: Stage;
  beforeEach(async () => {
    stage = await Stage.begin();
  });
  afterEach(() => stage.end());

  async function read(fleet: Fleet, options: Parameters<Fleet['events']>[0] = {}): Promise<FleetEvent[]> {
    const events: FleetEvent[] = [];
    for await (const event of fleet.events({ all: true, untilNow: true, ...options })) events.push(event);
    return events;
  }

  test('the life of a device and of its host, replayed from a sequence number or a time', async () => {
    const { host } = await stage.light('a');
    const fleet = await stage.connect();
    await fleet.create({ uuids: [UUID] });
    await fleet.remove(UUID);
    await host.settled();
    const events = await read(fleet);
    expect(events.map(({ action, uuid }) => [action, uuid])).toEqual([
      ['joined', undefined],
      ['add', UUID],
      ['remove', UUID],
    ]);
    const [joined, add, remove] = events;
    expect(await read(fleet, { all: false, sequence: add.sequence })).toEqual([add, remove]);
    expect(await read(fleet, { all: false, since: joined.time })).toEqual(events);
    expect(await read(fleet, { uuid: UUID })).toEqual([add, remove]);
    expect(await read(fleet, { host: 'b' })).toEqual([]);
    expect(await codeOf(read(fleet, { since: new Date(), sequence: 1 }))).toBe('EINVAL');
    expect(await codeOf(read(fleet, { uuid: 'nonsense' }))).toBe('EINVAL');
  });

  test('a storm of devices: each event once, those of one device in their order', async () => {
    const { host } = await stage.light('a', 64);
    const fleet = await stage.connect();
    for (let round = 0; round < 5; round++) {
      const { created } = await fleet.create({ count: 40 });
      await Promise.all(created.map(({ uuid }) => fleet.remove(uuid)));
    }
    await host.settled();
    const events = (await read(fleet)).filter(({ uuid }) => uuid !== undefined);
    expect(events).toHaveLength(400);
    expect(new Set(events.map(({ number }) => number)).size).toBe(400);
    const perDevice = new Map<string, string[]>();
    for (const { uuid = '', action } of events) perDevice.set(uuid, [...(perDevice.get(uuid) ?? []), action]);
    expect([...perDevice.values()].every((actions) => actions.join() === 'add,remove')).toBe(true);
  });

  test('a durable reader goes on where it was, and an event counts as read when the next one is asked for', async () => {
    const { host } = await stage.light('a');
    const fleet = await stage.connect();
    await fleet.create({ count: 5 });
    await host.settled();
    const whole = (await read(fleet)).map(({ sequence }) => sequence);
    const numbers: number[] = [];
    for await (const { sequence } of fleet.events({ all: true, durable: 'r' })) {
      numbers.push(sequence);
      if (numbers.length === 3) break;
    }
    // The third was begun and not finished.
    const rest = await read(fleet, { durable: 'r' });
    expect([...numbers.slice(0, 2), ...rest.map(({ sequence }) => sequence)]).toEqual(whole);
    expect(await read(fleet, { durable: 'r' })).toEqual([]);
    await fleet.forgetReader('r');
    expect(await read(fleet, { durable: 'r' })).toHaveLength(whole.length);
  });

  test('of two readers with one name the slower one is told EBUSY', async () => {
    const { host } = await stage.light('a');
    const fleet = await stage.connect();
    await fleet.create({ count: 3 });
    await host.settled();
    const slow = fleet.events({ all: true, durable: 'r' });
    await slow.next();
    await read(fleet, { durable: 'r' });
    expect(await codeOf(slow.next())).toBe('EBUSY');
  });

  test('events that happen while the server is away are told when it is back, once', async () => {
    const { host, machine } = await stage.light('a', 400);
    const fleet = await stage.connect();
    await host.settled();
    const uuids = Array.from({ length: 300 }, (_, at) => UUID.slice(0, -4) + String(at).padStart(4, '0'));
    for (const uuid of uuids.slice(0, 150)) machine.put(uuid);
    await stage.server.kill();
    for (const uuid of uuids.slice(150)) machine.put(uuid);
    await stage.server.begin();
    await host.settled();
    const added = (await read(fleet)).filter(({ action }) => action === 'add').map(({ uuid }) => uuid);
    expect(added).toHaveLength(300);
    expect(added.sort()).toEqual(uuids);
  });

  test('a follower hears on after the server was killed', async () => {
    const { host } = await stage.light('a');
    const fleet = await stage.connect();
    const heard: string[] = [];
    const controller = new AbortController();
    const following = (async () => {
      for await (const { action, uuid } of fleet.events({ signal: controller.signal, all: true })) {
        heard.push(action);
        if (uuid === UUID) return;
      }
    })();
    await expect.poll(() => heard).toEqual(['joined']);
    await stage.server.kill();
    await stage.server.begin();
    await seen(fleet, 'a', 'live');
    await expect.poll(() => codeOf(host.create('light', 'light-1', UUID)), { timeout: 20_000 }).toBe(UUID);
    await following;
    expect(heard.filter((action) => action === 'add')).toEqual(['add']);
  });

  test('a host that is lost is told once, with each of its devices, whoever has a seat; and that it is back', async () => {
    const relay = await stage.relay();
    const { host } = await stage.light('a', 4, { servers: relay.url });
    for (const name of ['b', 'c', 'd', 'e']) await stage.light(name);
    const fleet = await stage.connect();
    await fleet.create({ host: 'a', uuids: [UUID] });
    await host.settled();
    const told: FleetEvent[] = [];
    const controller = new AbortController();
    const following = (async () => {
      for await (const event of fleet.events({ signal: controller.signal, host: 'a' })) told.push(event);
    })();
    relay.cut();
    await expect.poll(() => told.length, { timeout: 20_000 }).toBe(2);
    const back = once(host, 'back');
    relay.heal();
    await back;
    await expect.poll(() => told.length, { timeout: 20_000 }).toBe(4);
    expect(told.map(({ action, uuid }) => [action, uuid])).toEqual([
      ['lost', UUID],
      ['lost', undefined],
      ['back', undefined],
      ['back', UUID],
    ]);
    controller.abort();
    await following;
  });

  test('a reader that does not read holds up nobody', async () => {
    const { host } = await stage.light('a', 600);
    const fleet = await stage.connect();
    const slow = fleet.events({ all: true });
    await slow.next();
    const { created } = await fleet.create({ count: 500 });
    expect(created).toHaveLength(500);
    await host.settled();
    expect(await read(await stage.connect())).toHaveLength(501);
    let count = 1;
    for await (const _ of slow) if (++count === 501) break;
  });
});
