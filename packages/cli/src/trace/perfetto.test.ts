/** What a trace file says, from records. */
import type { TraceBatch } from '#dist/control/protocol.js';
import { PerfettoTrace } from '#dist/trace/perfetto.js';
import type { TraceRecord } from '#dist/trace/trace-record.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

interface Event {
  readonly ph: string;
  readonly name: string;
  readonly tid: number;
  readonly ts: number;
  readonly dur: number;
  readonly args: Readonly<Record<string, unknown>>;
}

function write(...batches: TraceBatch[]): { events: Event[]; trace: PerfettoTrace } {
  let text = '';
  const trace = new PerfettoTrace((piece) => {
    text += piece;
  });
  for (const batch of batches) trace.add(batch);
  trace.end();
  return { events: (JSON.parse(text) as { traceEvents: Event[] }).traceEvents, trace };
}

function batch(thread: number, name: string, records: readonly TraceRecord[], lost = 0): TraceBatch {
  return { thread, name, records, lost };
}

const record = (phase: TraceRecord['phase'], name: string, at: number, subject: string): TraceRecord => {
  return { phase, name, at, subject };
};
const spansOf = (events: readonly Event[]) => events.filter(({ ph }) => ph === 'X');
const namesOf = (events: readonly Event[]) =>
  events.filter(({ name }) => name === 'thread_name').map(({ tid, args }) => [tid, args.name]);

describe('a trace', () => {
  test('without records is a file that opens', () => {
    expect(write().events).toEqual([]);
  });

  test('has one track per thread, with spans in microseconds from the first record on', () => {
    const { events } = write(
      batch(3, 'mtty/0', [
        record('begin', 'create', 1000.5, 'u'),
        record('begin', 'probe', 1001, 'u'),
        record('end', 'probe', 1003.25, 'u'),
        record('end', 'create', 1010.5, 'u'),
      ]),
      batch(0, 'main', [record('mark', 'driver loaded', 1004, 'mtty')]),
    );
    expect(namesOf(events)).toEqual([
      [3001, 'mtty/0'],
      [1, 'main'],
    ]);
    expect(spansOf(events)).toMatchObject([
      { name: 'probe u', tid: 3001, ts: 0.5, dur: 2.25 },
      { name: 'create u', tid: 3001, ts: 0, dur: 10 },
    ]);
    expect(events.find(({ ph }) => ph === 'i')).toMatchObject({ name: 'driver loaded mtty', tid: 1, ts: 3.5 });
  });

  test('shows what overlaps on further tracks of the thread, and what is inside of it beside it', () => {
    const { events } = write(
      batch(1, 't', [
        record('begin', 'create', 0, 'a'),
        record('begin', 'create', 1, 'b'),
        record('begin', 'probe', 2, 'b'),
        record('end', 'create', 3, 'a'),
        record('end', 'probe', 4, 'b'),
        record('end', 'create', 5, 'b'),
        record('begin', 'create', 6, 'c'),
        record('end', 'create', 7, 'c'),
      ]),
    );
    expect(spansOf(events).map(({ name, tid }) => [name, tid])).toEqual([
      ['create a', 1001],
      ['probe b', 1002],
      ['create b', 1002],
      ['create c', 1001],
    ]);
    expect(namesOf(events)).toEqual([
      [1001, 't'],
      [1002, 't (2)'],
    ]);
  });

  test('leaves out ends whose begin it has not seen, and ends what is open with the recording', () => {
    const { events } = write(
      batch(1, 't', [
        record('end', 'remove', 5, 'x'),
        record('begin', 'remove', 6, 'y'),
        record('mark', 'device open', 9, 'z'),
      ]),
    );
    expect(spansOf(events)).toMatchObject([
      { name: 'remove y', ts: 1, dur: 3, args: { unfinished: expect.any(String) } },
    ]);
  });

  test('keeps apart threads that have had the same number', () => {
    const { events } = write(
      batch(1, 'old', [record('begin', 'probe', 0, 'a')]),
      batch(1, 'new', [record('end', 'probe', 5, 'a')]),
    );
    expect(spansOf(events)).toMatchObject([{ name: 'probe a', args: { unfinished: 'its thread has ended' } }]);
    expect(namesOf(events).map(([, name]) => name)).toEqual(['old', 'new']);
  });

  test('counts what was lost', () => {
    const { trace } = write(batch(1, 't', [], 7));
    trace.addLost(2);
    expect(trace.lost).toBe(9);
  });

  test('of any records is JSON with a span for each begin', () => {
    const records = fc.array(
      fc.record({
        phase: fc.constantFrom('begin', 'end', 'mark'),
        name: fc.constantFrom('create', 'probe', 'lock wait'),
        subject: fc.constantFrom('a', 'b', 'c', '', '"\n'),
      }),
    );
    fc.assert(
      fc.property(records, (steps) => {
        const { events } = write(
          batch(
            1,
            't',
            steps.map((step, at) => ({ ...step, at })),
          ),
        );
        const began = steps.filter(({ phase }) => phase === 'begin').length;
        expect(spansOf(events)).toHaveLength(began);
      }),
    );
  });
});
