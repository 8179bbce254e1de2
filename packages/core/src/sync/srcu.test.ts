import { LockSpace, Srcu } from '@mediated/core/sync';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Crew, DATA, until } from '../../dist-fixtures/sync/sync-crew.fixture.js';

let crew: Crew;
let space: LockSpace;
let domain: Srcu;

beforeEach(() => {
  crew = new Crew();
  space = LockSpace.create({ words: 2048 });
  domain = space.srcu();
});

afterEach(async () => {
  await crew.dismiss();
  space.close();
});

test('a grace period waits for a section begun before, not for one begun after', async () => {
  let over = false;
  const before = domain.readLock();
  const grace = domain.synchronize().then(() => {
    over = true;
  });
  // Gets as far as the wait for the bank in use: the flip happens in the microtasks before this one.
  await new Promise((resolve) => setImmediate(resolve));
  const after = domain.readLock();
  expect(after).toBe(1 - before);
  expect(over).toBe(false);
  domain.readUnlock(before);
  await grace;
  domain.readUnlock(after);
});

test('a section that read the epoch before a flip and counted after it is waited for by the next grace period', async () => {
  await domain.synchronize();
  const late = domain.readLock();
  await expect(domain.synchronize({ timeout: 0 })).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  // The bank of `late` is now the idle one.
  let over = false;
  const grace = domain.synchronize().then(() => {
    over = true;
  });
  await until(() => domain.stats().waiting === 1);
  expect(over).toBe(false);
  domain.readUnlock(late);
  await grace;
});

test('concurrent grace periods take turns and all end', async () => {
  const bank = domain.readLock();
  const all = Promise.all([domain.synchronize(), Srcu.from(domain.handle).synchronize(), domain.synchronize()]);
  domain.readUnlock(bank);
  await all;
  expect(domain.stats()).toMatchObject({ acquisitions: 3, waiting: 0 });
});

test('ECANCELED, EPERM, EDEADLK on the main thread', async () => {
  await expect(domain.synchronize({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ECANCELED' });
  expect(() => domain.readUnlock(0)).toThrow(expect.objectContaining({ code: 'EPERM' }));
  expect(() => domain.synchronizeSync()).toThrow(expect.objectContaining({ code: 'EDEADLK' }));
});

test('blocking inside a section is EDEADLK, ending one twice EPERM', async () => {
  expect(await crew.start('srcuErrors', { locks: [domain] }).answer).toEqual({ inside: 'EDEADLK', twice: 'EPERM' });
});

test('no reader meets what was retired after a grace period', async () => {
  Atomics.store(crew.control, DATA + 1, 1);
  const readers = [1, 2].map(() => crew.start('srcuRead', { locks: [domain], rounds: 200_000 }));
  const writer = crew.start('srcuWrite', { locks: [domain], rounds: 2000 });
  await crew.ready(3);
  crew.open();
  expect(await Promise.all(readers.map((member) => member.answer))).toEqual([0, 0]);
  await writer.ended;
});

test('a blocked grace period waits for a section begun before, in either bank', async () => {
  for (let round = 0; round < 2; round++) {
    const bank = domain.readLock();
    const waiter = crew.start('srcuSynchronize', { locks: [domain] });
    await until(() => domain.stats().waiting === 1);
    domain.readUnlock(bank);
    await waiter.answer;
  }
});

test('a dead reader is in no section', async () => {
  const reader = crew.start('srcuHold', { locks: [domain] });
  await crew.ready(1);
  const grace = domain.synchronize();
  await crew.kill(reader);
  await grace;
});
