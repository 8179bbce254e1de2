/** Real storms, bounded by their number of operations: that they hold, and that a bus broken on purpose is found out. */
import { counted } from '#dist/counted.js';
import { rage } from '#dist/rage.js';
import { Bench } from '#dist/storm/bench.js';
import { formatReport, verdictOf } from '#dist/storm/report.js';
import { Storm } from '#dist/storm/storm.js';
import { openDevice } from '@mediated/vfio';
import { afterEach, describe, expect, test } from 'vitest';

const LIMITS = { seconds: 0, operations: 2000, clients: 2 };

let bench: Bench | undefined;

afterEach(async () => {
  await bench?.close();
  bench = undefined;
});

async function start(gate: 'rwsem' | 'refcount' | 'srcu' = 'rwsem', cards = 1): Promise<Bench> {
  bench = await Bench.start({ gate, seed: 42, cards, stormParents: 2 });
  return bench;
}

describe('a storm', () => {
  test.each(['rwsem', 'refcount', 'srcu'] as const)(
    'with gate %s holds every invariant and leaves nothing',
    async (gate) => {
      const report = await new Storm(await start(gate), LIMITS).run();
      expect(report.violations).toEqual([]);
      expect(report.checks).toMatchObject({ empty: 1 });
      const done = new Map(report.operations.map(({ operation, done, refusals }) => [operation, { done, refusals }]));
      for (const operation of ['create', 'open', 'access', 'close', 'remove', 'remove file', 'unregister']) {
        expect([operation, done.get(operation as 'create')?.done]).not.toEqual([operation, 0]);
      }
      expect(done.get('open')?.done).toBe(done.get('close')?.done);
      expect(done.get('create')?.refusals.map(([code]) => code)).toContain('EEXIST');
      expect(report.threads.map(({ name }) => name)).toEqual(
        expect.arrayContaining(['main', 'mtty/0', 'storm/0', 'storm/1']),
      );
      const lines = formatReport(report, (_meaning, text) => text, 80);
      for (const line of lines) expect([...line].length).toBeLessThanOrEqual(80);
      expect(lines.filter((line) => line.startsWith('  held'))).toHaveLength(10);
      expect(verdictOf(report)).toMatch(/^[\d,]+ operations in .* s, seed 42, gate .*: every invariant held$/);
    },
  );

  test('is stopped by its signal and then comes to a good end', async () => {
    const controller = new AbortController();
    const progress = () => controller.abort();
    const limits = { ...LIMITS, operations: 0 };
    const report = await new Storm(await start(), limits, { signal: controller.signal, progress }).run();
    expect([report.interrupted, report.violations]).toEqual([true, []]);
  });
});

describe('an unregistering that takes too long', () => {
  test('mdev-core 21: has clients make way, is counted, and goes through', async () => {
    const report = await new Storm(await start('refcount'), LIMITS, { patience: 0 }).run();
    expect(report.violations).toEqual([]);
    expect(report.starved).toBeGreaterThan(0);
    const told = formatReport(report, (_meaning, text) => text, 80).join('\n');
    expect(told).toContain(
      `make way for unregistering ${counted(report.starved, 'time')}, as expected of the refcount gate`,
    );
  });

  test('and never ends, because somebody outside keeps a device open, is a violation', async () => {
    const { bus, parents, uuids } = await start('rwsem', 0);
    const files = await Promise.all(
      parents.map(async ({ name, types }, at) => {
        await bus.parent(name).create(types[0], uuids[at]);
        return openDevice(bus, uuids[at]);
      }),
    );
    const limits = { ...LIMITS, operations: 0 };
    const report = await new Storm(bench as Bench, limits, { patience: 0, stuck: 500 }).run();
    for (const file of files) await file.close();
    expect(report.violations.map(({ invariant }) => invariant)).toContain('the storm goes on');
    expect(report.violations.at(-1)?.text).toMatch(/nothing has ended for 0.5 s; \d+ of \d+ users rest/);
  });
});

describe('a storm over a broken bus ends with a violation', () => {
  test.each<[string, RegExp, (bench: Bench) => unknown]>([
    ['a device slot that nobody gives back', /device slots are in use/, ({ bus }) => bus.memory.devices.allocate()],
    ['a lock that is held', /thread 0 holds or awaits a lock/, ({ bus }) => bus.memory.locks.mutex('lost').tryLock()],
    [
      'a device that ends without a beginning',
      /release of a device that was not there/,
      ({ audit }) => audit.released('storm0', 9, ''),
    ],
    ['a callback after unregistering', /a callback after unregistering/, ({ audit }) => audit.enter('storm1', 3)],
    [
      'an instance that is lost',
      /instances and \d+ devices, at most 7/,
      ({ parents }) => Object.assign(parents[1], { maximum: 7 }),
    ],
    ['an open device', /1 devices are open/, ({ audit }) => [audit.initialized('storm0', 900, ''), audit.opened(900)]],
  ])('%s', async (what, text, sabotage) => {
    const broken = await start('rwsem', 1);
    if (what.startsWith('a callback')) broken.audit.setRegistered('storm1', false);
    sabotage(broken);
    const report = await new Storm(broken, { ...LIMITS, operations: 600 }).run();
    expect(report.violations.map((violation) => violation.text)).toEqual(
      expect.arrayContaining([expect.stringMatching(text)]),
    );
    expect(verdictOf(report)).toContain('VIOLATED');
  });

  test('which is told with the seed, and the exit status is 1', async () => {
    const broken = await start();
    broken.bus.memory.devices.allocate();
    let written = '';
    const output = { write: (text: string) => (written += text) };
    const stage = { output, errors: output, signal: new AbortController().signal };
    const status = await rage(broken, { ...LIMITS, operations: 600 }, stage);
    expect(status).toBe(1);
    expect(written).toMatch(/VIOLATED {2}UUIDs are unique/);
    expect(written.trimEnd().split('\n').at(-1)).toMatch(/seed 42, gate rwsem: VIOLATED UUIDs are unique/);
  });
});
