/** A thousand light hosts: status, placement and events hold up. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Fleet } from '@mediated/fleet';
import { afterEach, describe, expect, test } from 'vitest';
import { NatsServer, noServer } from '../../dist-fixtures/live/nats-server.fixture.js';

const PROGRAM = fileURLToPath(new URL('../../dist-fixtures/live/crowd.fixture.js', import.meta.url));
const PROCESSES = 2;
const EACH = 500;
/** Milliseconds: a thousand hosts on two busy cores renew theirs in time. */
const LEASE = 15_000;

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function crowd(url: string, prefix: string): Promise<ChildProcess> {
  const child = fork(PROGRAM, [url, prefix, String(EACH), String(LEASE)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  ends.push(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  });
  const [word] = await once(child, 'message');
  expect(word).toBe('ready');
  return child;
}

describe.skipIf(noServer !== '')(`a thousand hosts ${noServer}`, () => {
  test('all are seen, devices are spread over all of them, their events are all there, and half of them die', async () => {
    const server = await NatsServer.start();
    ends.push(() => server.stop());
    const [first] = await Promise.all(Array.from({ length: PROCESSES }, (_, at) => crowd(server.url, `h${at}-`)));
    const hosts = PROCESSES * EACH;
    const fleet = await Fleet.connect({ servers: server.url });
    ends.push(() => fleet.close());
    expect(fleet.hosts().filter(({ state }) => state === 'live')).toHaveLength(hosts);

    const { created, failed, doubtful } = await fleet.create({ type: 'light-1', count: hosts });
    expect([created.length, failed, doubtful]).toEqual([hosts, [], []]);
    expect(new Set(created.map(({ host }) => host)).size).toBe(hosts);
    const packed = await fleet.create({ type: 'light-1', count: 30, policy: 'pack' });
    expect(packed.created).toHaveLength(30);

    const uuids = [...created, ...packed.created].map(({ uuid }) => uuid).sort();
    const heard: string[] = [];
    let joined = 0;
    for await (const { action, uuid } of fleet.events({ all: true })) {
      if (action === 'joined') joined++;
      if (action === 'add' && uuid !== undefined) heard.push(uuid);
      if (heard.length === uuids.length && joined === hosts) break;
    }
    expect(heard.sort()).toEqual(uuids);

    const lost = new Promise<void>((resolve) => {
      const stop = fleet.onHostState(() => {
        if (fleet.hosts().filter(({ state }) => state === 'lost').length < EACH) return;
        stop();
        resolve();
      });
    });
    first.kill('SIGKILL');
    await lost;
    const states = (await fleet.devices()).map(({ state }) => state);
    expect(states.length).toBe(uuids.length);
    expect(states.filter((state) => state === 'live').length).toBe(
      [...created, ...packed.created].filter(({ host }) => host.startsWith('h1-')).length,
    );
    expect(fleet.hosts().filter(({ state }) => state === 'live')).toHaveLength(EACH);
  });
});
