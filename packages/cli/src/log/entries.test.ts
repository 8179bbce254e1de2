/** What the log says of records. */
import { LogEntries } from '#dist/log/entries.js';
import type { TraceRecord } from '#dist/trace/trace-record.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';

const record = (phase: TraceRecord['phase'], name: string, at: number, subject: string, details = {}): TraceRecord => {
  return { phase, name, at, subject, details };
};
const batch = (...records: TraceRecord[]) => ({ thread: 1, name: 'mtty/0', records, lost: 0 });

test('what began and ended is one entry, with its time in milliseconds', () => {
  const entries = new LogEntries();
  expect(entries.of(batch(record('begin', 'create', 1000, 'u', { parent: 'p' })))).toEqual([]);
  expect(entries.of(batch(record('end', 'create', 3500.4, 'u', { parent: 'p', type: 't' })))).toEqual([
    { level: 'info', message: 'create', fields: { thread: 'mtty/0', uuid: 'u', parent: 'p', type: 't', ms: 2.5 } },
  ]);
});

test('an end without its beginning has no time; one that failed is a warning', () => {
  const [entry] = new LogEntries().of(batch(record('end', 'create', 1, 'u', { error: 'ENOSPC: full' })));
  expect(entry).toEqual({
    level: 'warn',
    message: 'create',
    fields: { thread: 'mtty/0', uuid: 'u', error: 'ENOSPC: full' },
  });
});

test.each([
  ['create refused', 'warn', 'uuid'],
  ['device open', 'debug', 'uuid'],
  ['driver error', 'error', 'uuid'],
  ['driver loaded', 'info', 'driver'],
  ['parent registered', 'info', 'parent'],
  ['thread died', 'error', 'thread'],
])('%s is told as %s, of its %s', (name, level, field) => {
  const [entry] = new LogEntries().of(batch(record('mark', name, 1, 'x')));
  expect(entry).toEqual({ level, message: name, fields: { thread: 'mtty/0', [field]: 'x' } });
});

test('numbers are numbers; a thread that is told of has its number too', () => {
  const [loaded, started] = new LogEntries().of(
    batch(
      record('mark', 'driver loaded', 1, 'mtty', { threads: '2' }),
      record('mark', 'thread start', 2, 'mdpy/0', { thread: '4' }),
    ),
  );
  expect(loaded.fields).toEqual({ thread: 'mtty/0', driver: 'mtty', threads: 2 });
  expect(started.fields).toEqual({ thread: 'mdpy/0', id: 4 });
});

test('records that were lost are told', () => {
  expect(new LogEntries().of({ ...batch(), lost: 7 })).toEqual([
    { level: 'warn', message: 'not told', fields: { thread: 'mtty/0', records: 7 } },
  ]);
});

test('there is an entry for every end and moment, whatever began', () => {
  const phases = fc.constantFrom('begin', 'end', 'mark');
  const records = fc.array(fc.tuple(phases, fc.constantFrom('create', 'lock wait', '?'), fc.string()));
  fc.assert(
    fc.property(records, (steps) => {
      const entries = new LogEntries().of(batch(...steps.map(([phase, name, of], at) => record(phase, name, at, of))));
      expect(entries).toHaveLength(steps.filter(([phase]) => phase !== 'begin').length);
      for (const { fields } of entries) expect(Number(fields.ms ?? 0)).toBeGreaterThanOrEqual(0);
    }),
  );
});
