/** `mediated up --fleet` and `mediated fleet …` as programs, as users run them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { ROOT } from '#dist/pages.js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { NatsServer, noServer } from '../../../packages/fleet/dist-fixtures/live/nats-server.fixture.js';

const MAIN = fileURLToPath(new URL('packages/cli/dist/main.js', ROOT));
const UUID = '83b8f4f2-509f-382f-3c1e-e6bfe0fa1001';

let folder = '';
let server: NatsServer;
const running: ChildProcess[] = [];

describe.skipIf(noServer !== '')(`the commands of a fleet ${noServer}`, () => {
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'mediated-fleet-'));
    writeFileSync(
      join(folder, 'm.json'),
      JSON.stringify({ drivers: [{ driver: 'mtty', parents: [{ name: 'mtty' }] }] }),
    );
    server = await NatsServer.start();
  });
  afterEach(async () => {
    for (const child of running.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    }
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  function start(...words: string[]): ChildProcess {
    const env = { ...process.env, XDG_RUNTIME_DIR: folder, NO_COLOR: '1', NATS_URL: server.url };
    const child = spawn(process.execPath, [MAIN, ...words], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    running.push(child);
    return child;
  }

  async function mediated(...words: string[]) {
    const child = start(...words);
    const texts = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name]?.setEncoding('utf8').on('data', (text: string) => {
        texts[name] += text;
      });
    }
    const [status] = await once(child, 'close');
    return { status, ...texts };
  }

  /** A running host, and what it tells. */
  async function host(name: string, ...words: string[]) {
    const child = start(
      ...['up', '--json', '--no-mount', '--instance', name, '--config', join(folder, 'm.json')],
      ...['--fleet', server.url, '--fleet-host', name, '--fleet-lease', '1500', ...words],
    );
    const events: string[] = [];
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: child.stdout! }).on('line', (line) => {
        const { event } = JSON.parse(line) as { event: string };
        events.push(event);
        if (event === 'ready') resolve();
        if (event === 'failed') reject(new Error(line));
      });
      child.once('exit', (status) => reject(new Error(`it has ended with ${status}`)));
    });
    return { child, events };
  }

  test('two hosts: status, types, create, list, events, remove, top, and leaving with SIGTERM', async () => {
    const hosts = [await host('a', '--fleet-labels', 'zone=x,rack=1'), await host('b')];
    expect(hosts[0].events).toContain('joined');
    const status = JSON.parse((await mediated('fleet', 'status', '--json', '--hosts', '2')).stdout);
    expect(status).toMatchObject([
      { host: 'a', state: 'live', labels: { zone: 'x', rack: '1' } },
      { host: 'b', state: 'live' },
    ]);
    expect((await mediated('fleet', 'types')).stdout).toMatch(/^mtty-1 +48 +2 +vfio-pci +Single port serial$/m);
    const created = await mediated('fleet', 'create', 'mtty-2', '--uuid', UUID, '--attributes', 'zone=x');
    expect(created).toEqual({ status: 0, stdout: `${UUID} a\n`, stderr: '' });
    const refused = await mediated('fleet', 'create', '--api', 'vfio-pci', '--uuid', UUID, '--host', 'b', '--json');
    expect([refused.status, JSON.parse(refused.stdout).failed]).toMatchObject([1, [{ uuid: UUID, code: 'EEXIST' }]]);
    expect(refused.stderr).toMatch(/^mediated: create .* in use on a;/);
    expect(
      (await mediated('fleet', 'create', 'mtty-1', '--count', '3', '--near', 'b')).stdout.match(/ b$/gm),
    ).toHaveLength(3);
    expect((await mediated('fleet', 'list')).stdout).toMatch(new RegExp(`^${UUID} +a +mtty +mtty-2 +live$`, 'm'));
    expect((await mediated('fleet', 'top')).stdout).toMatch(/^2 living hosts, 4 devices; /);
    expect((await mediated('fleet', 'remove', UUID)).status).toBe(0);
    const events = await mediated('fleet', 'events', '--uuid', UUID, '--all', '--until-now', '--durable', 'r');
    expect(events.stdout.match(/ (add|bind|unbind|remove) +a /g)?.map((text) => text.trim().split(' ')[0])).toEqual([
      'add',
      'bind',
      'unbind',
      'remove',
    ]);
    expect((await mediated('fleet', 'events', '--uuid', UUID, '--until-now', '--durable', 'r')).stdout).toBe('');
    expect((await mediated('fleet', 'remove', '--all')).status).toBe(0);
    expect((await mediated('fleet', 'list', '--json')).stdout).toBe('[]\n');
    for (const { child } of hosts) {
      const closed = once(child, 'close');
      child.kill('SIGTERM');
      expect((await closed)[0]).toBe(0);
    }
    expect((await mediated('fleet', 'status')).stdout).toMatch(
      /^a +left +[\s\S]*^b +left +[\s\S]*^0 living hosts, 0 devices$/m,
    );
  });

  test('a device that is made on a host’s own instance is in the fleet, and leaves it with the instance', async () => {
    const { child } = await host('a');
    await mediated('create', 'mtty', 'mtty-1', UUID, '--instance', 'a');
    await expect.poll(async () => (await mediated('fleet', 'list')).stdout, { timeout: 20_000 }).toContain(UUID);
    const closed = once(child, 'close');
    child.kill('SIGTERM');
    expect((await closed)[0]).toBe(0);
    expect((await mediated('fleet', 'list', '--json')).stdout).toBe('[]\n');
  });

  test('a second host of a name is refused in one sentence, and nothing is left of it', async () => {
    await host('a');
    const words = ['up', '--no-mount', '--instance', 'x', '--config', join(folder, 'm.json')];
    const { status, stderr } = await mediated(...words, '--fleet', server.url, '--fleet-host', 'a');
    expect([status, stderr]).toEqual([
      1,
      expect.stringMatching(/^mediated: a host called a is in the fleet and alive.*\n$/),
    ]);
    expect(JSON.parse((await mediated('fleet', 'status', '--json')).stdout)).toHaveLength(1);
  });

  test.each([
    [['fleet', 'status'], 'no host has ever joined a fleet mediated there'],
    [['fleet', 'status', '--server', 'nats://127.0.0.1:1'], 'no NATS server can be reached there'],
    [['fleet', 'status', '--server', 'nonsense'], 'no URL of a NATS server'],
    [['fleet', 'list', '--credentials', '/nowhere'], 'credentials /nowhere: they cannot be read'],
    [['fleet', 'status', '--name', 'a.b'], 'is no name for a fleet'],
  ])('%j is refused in one sentence', async (words, sentence) => {
    const { status, stderr } = await mediated(...words);
    expect([status, stderr]).toEqual([1, expect.stringMatching(/^mediated: .*\n$/)]);
    expect(stderr).toContain(sentence);
  });

  test('words that make no sense together are refused', async () => {
    await host('a');
    for (const words of [
      ['create'],
      ['create', '--attributes', 'x'],
      ['remove'],
      ['remove', UUID, '--all'],
      ['events', '--since', 'yesterday'],
      ['fence', 'a'],
      ['remove', UUID],
    ]) {
      const { status, stderr } = await mediated('fleet', ...words);
      expect([words, status, stderr]).toEqual([words, 1, expect.stringMatching(/^mediated: .*\n$/)]);
    }
  });

  test('without --fleet nothing of fleets is loaded', async () => {
    // The program in a program that hears which scripts the engine reads.
    const probe = `import { Session } from 'node:inspector';
      const session = new Session();
      session.connect();
      const urls = [];
      session.on('Debugger.scriptParsed', ({ params }) => urls.push(params.url));
      session.post('Debugger.enable');
      process.on('exit', () => console.log(urls.filter((url) => /nats|packages.fleet.dist/.test(url)).length, urls.length));
      await import(${JSON.stringify(MAIN)});`;
    writeFileSync(join(folder, 'probe.mjs'), probe);
    const words = ['up', '--no-mount', '--for', '1', '--json', '--config', join(folder, 'm.json')];
    const child = spawn(process.execPath, [join(folder, 'probe.mjs'), ...words], {
      env: { ...process.env, XDG_RUNTIME_DIR: folder, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    running.push(child);
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    await once(child, 'close');
    const [, count, scripts] = /^(\d+) (\d+)$/m.exec(output) ?? [];
    expect(output).toContain('"event":"ready"');
    expect([count, Number(scripts) > 100]).toEqual(['0', true]);
  });
});
