import { LockSpace, RwSemaphore } from '@mediated/core/sync';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Crew, until } from '../../dist-fixtures/sync/sync-crew.fixture.js';

let crew: Crew;
let space: LockSpace;
let gate: RwSemaphore;

beforeEach(() => {
  crew = new Crew();
  space = LockSpace.create({ words: 4096 });
  gate = space.rwSemaphore('gate');
});

afterEach(async () => {
  await crew.dismiss();
  space.close();
});

/** True if a try for reading succeeds; ends the hold again. */
function admitsReaders(): boolean {
  if (!gate.tryRead()) return false;
  gate.unlockRead();
  return true;
}

describe('on one thread', () => {
  test('many readers, or one writer', async () => {
    expect(gate.tryRead()).toBe(true);
    expect(gate.tryRead()).toBe(true);
    expect(gate.readers).toBe(2);
    expect(gate.tryWrite()).toBe(false);
    gate.unlockRead();
    gate.unlockRead();
    expect(gate.tryWrite()).toBe(true);
    expect(gate.tryRead()).toBe(false);
    expect(gate.tryWrite()).toBe(false);
    gate.unlockWrite();
    expect(admitsReaders()).toBe(true);
  });

  test('mdev-core section 2: a try for reading fails from the moment a writer waits', async () => {
    gate.tryRead();
    const writing = gate.write();
    expect(gate.tryRead()).toBe(false);
    expect(gate.writer).toBe(-1);
    gate.unlockRead();
    const guard = await writing;
    expect(gate.tryRead()).toBe(false);
    guard.release();
    expect(admitsReaders()).toBe(true);
  });

  test('readers that wait pass when the writer has left, the next writer after them', async () => {
    const order: string[] = [];
    const first = await gate.write();
    const read = gate.read().then((guard) => {
      order.push('read');
      return guard;
    });
    const second = gate.write().then((guard) => {
      order.push('write');
      guard.release();
    });
    first.release();
    (await read).release();
    await second;
    expect(order).toEqual(['read', 'write']);
    expect(admitsReaders()).toBe(true);
  });

  test('a writer that gives up lets readers in again', async () => {
    const other = RwSemaphore.from(gate.handle);
    gate.tryRead();
    await expect(gate.write({ timeout: 0 })).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    expect(admitsReaders()).toBe(true);
    const abort = new AbortController();
    const draining = gate.write({ signal: abort.signal });
    const queued = other.write({ signal: abort.signal });
    expect(gate.tryRead()).toBe(false);
    const reader = other.read();
    const both = Promise.allSettled([draining, queued]);
    abort.abort();
    expect(await both).toMatchObject([{ reason: { code: 'ECANCELED' } }, { reason: { code: 'ECANCELED' } }]);
    (await reader).release();
    expect(gate.tryRead()).toBe(true);
    expect(gate.stats().waiting).toBe(0);
  });

  test('readers stay refused when one of two waiting writers of a thread gives up', async () => {
    const abort = new AbortController();
    gate.tryRead();
    const first = gate.write({ signal: abort.signal });
    const second = RwSemaphore.from(gate.handle).write();
    abort.abort();
    await expect(first).rejects.toMatchObject({ code: 'ECANCELED' });
    expect(gate.tryRead()).toBe(false);
    gate.unlockRead();
    (await second).release();
    expect(admitsReaders()).toBe(true);
  });

  test('an aborted signal refuses at once', async () => {
    const signal = AbortSignal.abort();
    await expect(gate.read({ signal })).rejects.toMatchObject({ code: 'ECANCELED' });
    await expect(gate.write({ signal })).rejects.toMatchObject({ code: 'ECANCELED' });
    expect(gate.tryWrite()).toBe(true);
  });

  test('the main thread may not block', () => {
    expect(() => gate.readSync()).toThrow(expect.objectContaining({ code: 'EDEADLK' }));
    expect(() => gate.writeSync()).toThrow(expect.objectContaining({ code: 'EDEADLK' }));
  });

  test('ending a hold that is none is EPERM', () => {
    expect(() => gate.unlockRead()).toThrow(expect.objectContaining({ code: 'EPERM' }));
    expect(() => gate.unlockWrite()).toThrow(expect.objectContaining({ code: 'EPERM' }));
    expect(() => gate.markConsistent()).toThrow(expect.objectContaining({ code: 'EPERM' }));
  });
});

describe('between threads', () => {
  test('blocking: EDEADLK for what could never succeed, EPERM for what is not held', async () => {
    expect(await crew.start('rwErrors', { locks: [gate] }).answer).toEqual({
      upgrade: 'EDEADLK',
      readUnderWrite: 'EDEADLK',
      unlockRead: 'EPERM',
      unlockWrite: 'EPERM',
    });
  });

  test('readers never see a half-done write, and all threads come to an end', async () => {
    const rounds = 1000;
    const writers = [
      crew.start('rwWrite', { locks: [gate], rounds }),
      crew.start('rwWrite', { locks: [gate], rounds }),
    ];
    const readers = [crew.start('rwRead', { locks: [gate], rounds }), crew.start('rwRead', { locks: [gate], rounds })];
    await crew.ready(4);
    crew.open();
    for (let round = 0; round < 50; round++) {
      (await gate.read()).release();
      (await gate.write()).release();
    }
    expect(await Promise.all(readers.map((member) => member.answer))).toEqual([0, 0]);
    await Promise.all(writers.map((member) => member.ended));
    expect([...crew.control.subarray(2, 4)]).toEqual([2 * rounds, 2 * rounds]);
    expect(gate.stats().waiting).toBe(0);
  });
});

describe('deaths', () => {
  test('a dead reader holds nothing: the waiting writer gets in', async () => {
    const reader = crew.start('readHold', { locks: [gate] });
    await crew.ready(1);
    const writing = gate.write();
    await crew.kill(reader);
    const guard = await writing;
    expect(guard.ownerDied).toBe(false);
    guard.release();
  });

  test('the next writer is told of the death of a writer, readers see it too', async () => {
    const writer = crew.start('writeHold', { locks: [gate] });
    await crew.ready(1);
    const reading = gate.read();
    await crew.kill(writer);
    const read = await reading;
    expect(read.ownerDied).toBe(true);
    read.release();
    const write = await gate.write();
    expect(write.code).toBe('EOWNERDEAD');
    write.release();
    expect(gate.ownerDied).toBe(false);
  });

  test('a blocked writer gets it after the death of the writer', async () => {
    const writer = crew.start('writeHold', { locks: [gate] });
    await crew.ready(1);
    const next = crew.start('writeWait', { locks: [gate] });
    await until(() => gate.stats().waiting === 1);
    await crew.kill(writer);
    expect(await next.answer).toEqual({ ownerDied: true });
  });

  test('a writer that dies while it waits for readers lets readers in again', async () => {
    gate.tryRead();
    const writer = crew.start('writeWait', { locks: [gate] });
    await until(() => gate.stats().waiting === 1);
    expect(gate.tryRead()).toBe(false);
    const blocked = crew.start('readWait', { locks: [gate] });
    await until(() => gate.stats().waiting === 2);
    await crew.kill(writer);
    expect(await blocked.answer).toEqual({ ownerDied: false });
    expect(admitsReaders()).toBe(true);
    expect(gate.ownerDied).toBe(false);
  });
});
