/** Messages of others, clocks that are wrong, and TLS. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@nats-io/transport-node';
import { Kvm } from '@nats-io/kv';
import { afterEach, describe, expect, test } from 'vitest';
import { HostProcess } from '../../dist-fixtures/live/host-process.fixture.js';
import { noServer } from '../../dist-fixtures/live/nats-server.fixture.js';
import { codeOf, LEASE, seen, Stage } from '../../dist-fixtures/live/stage.fixture.js';

const UUID = '83b8f4f2-509f-382f-3c1e-e6bfe0fa1001';

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function begin(options: Parameters<typeof Stage.begin>[0] = {}): Promise<Stage> {
  const stage = await Stage.begin(options);
  ends.push(() => stage.end());
  return stage;
}

async function plain(stage: Stage) {
  const connection = await connect({ servers: `127.0.0.1:${stage.server.port}` });
  ends.push(() => connection.close());
  return connection;
}

describe.skipIf(noServer !== '')(`a hostile world ${noServer}`, () => {
  test.each([
    ['nonsense', 'should be JSON'],
    ['{"v":1}', 'should be text'],
    ['{"v":2,"uuid":"x"}', 'version 2'],
    [JSON.stringify({ v: 1, uuid: UUID, parent: 'light', type: 'light-1', request: '../x' }), 'should be text like'],
    [JSON.stringify({ v: 1, uuid: `${UUID}*`, parent: 'light', type: 'light-1', request: 'x' }), 'should be text like'],
    [JSON.stringify({ v: 1, uuid: UUID, parent: 'p'.repeat(300), type: 'light-1', request: 'x' }), 'at most 255'],
  ])('a command %s is answered with EPROTO, and the host goes on', async (text, sentence) => {
    const stage = await begin();
    const { host, machine } = await stage.light('a');
    const connection = await plain(stage);
    const answer = await connection.request(`mediated.host.a.${host.epoch}.create`, text);
    expect(answer.json()).toMatchObject({
      v: 1,
      error: { code: 'EPROTO', message: expect.stringContaining(sentence) },
    });
    await host.create('light', 'light-1', UUID);
    expect(machine.has(UUID)).toBe(true);
  });

  test('nonsense in the buckets and the stream is passed over', async () => {
    const stage = await begin();
    await stage.light('a');
    const fleet = await stage.connect();
    const connection = await plain(stage);
    for (const bucket of ['hosts', 'leases', 'inventories', 'devices']) {
      const opened = await new Kvm(connection).open(`mediated_${bucket}`);
      for (const key of ['nonsense', 'host.b', 'b', 'seat.9', 'a.b.c', 'constructor'])
        await opened.put(key, '{"v":1,"x":');
    }
    connection.publish('mediated.event.a.nonsense', 'nonsense');
    await connection.flush();
    const { created } = await fleet.create({ uuids: [UUID] });
    expect(created).toHaveLength(1);
    const second = await stage.connect();
    expect(second.hosts().map(({ name, state }) => [name, state])).toEqual([['a', 'live']]);
    expect(await second.devices()).toMatchObject([{ uuid: UUID, host: 'a' }]);
    const actions: string[] = [];
    for await (const { action } of second.events({ all: true })) {
      actions.push(action);
      if (action === 'add') break;
    }
    expect(actions).toEqual(['joined', 'add']);
  });

  test.each([-86_400_000, 86_400_000])(
    'a host whose clock is %i ms wrong is alive, and lost as any other',
    async (skew) => {
      const stage = await begin();
      const host = await HostProcess.start('a', { servers: stage.server.url, lease: LEASE, skew });
      ends.push(() => host.kill());
      const fleet = await stage.connect();
      await seen(fleet, 'a', 'live');
      expect((await fleet.create({ type: 'mtty-1', uuids: [UUID] })).created).toHaveLength(1);
      // Longer than a lease: it renews.
      host.signal('SIGSTOP');
      await seen(fleet, 'a', 'lost');
      host.signal('SIGCONT');
      await seen(fleet, 'a', 'live');
      await fleet.remove(UUID);
      expect((await host.report()).reserved).toEqual([]);
    },
  );

  test('TLS as the server has it: with its authority; without, the connection is refused', async ({ skip }) => {
    const folder = mkdtempSync(join(tmpdir(), 'mediated-tls-'));
    ends.push(async () => rmSync(folder, { recursive: true, force: true }));
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    try {
      const words = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'];
      const names = ['-addext', 'subjectAltName=IP:127.0.0.1'];
      execFileSync('openssl', [...words, ...names, '-keyout', key, '-out', cert], { stdio: 'ignore' });
    } catch {
      skip('there is no openssl on this machine');
    }
    const stage = await begin({ configuration: `tls { cert_file: "${cert}", key_file: "${key}" }` });
    const servers = stage.server.url.replace('nats:', 'tls:');
    await stage.light('a', 4, { servers, tls: { caFile: cert } });
    const fleet = await stage.connect({ servers, tls: { caFile: cert } });
    expect((await fleet.create({ count: 2 })).created).toHaveLength(2);
    expect(['ECONNREFUSED', 'EPROTO', 'EACCES']).toContain(await codeOf(stage.connect({ servers })));
  });
});
