/** The log of uevents: one order for all threads, losses that are told, writers that die. */
import { Worker } from 'node:worker_threads';
import { once } from 'node:events';
import { currentThread, ThreadTable } from '@mediated/core/sync';
import { describe, expect, test } from 'vitest';
import type { LogData } from '../../dist-fixtures/mdev/log-writer.fixture.js';
import { LANES, laneState, RECORDS, SEQUENCE } from '#dist/mdev/event-layout.js';
import { EventLog } from '#dist/mdev/event-log.js';
import type { EventReader } from '#dist/mdev/event-reader.js';

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

/** What a reader that lags behind one writer has not lost; the record being written next is not safe. */
const SAFE = RECORDS - 1;

/** As thread `writer`: begins an event and never publishes it. Returns its number. */
function leaveUnfinished(log: EventLog, writer: number): number {
  const { words } = log;
  words[LANES] = Math.max(words[LANES], writer + 1);
  words[laneState(writer)] |= 1;
  return Atomics.add(words, SEQUENCE, 1) + 1;
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
  test('behind by exactly a lane it has lost nothing', () => {
    const log = EventLog.create();
    const reader = log.reader();
    for (let n = 0; n < SAFE; n++) note(log, n);
    const read = readAll(reader);
    expect([read.length, read[0], read.at(-1)]).toEqual([SAFE, 0, SAFE - 1]);
  });

  test('behind by more it is told how many it has lost, then goes on with the oldest there is', () => {
    const log = EventLog.create();
    const reader = log.reader();
    for (let n = 0; n < SAFE + 5; n++) note(log, n);
    const read = readAll(reader);
    expect([read.length, read[0], read[1], read.at(-1)]).toEqual([SAFE + 1, '[5]', 5, SAFE + 4]);
    expect(reader.sequence).toBe(log.sequence);
  });

  test('behind by laps', () => {
    const log = EventLog.create();
    const reader = log.reader();
    for (let n = 0; n < 3 * RECORDS + 2; n++) note(log, n);
    expect(readAll(reader).slice(0, 2)).toEqual([`[${2 * RECORDS + 3}]`, 2 * RECORDS + 3]);
  });
});

describe('an event that is being written', () => {
  test('readers wait for it, writers do not', () => {
    const log = EventLog.create();
    const reader = log.reader();
    note(log, 1);
    leaveUnfinished(log, 9);
    note(log, 2);
    expect(readAll(reader)).toEqual([1]);
    expect(readAll(reader)).toEqual([]);
  });

  test('of a dead writer becomes a void, which readers pass over', () => {
    const log = EventLog.create();
    const reader = log.reader();
    note(log, 1);
    leaveUnfinished(log, 9);
    note(log, 3);
    expect(readAll(reader)).toEqual([1]);
    log.recover(8);
    expect(readAll(reader)).toEqual([]);
    log.recover(9);
    expect(readAll(reader)).toEqual([3]);
    expect(reader.sequence).toBe(3);
  });

  test('the newest of all, of a dead writer: the reader is at the end afterwards', () => {
    const log = EventLog.create();
    const reader = log.reader();
    leaveUnfinished(log, 9);
    log.recover(9);
    expect(readAll(reader)).toEqual([]);
    expect(reader.sequence).toBe(1);
  });

  test('voids and losses are told apart', () => {
    const log = EventLog.create();
    const reader = log.reader();
    leaveUnfinished(log, 9);
    log.recover(9);
    for (let n = 0; n < SAFE + 2; n++) note(log, n);
    expect(readAll(reader).slice(0, 2)).toEqual(['[2]', 2]);
  });

  test('by a thread that has older events to read does not hold up later ones of other threads for ever', () => {
    const log = EventLog.create();
    const reader = log.reader();
    note(log, 1);
    // This thread has published 1 and begins its next event after thread 9 began and died.
    leaveUnfinished(log, 9);
    log.recover(9);
    const body = log.claim(2);
    log.words[body + 1] = 2;
    expect(readAll(reader)).toEqual([1]);
    log.commit();
    expect(readAll(reader)).toEqual([2]);
  });
});

test('a reader that starts while an event is being written does not get it', () => {
  const log = EventLog.create();
  const body = log.claim(2);
  const reader = log.reader();
  log.words[body + 1] = 1;
  log.commit();
  note(log, 2);
  expect(readAll(reader)).toEqual([2]);
});

test('sequence numbers wrap with their 32 bits, a lane’s records with their 31', () => {
  const log = EventLog.create();
  log.words[SEQUENCE] = -2;
  log.words[laneState(currentThread())] = -4;
  log.words[LANES] = 64;
  const reader = log.reader();
  expect([note(log, 1), note(log, 2), note(log, 3)]).toEqual([2 ** 32 - 1, 0, 1]);
  expect(readAll(reader)).toEqual([1, 2, 3]);
  for (let n = 0; n < SAFE + 1; n++) note(log, n);
  expect(readAll(reader).slice(0, 2)).toEqual(['[1]', 1]);
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
    leaveUnfinished(log, 9);
    const waiting = reader.wait();
    log.recover(9);
    await waiting;
    expect(readAll(reader)).toEqual([]);
    expect(reader.sequence).toBe(1);
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
