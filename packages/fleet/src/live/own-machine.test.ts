/** Creates on a host's own machine, from any of its threads, ask the fleet first. */
import { once } from 'node:events';
import { Runtime } from '@mediated/core';
import { mttyUrl } from '@mediated/vendors';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { noServer } from '../../dist-fixtures/live/nats-server.fixture.js';
import { codeOf, seen, Stage } from '../../dist-fixtures/live/stage.fixture.js';

const UUID = '83b8f4f2-509f-382f-3c1e-e6bfe0fa1001';

describe.skipIf(noServer !== '')(`creates on a host’s own machine ${noServer}`, () => {
  let stage: Stage;
  let runtime: Runtime;
  beforeEach(async () => {
    stage = await Stage.begin();
    runtime = Runtime.start();
    await runtime.loadDriver(mttyUrl, { threads: 2, parents: [{ name: 'mtty0', threads: 2 }, { name: 'mtty1' }] });
  });
  afterEach(async () => {
    await stage.end();
    await runtime.close();
  });

  test('reserve first: a UUID that another host has is EEXIST, and no device ever appears', async () => {
    const other = await stage.light('a');
    await stage.join('b', runtime);
    await other.host.create('light', 'light-1', UUID);
    const events: string[] = [];
    runtime.bus.events.on('uevent', ({ action }) => events.push(action));
    expect(await codeOf(runtime.bus.parent('mtty0').create('mtty-1', UUID))).toBe('EEXIST');
    runtime.bus.drainEvents();
    expect(events).toEqual([]);
    const fleet = await stage.connect();
    await fleet.remove(UUID);
    await runtime.bus.parent('mtty0').create('mtty-1', UUID);
    expect(await fleet.devices()).toMatchObject([{ uuid: UUID, host: 'b', parent: 'mtty0', type: 'mtty-1' }]);
    expect(await codeOf(other.host.create('light', 'light-1', UUID))).toBe('EEXIST');
  });

  test('as fast as they can, create and remove the same UUID: no EEXIST, and nothing is left', async () => {
    const host = await stage.join('b', runtime);
    for (let round = 0; round < 40; round++) {
      const mdev = await runtime.bus.parent(`mtty${round % 2}`).create('mtty-1', UUID);
      await mdev.remove();
    }
    await expect.poll(() => host.reserved).toEqual([]);
    expect(await (await stage.connect()).devices()).toEqual([]);
  });

  test('one that fails has given its UUID back when its error is answered', async () => {
    const other = await stage.light('a');
    const host = await stage.join('b', runtime);
    const card = runtime.bus.parent('mtty1');
    await Promise.all(Array.from({ length: 24 }, () => card.create('mtty-1')));
    expect(await codeOf(card.create('mtty-1', UUID))).toBe('ENOSPC');
    expect(host.reserved).toHaveLength(24);
    expect(await other.host.create('light', 'light-1', UUID)).toBe(UUID);
    expect(await codeOf(card.create('nothing', UUID))).toBe('ENOENT');
  });

  test('the local EEXIST is the answer for a device that is there', async () => {
    await stage.join('b', runtime);
    await runtime.bus.parent('mtty0').create('mtty-1', UUID);
    expect(await codeOf(runtime.bus.parent('mtty1').create('mtty-1', UUID))).toBe('EEXIST');
    expect((await (await stage.connect()).devices()).map(({ parent }) => parent)).toEqual(['mtty0']);
  });

  test('a host that is cut off creates nothing; one that has left is a machine of its own again', async () => {
    const relay = await stage.relay();
    const host = await stage.join('b', runtime, { servers: relay.url });
    const fleet = await stage.connect();
    const card = runtime.bus.parent('mtty0');
    relay.cut();
    await seen(fleet, 'b', 'lost');
    expect(await codeOf(card.create('mtty-1', UUID))).toBe('ESTALE');
    const back = once(host, 'back');
    relay.heal();
    await back;
    await (await card.create('mtty-1', UUID)).remove();
    await host.close();
    await card.create('mtty-1', UUID);
    expect(await fleet.devices()).toEqual([]);
  });

  test('a runtime is in one fleet at a time', async () => {
    await stage.join('b', runtime);
    expect(await codeOf(stage.join('c', runtime, { fleet: 'other' }))).toBe('EBUSY');
    await runtime.bus.parent('mtty0').create('mtty-1', UUID);
    expect(await (await stage.connect()).devices()).toHaveLength(1);
  });
});
