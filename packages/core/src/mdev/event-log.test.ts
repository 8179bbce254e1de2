/** The log of uevents: one order for all threads, losses that are told, writers that die. */
import { Worker } from 'node:worker_threads';
import { once } from 'node:events';
import { currentThread, ThreadTable } from '@mediated/core/sync';
import { describe, expect, test } from 'vitest';
import type { LogData } from '../../dist-fixtures/mdev/log-writer.fixture.js';
import { EventLog, type EventReader } from '#dist/mdev/event-log.js';

const HEADER_WORDS = 16;
const TICKET = 0;
const DONE = 1;

/** Everything there is to read: an event as its second word, a loss as its count in brackets. */
function readAll(reader: EventReader): (number | string)[] {
  const found: (number | string)[] = [];
  for (let read = reader.read(); read !== 'end'; read = reader.read()) {
    found.push(read === 'event' ? reader.body[1] : `[${read.lost}]`);
  }
  return found;
}

/** Appends an event and says which position it got. */
function note(log: EventLog, word: number): number {
  log.append([0, word]);
  return log.sequence;
}

/** Records of the ring: what a reader that lags far behind has not lost. */
const RING = (() => {
  const log = EventLog.create();
  const reader = log.reader();
  const written = 100_000;
  for (let n = 0; n < written; n++) log.append([0]);
  const read = reader.read();
  return typeof read === 'string' ? 0 : written - read.lost;
})();

/** Word offset of a record in the ring. */
function recordAt({ handle: { buffer } }: EventLog, place: number): number {
  return HEADER_WORDS + (place * (buffer.byteLength / 4 - HEADER_WORDS)) / RING;
}

/** Makes the newest record one that its writer, thread `writer`, never filled in. */
function leaveUnfinished(log: EventLog, writer: number): void {
  const words = new Int32Array(log.handle.buffer);
  const record = recordAt(log, log.sequence - 1);
  words[record + TICKET] = (words[record + TICKET] & ~63) | writer;
  words[record + DONE] = 0;
}

test('a reader starts at the end and reads in order; the position is the sequence number', () => {
  const log = EventLog.create();
  note(log, 1);
  const reader = log.reader();
  expect(reader.read()).toBe('end');
  expect([note(log, 2), note(log, 3)]).toEqual([2, 3]);
  expect(reader.read()).toBe('event');
  expect([reader.body[1], reader.sequence]).toEqual([2, 2]);
  expect(readAll(reader)).toEqual([3]);
  expect(log.sequence).toBe(3);
});

test('readers are independent, also those of other views', () => {
  const log = EventLog.create();
  const [first, second] = [log.reader(), EventLog.from(log.handle).reader()];
  note(log, 1);
  expect(readAll(first)).toEqual([1]);
  note(log, 2);
  expect(readAll(second)).toEqual([1, 2]);
  expect(readAll(first)).toEqual([2]);
});

describe('a reader that lags', () => {
  test('behind by exactly the ring it has lost nothing', () => {
    const log = EventLog.create();
    const reader = log.reader();
    for (let n = 0; n < RING; n++) note(log, n);
    const read = readAll(reader);
    expect([read.length, read[0], read.at(-1)]).toEqual([RING, 0, RING - 1]);
  });

  test('behind by more it is told how many it has lost, then goes on with the oldest there is', () => {
    const log = EventLog.create();
    const reader = log.reader();
    for (let n = 0; n < RING + 5; n++) note(log, n);
    const read = readAll(reader);
    expect([read.length, read[0], read[1], read.at(-1)]).toEqual([RING + 1, '[5]', 5, RING + 4]);
    expect(reader.sequence).toBe(log.sequence);
  });

  test('behind by laps', () => {
    const log = EventLog.create();
    const reader = log.reader();
    for (let n = 0; n < 3 * RING + 2; n++) note(log, n);
    expect(readAll(reader).slice(0, 2)).toEqual([`[${2 * RING + 2}]`, 2 * RING + 2]);
  });
});

describe('a record that is being filled in', () => {
  test('readers wait for it, writers do not', () => {
    const log = EventLog.create();
    const reader = log.reader();
    note(log, 1);
    leaveUnfinished(log, currentThread());
    note(log, 2);
    expect(reader.read()).toBe('end');
  });

  test('of a dead writer becomes a void, which readers pass over', () => {
    const log = EventLog.create();
    const reader = log.reader();
    note(log, 1);
    note(log, 2);
    leaveUnfinished(log, 9);
    note(log, 3);
    expect(readAll(reader)).toEqual([1]);
    log.recover(8);
    expect(readAll(reader)).toEqual([]);
    log.recover(9);
    expect(readAll(reader)).toEqual([3]);
    expect(reader.sequence).toBe(3);
  });

  test('a whole lap later: its position is left alone and counts as lost', () => {
    const log = EventLog.create();
    note(log, 0);
    leaveUnfinished(log, 9);
    for (let n = 1; n < RING; n++) note(log, n);
    const reader = log.reader();
    expect(note(log, 7)).toBe(RING + 2);
    expect(readAll(reader)).toEqual(['[1]', 7]);
    // Done with at last, the record is used again.
    log.recover(9);
    for (let n = 2; n < RING; n++) note(log, n);
    expect(note(log, 8)).toBe(2 * RING + 1);
  });

  test('a writer that died between its claim and the count: whoever comes next counts for it', () => {
    const log = EventLog.create();
    const reader = log.reader();
    note(log, 1);
    leaveUnfinished(log, 9);
    new Int32Array(log.handle.buffer)[0] = 0;
    expect(note(log, 2)).toBe(2);
    log.recover(9);
    expect(readAll(reader)).toEqual([2]);
  });
});

test('positions wrap with their 32 bits', () => {
  const log = EventLog.create();
  const words = new Int32Array(log.handle.buffer);
  // The last lap: its records look like those of the lap before.
  words[0] = -2;
  for (const place of [RING - 2, RING - 1]) {
    const record = recordAt(log, place);
    words[record + TICKET] = words[record + DONE] = (2 ** 32 / RING - 1) << 6;
  }
  const reader = log.reader();
  expect([note(log, 1), note(log, 2), note(log, 3)]).toEqual([2 ** 32 - 1, 0, 1]);
  expect(readAll(reader)).toEqual([1, 2, 3]);
});

describe('waiting', () => {
  test('ends with the next event, at once when there is one, and by closing', async () => {
    const log = EventLog.create();
    const reader = log.reader();
    const first = reader.wait();
    note(log, 1);
    await first;
    await reader.wait();
    expect(readAll(reader)).toEqual([1]);
    const last = reader.wait();
    reader.close();
    reader.close();
    await last;
    await reader.wait();
    expect(reader.closed).toBe(true);
  });

  test('ends when a dead writer’s record is voided', async () => {
    const log = EventLog.create();
    const reader = log.reader();
    note(log, 1);
    leaveUnfinished(log, 9);
    const waiting = reader.wait();
    log.recover(9);
    await waiting;
    expect(readAll(reader)).toEqual([]);
  });
});

test('writers on two threads: one sequence, no event lost, each thread’s in its own order', async () => {
  const COUNT = 1500;
  const log = EventLog.create();
  const reader = log.reader();
  const go = new Int32Array(new SharedArrayBuffer(4));
  const workers = [1, 2].map((writer) => {
    const workerData: LogData = { log: log.handle, writer, count: COUNT, go };
    const worker = new Worker(new URL('../../dist-fixtures/mdev/log-writer.fixture.js', import.meta.url), {
      workerData,
    });
    ThreadTable.current().watch(worker);
    return worker;
  });
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  const ended = Promise.all(workers.map((worker) => once(worker, 'exit')));
  Atomics.store(go, 0, 1);
  Atomics.notify(go, 0);
  const perWriter: number[][] = [[], []];
  let sequence = 0;
  while (perWriter[0].length + perWriter[1].length < 2 * COUNT) {
    const read = reader.read();
    if (read === 'end') {
      await reader.wait();
      continue;
    }
    expect(read).toBe('event');
    expect(reader.sequence).toBe(++sequence);
    perWriter[reader.body[1] - 1].push(reader.body[2]);
  }
  await ended;
  const inOrder = Array.from({ length: COUNT }, (_, n) => n);
  expect(perWriter).toEqual([inOrder, inOrder]);
});
