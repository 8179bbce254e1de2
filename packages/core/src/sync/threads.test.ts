import { currentThread, LockSpace, MAX_THREADS, ThreadTable } from '@mediated/core/sync';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { Crew } from '../../dist-fixtures/sync/sync-crew.fixture.js';

const table = ThreadTable.current();
const tableBytes = table.buffer.byteLength;
let crew = new Crew();

afterEach(async () => {
  await crew.dismiss();
  crew = new Crew();
});

/** A table with 64 free ids that nobody else knows. */
function freshTable(): ThreadTable {
  return ThreadTable.from(new SharedArrayBuffer(tableBytes));
}

describe('ids', () => {
  test('a thread keeps its id, is alive, and workers get ids of their own', async () => {
    const mine = currentThread();
    expect(currentThread()).toBe(mine);
    expect(table.isAlive(mine)).toBe(true);
    const members = [crew.start('idle'), crew.start('idle')];
    await crew.ready(2);
    crew.open();
    const ids = await Promise.all(members.map((member) => member.answer));
    expect(new Set([mine, ...ids]).size).toBe(3);
  });

  test('the 65th claim fails with EAGAIN', () => {
    const full = freshTable();
    const ids = Array.from({ length: MAX_THREADS }, () => full.claim());
    expect(new Set(ids).size).toBe(MAX_THREADS);
    expect(() => full.claim()).toThrow(expect.objectContaining({ code: 'EAGAIN' }));
    expect(() => full.reserve()).toThrow(expect.objectContaining({ code: 'EAGAIN' }));
    full.reap(5);
    expect(full.reserve()).toBe(5);
  });

  test('a worker adopts the id reserved for it', async () => {
    const id = table.reserve();
    expect(table.isAlive(id)).toBe(false);
    expect(table.isTaken(id)).toBe(true);
    const member = crew.start('idle', { adopt: id });
    await crew.ready(1);
    expect(table.isAlive(id)).toBe(true);
    crew.open();
    expect(await member.answer).toBe(id);
    await member.ended;
    expect(table.isTaken(id)).toBe(false);
  });

  test('an id that is not reserved, or a second one, is not adopted', () => {
    const other = freshTable();
    expect(() => table.adopt(table.reserve())).toThrow(expect.objectContaining({ code: 'EBUSY' }));
    expect(() => other.adopt(3)).toThrow(expect.objectContaining({ code: 'EBUSY' }));
  });

  test('a thread gives its id back', async () => {
    const { id, after } = (await crew.start('release').answer) as { id: number; after: boolean };
    expect(after).toBe(false);
    expect(table.isTaken(id)).toBe(false);
  });

  test('but not while it holds something in a space that it opened: EBUSY', () => {
    const mutex = LockSpace.create({ words: 1024 }).mutex();
    using _guard = mutex.tryLock() ? { [Symbol.dispose]: () => mutex.unlock() } : undefined;
    expect(() => table.release()).toThrow(expect.objectContaining({ code: 'EBUSY' }));
  });

  test('a table of another process part is joined only by a thread without id', () => {
    currentThread();
    expect(ThreadTable.join(table.buffer)).toBe(table);
    const stranger = new SharedArrayBuffer(tableBytes);
    new Int32Array(stranger)[0] = 1;
    expect(() => ThreadTable.join(stranger)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
    expect(() => ThreadTable.from(new SharedArrayBuffer(4))).toThrow(expect.objectContaining({ code: 'EINVAL' }));
    expect(() => table.isAlive(64)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  });
});

describe('deaths', () => {
  test('a killed worker is reaped: callbacks in order, deaths bumped, id free again', async () => {
    const told: string[] = [];
    const before = table.deaths;
    const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const undo = [
      table.onDeath((id) => void told.push(`first ${id} ${table.isAlive(id)} ${table.isTaken(id)}`)),
      table.onDeath(() => {
        throw new Error('broken callback');
      }),
      table.onDeath((id) => void told.push(`last ${id}`)),
    ];
    const id = table.reserve();
    const member = crew.start('idle', { adopt: id });
    await crew.ready(1);
    await crew.kill(member);
    for (const remove of undo) remove();
    expect(told).toEqual([`first ${id} false true`, `last ${id}`]);
    expect(warning).toHaveBeenCalledOnce();
    warning.mockRestore();
    expect(table.deaths).toBe(before + 1);
    expect(table.isTaken(id)).toBe(false);
  });

  test('reaping is idempotent', () => {
    const own = freshTable();
    const id = own.claim();
    expect(own.reap(id)).toBe(true);
    expect(own.reap(id)).toBe(false);
    expect(own.deaths).toBe(1);
  });

  test('a kept id stays reserved for the successor', async () => {
    const id = table.reserve();
    const member = crew.start('idle', { adopt: id, keep: true });
    await crew.ready(1);
    await crew.kill(member);
    expect(table.isAlive(id)).toBe(false);
    expect(table.isTaken(id)).toBe(true);
    const successor = crew.start('idle', { adopt: id });
    await crew.ready(2);
    crew.open();
    expect(await successor.answer).toBe(id);
  });

  test('a worker that dies before it adopts gives the reserved id back', async () => {
    const id = table.reserve();
    const member = crew.start('idle', { adopt: id });
    await crew.kill(member);
    expect(table.isTaken(id)).toBe(false);
  });
});
