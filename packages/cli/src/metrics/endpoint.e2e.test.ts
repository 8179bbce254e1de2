/** `mediated up --metrics` and `--log`, as programs of their own. */
import { createServer } from 'node:net';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Programs } from '../../dist-fixtures/up/programs.fixture.js';

const UUID = '83b8f4f2-509f-382f-3c1e-e6bfe0fa1001';
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

/** A driver whose thread does not survive one of its types. */
const FRAIL = `import { defineMdevDriver } from '${new URL('../../../core/dist/index.js', import.meta.url).href}';
export default defineMdevDriver({
  name: 'frail',
  types: [{ sysfsName: 'sound' }, { sysfsName: 'deadly' }],
  maxInstances: 4,
  deviceApi: 'vfio-pci',
  start: () => ({ probe: ({ type }) => { if (type.sysfsName === 'deadly') process.exit(3); }, remove: () => {} }),
});
`;

let programs: Programs;
beforeEach(() => {
  programs = new Programs();
});
afterEach(() => programs.close());

/** `mediated up` with options, once it is ready, with what it has written to stderr. */
async function started(...options: string[]) {
  const up = programs.up('--no-mount', ...options);
  const written: string[] = [];
  up.child.stderr?.setEncoding('utf8').on('data', (text: string) => written.push(text));
  const { metrics } = await up.until('ready');
  return { up, url: String(metrics), stderr: () => written.join('') };
}

describe('mediated up --metrics', () => {
  test('what commands do is counted, and read as OpenMetrics until the end', async () => {
    const { up, url } = await started('--metrics', '127.0.0.1:0');
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/metrics$/);
    expect((await programs.mediated('create', 'mtty', 'mtty-1', UUID)).status).toBe(0);
    expect((await programs.mediated('create', 'mtty', 'mtty-1', UUID)).status).toBe(1);
    const answer = await fetch(url);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([
      200,
      'application/openmetrics-text; version=1.0.0; charset=utf-8',
    ]);
    const text = await answer.text();
    expect(text).toContain('mediated_creates_total{parent="mtty",type="mtty-1",result="ok"} 1\n');
    expect(text).toContain('mediated_creates_total{parent="mtty",type="mtty-1",result="EEXIST"} 1\n');
    expect(text).toContain('mediated_devices{parent="mtty",type="mtty-1",state="bound"} 1\n');
    expect(text.endsWith('# EOF\n')).toBe(true);
    expect((await fetch(new URL('/', url))).status).toBe(404);
    expect((await fetch(url, { method: 'POST', body: 'x' })).status).toBe(405);
    expect(await up.end()).toBe(0);
    await expect(fetch(url)).rejects.toThrow();
  });

  test('a thread that dies is counted, and what it does after its restart', async () => {
    writeFileSync(join(programs.folder, 'frail.mjs'), FRAIL);
    programs.configure({ drivers: [{ driver: './frail.mjs', parents: [{ name: 'card' }] }] });
    const { up, url } = await started('--metrics', '[::1]:0');
    expect((await programs.mediated('create', 'card', 'frail-deadly')).status).toBe(1);
    await up.until('threadDied', { restarting: true });
    expect((await programs.mediated('create', 'card', 'frail-sound')).status).toBe(0);
    const text = await (await fetch(url)).text();
    expect(text).toContain('mediated_thread_deaths_total{thread="frail/0"} 1\n');
    expect(text).toContain('mediated_thread_restarts_total{thread="frail/0"} 1\n');
    expect(text).toContain('mediated_creates_total{parent="card",type="frail-sound",result="ok"} 1\n');
    expect(await up.end()).toBe(0);
  });

  test.each(['nonsense', '127.0.0.1', '127.0.0.1:70000', '::1:9464', ''])('--metrics %s is refused', async (place) => {
    const { status, stderr } = await programs.mediated('up', '--no-mount', '--for', '1', `--metrics=${place || ' '}`);
    expect([status, stderr]).toEqual([1, expect.stringMatching(/^mediated: --metrics .*HOST:PORT.*\n$/)]);
  });

  test('a port that is taken is refused in one sentence, and nothing is left', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const place = `127.0.0.1:${(other.address() as { port: number }).port}`;
    const { status, stderr } = await programs.mediated('up', '--no-mount', '--metrics', place);
    other.close();
    expect([status, stderr]).toEqual([1, expect.stringMatching(/^mediated: --metrics .*EADDRINUSE.*\n$/)]);
  });
});

describe('mediated up --log', () => {
  test('json: one object per line, of what happens from the first driver to the last', async () => {
    programs.define('mtty', UUID, { mdev_type: 'mtty-2', start: 'auto' });
    const { up, stderr } = await started('--log', 'json', '--definitions', join(programs.folder, 'd'));
    expect((await programs.mediated('create', 'mtty', 'mtty-1', UUID)).status).toBe(1);
    expect(await up.end()).toBe(0);
    const lines = stderr()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    for (const { time, level, msg } of lines) {
      expect([typeof msg, level]).toEqual(['string', expect.stringMatching(/^(info|warn|error)$/)]);
      expect(new Date(String(time)).toISOString()).toBe(time);
    }
    const told = (wanted: Record<string, unknown>) =>
      expect(lines).toEqual(expect.arrayContaining([expect.objectContaining(wanted)]));
    told({ msg: 'driver loaded', driver: 'mtty', level: 'info' });
    told({ msg: 'parent registered', parent: 'mdpy' });
    told({ msg: 'create', uuid: UUID, parent: 'mtty', thread: 'mtty/0', ms: expect.any(Number) });
    told({ msg: 'create refused', uuid: UUID, code: 'EEXIST', level: 'warn' });
    told({ msg: 'remove', uuid: UUID });
    told({ msg: 'driver unloaded', driver: 'mdpy' });
  });

  test('text: a line each, without colour where it is no terminal, from its level on', async () => {
    const { up, stderr } = await started('--log', 'text', '--log-level', 'warn');
    expect((await programs.mediated('create', 'mtty', 'mtty-1', UUID)).status).toBe(0);
    expect((await programs.mediated('create', 'mtty', 'mtty-1', UUID)).status).toBe(1);
    expect(await up.end()).toBe(0);
    expect(stderr()).toMatch(/^\[\d\d:\d\d:\d\d\.\d+\] WARN: create refused \{.*"code":"EEXIST".*\}\n$/);
  });

  test('any other format is a wrong command line', async () => {
    expect(await programs.mediated('up', '--log', 'xml')).toEqual({
      status: 2,
      stdout: '',
      stderr: 'mediated: --log must be one of off, text, json, not xml\n',
    });
  });
});
