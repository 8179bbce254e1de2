/** What the metrics count, against what was done to a runtime. */
import { channel } from 'node:diagnostics_channel';
import { Runtime } from '@mediated/core';
import { mdpyUrl, mttyUrl } from '@mediated/vendors';
import { openDevice } from '@mediated/vfio';
import fc from 'fast-check';
import parsePrometheusTextFormat from 'parse-prometheus-text-format';
import { Metrics } from '#dist/metrics/metrics.js';
import { ThreadTally } from '#dist/metrics/thread-tally.js';
import { describe, expect, onTestFinished, test } from 'vitest';

/** Samples of a metric as `label=value,...: number`. */
function samples(text: string, name: string): string[] {
  const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  return lines.map((line) =>
    line
      .slice(name.length)
      .replace(/^\{(.*)\}/, '$1:')
      .replaceAll('"', ''),
  );
}

async function started(): Promise<{ runtime: Runtime; metrics: Metrics }> {
  const runtime = Runtime.start();
  onTestFinished(() => runtime.close());
  await runtime.loadDriver(mttyUrl, { threads: 2, parents: [{ name: 'mtty', threads: 2 }] });
  const metrics = await Metrics.start(runtime);
  onTestFinished(() => metrics.stop());
  return { runtime, metrics };
}

describe('the metrics of a runtime', () => {
  test('count creates, removals and opens by their results, on all threads, and the devices that are there', async () => {
    const { runtime, metrics } = await started();
    const parent = runtime.bus.parent('mtty');
    const uuids = [1, 2, 3, 4].map((n) => `83b8f4f2-509f-382f-3c1e-e6bfe0fa100${n}`);
    const made = await Promise.all(uuids.map((uuid) => parent.create('mtty-2', uuid)));
    await expect(parent.create('mtty-2', uuids[0])).rejects.toMatchObject({ code: 'EEXIST' });
    await Promise.allSettled(Array.from({ length: 20 }, () => parent.create('mtty-2')));
    const file = await openDevice(runtime.bus, made[0]);
    await file.close();
    await made[1].remove();
    const text = await metrics.text();
    expect(samples(text, 'mediated_creates_total').sort()).toEqual([
      'parent=mtty,type=mtty-2,result=EEXIST: 1',
      'parent=mtty,type=mtty-2,result=ENOSPC: 12',
      'parent=mtty,type=mtty-2,result=ok: 12',
    ]);
    expect(samples(text, 'mediated_opens_total')).toEqual(['parent=mtty,type=mtty-2,result=ok: 1']);
    expect(samples(text, 'mediated_closes_total')).toEqual(['parent=mtty,type=mtty-2: 1']);
    expect(samples(text, 'mediated_removes_total')).toEqual(['parent=mtty,type=mtty-2,result=ok: 1']);
    expect(samples(text, 'mediated_devices')).toEqual(['parent=mtty,type=mtty-2,state=bound: 11']);
    expect(samples(text, 'mediated_parents')).toEqual(['driver=mtty: 1']);
    expect(samples(text, 'mediated_requests_handled_total').map((line) => line.split(':')[0])).toContain(
      'thread=mtty/1',
    );
    // What was taken is not counted again, and nothing is lost between two answers.
    expect(samples(await metrics.text(), 'mediated_creates_total')).toHaveLength(3);
    expect(samples(await metrics.text(), 'mediated_opens_total')).toEqual(['parent=mtty,type=mtty-2,result=ok: 1']);
  });

  test('a removal that is refused is counted by its errno', async () => {
    const { runtime, metrics } = await started();
    const port = await runtime.bus.parent('mtty').create('mtty-1');
    const file = await openDevice(runtime.bus, port);
    const removal = port.remove();
    await expect(port.remove()).rejects.toMatchObject({ code: 'EAGAIN' });
    await file.close();
    await removal;
    expect(samples(await metrics.text(), 'mediated_removes_total').sort()).toEqual([
      'parent=mtty,type=mtty-1,result=EAGAIN: 1',
      'parent=mtty,type=mtty-1,result=ok: 1',
    ]);
  });

  test('threads that start later are counted too', async () => {
    const { runtime, metrics } = await started();
    await runtime.loadDriver(mdpyUrl, { parents: [{ name: 'mdpy' }] });
    // Its meter is started when it is heard of; an answer of the thread comes behind that.
    await metrics.text();
    await runtime.bus.parent('mdpy').create('mdpy-vga');
    expect(samples(await metrics.text(), 'mediated_creates_total')).toEqual(['parent=mdpy,type=mdpy-vga,result=ok: 1']);
  });

  test('deaths and restarts of threads are counted by name', async () => {
    const { metrics } = await started();
    channel('mediated:thread:died').publish({ thread: 3, name: 'mtty/0' });
    channel('mediated:thread:restart').publish({ thread: 3, name: 'mtty/0' });
    const text = await metrics.text();
    expect(samples(text, 'mediated_thread_deaths_total')).toEqual(['thread=mtty/0: 1']);
    expect(samples(text, 'mediated_thread_restarts_total')).toEqual(['thread=mtty/0: 1']);
  });

  test('are OpenMetrics: parsed, each family once, counters end in _total, the end is told', async () => {
    const { metrics } = await started();
    const text = await metrics.text();
    expect(text.endsWith('\n# EOF\n')).toBe(true);
    const families = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => ({ name, type }));
    expect(new Set(families.map(({ name }) => name)).size).toBe(families.length);
    for (const { name, type } of families) {
      expect(name).toMatch(/^mediated_[a-z_]+$/);
      if (type === 'counter') expect(name).not.toMatch(/_total$/);
    }
    // The parser knows the older format, in which a counter's family has the name of its samples.
    const older = text.replaceAll(/^(# (?:TYPE|HELP) \S+)(?= counter$)/gm, '$1_total').replace('# EOF\n', '');
    expect(parsePrometheusTextFormat(older).map(({ name }) => name)).toEqual(
      expect.arrayContaining(['mediated_requests_handled_total', 'mediated_inbox_unread']),
    );
  });
});

describe("a thread's tally", () => {
  const begin = channel('mediated:lock:wait:start');
  const end = channel('mediated:lock:wait:end');

  test('waits are kept by class of lock and operation, those of one lock in their order', () => {
    const tally = new ThreadTally();
    onTestFinished(() => tally.close());
    begin.publish({ lock: 'gate: a', operation: 'write' });
    begin.publish({ lock: 'gate: b', operation: 'write' });
    begin.publish({ lock: 'device set: 1', operation: 'lock' });
    end.publish({ lock: 'gate: b', operation: 'write' });
    end.publish({ lock: 'gate: a', operation: 'write' });
    // Began before anybody listened.
    end.publish({ lock: 'arena', operation: 'lock' });
    const { waits, unknownWaits } = tally.take();
    expect(waits).toEqual([{ lock: 'gate', operation: 'write', seconds: [expect.any(Number), expect.any(Number)] }]);
    expect(waits[0].seconds.every((seconds) => seconds >= 0)).toBe(true);
    expect(unknownWaits).toBe(0);
    end.publish({ lock: 'device set: 1', operation: 'lock' });
    expect(tally.take().waits).toMatchObject([{ lock: 'device set', operation: 'lock' }]);
  });

  test('waits that are too many are counted without their time', () => {
    const tally = new ThreadTally();
    onTestFinished(() => tally.close());
    for (let wait = 0; wait < 20_000; wait++) {
      begin.publish({ lock: 'a', operation: 'lock' });
      end.publish({ lock: 'a', operation: 'lock' });
    }
    const { waits, unknownWaits } = tally.take();
    expect([waits[0].seconds.length, unknownWaits]).toEqual([16_384, 20_000 - 16_384]);
  });

  test('counts any messages as often as they come, whatever the names', () => {
    const message = fc.record({ parent: fc.string(), type: fc.string(), code: fc.constantFrom('EEXIST', 'EUSERS') });
    fc.assert(
      fc.property(fc.array(message), (messages) => {
        const tally = new ThreadTally();
        for (const one of messages) channel('mediated:mdev:create:refused').publish(one);
        const { counts } = tally.take();
        tally.close();
        expect(counts.reduce((sum, { count }) => sum + count, 0)).toBe(messages.length);
        for (const { labels } of counts) expect(labels).toHaveLength(3);
      }),
    );
  });
});
