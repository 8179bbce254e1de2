import { Arena, UuidTable } from '@mediated/core/memory';
import { REMOVED } from '#dist/memory/uuid-table.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Crew, makeShared, type Shared } from '../../dist-fixtures/memory/memory-workers.fixture.js';

const NEXT = 6;

/** A slot that holds UUID number `number`. */
function slot(arena: Arena, number: number): number {
  const index = arena.allocate();
  arena.words.set([number, 0, 0, number], arena.base(index) + 2);
  return index;
}

const find = (table: UuidTable, number: number) => table.lookup(number, 0, 0, number);

/** The same shared objects as another thread sees them. */
function as(thread: number, shared: Shared): { arena: Arena; table: UuidTable } {
  const arena = Arena.from(shared.arena.handle, { thread });
  return { arena, table: UuidTable.from(shared.table.handle, arena) };
}

describe('uuid table', () => {
  test('an inserted UUID is found, a removed one is not', () => {
    const { arena, table } = makeShared(8);
    const index = slot(arena, 5);
    expect(find(table, 5)).toBe(-1);
    expect(table.insertIfAbsent(index)).toBe(true);
    expect(find(table, 5)).toBe(index);
    expect(find(table, 6)).toBe(-1);
    expect(table.remove(index)).toBe(true);
    expect(find(table, 5)).toBe(-1);
    expect(table.count()).toBe(0);
  });

  test('all four words count', () => {
    const { arena, table } = makeShared(32, 1);
    for (let bits = 0; bits < 16; bits++) {
      const index = arena.allocate();
      arena.words.set([bits & 1, (bits >> 1) & 1, (bits >> 2) & 1, bits >> 3], arena.base(index) + 2);
      expect(table.insertIfAbsent(index)).toBe(true);
    }
    for (let bits = 0; bits < 16; bits++)
      expect(table.lookup(bits & 1, (bits >> 1) & 1, (bits >> 2) & 1, bits >> 3)).toBe(bits);
  });

  test('a UUID is taken by one slot only, until it is removed', () => {
    const { arena, table } = makeShared(8);
    const [first, second] = [slot(arena, 1), slot(arena, 1)];
    expect(table.insertIfAbsent(first)).toBe(true);
    expect(table.insertIfAbsent(second)).toBe(false);
    expect(find(table, 1)).toBe(first);
    table.remove(first);
    expect(table.insertIfAbsent(second)).toBe(true);
    expect(find(table, 1)).toBe(second);
  });

  test('removing twice, or what was never inserted, does no harm', () => {
    const { arena, table } = makeShared(8, 1);
    const [first, second, never] = [slot(arena, 1), slot(arena, 2), slot(arena, 1)];
    expect(table.insertIfAbsent(first) && table.insertIfAbsent(second)).toBe(true);
    table.remove(never);
    expect([find(table, 1), find(table, 2)]).toEqual([first, second]);
    expect(table.remove(first)).toBe(true);
    expect(table.remove(first)).toBe(false);
    expect([find(table, 1), find(table, 2)]).toEqual([-1, second]);
  });

  test('offsets that do not fit the slot are EINVAL', () => {
    const arena = Arena.create({ capacity: 4, slotWords: 8, thread: 0 });
    for (const [uuidOffset, nextOffset, heads] of [
      [1, 6, 4],
      [2, 5, 4],
      [2, 1, 4],
      [5, 2, 4],
      [2, 8, 4],
      [2, 6, 3],
      [2, 6, 0],
    ] as const) {
      expect(() => UuidTable.create({ arena, uuidOffset, nextOffset, heads })).toThrow(
        expect.objectContaining({ code: 'EINVAL' }),
      );
    }
  });

  test('a bucket is found by every thread that attaches', () => {
    const shared = makeShared(8, 1);
    const index = slot(shared.arena, 9);
    shared.table.insertIfAbsent(index);
    expect(find(as(1, shared).table, 9)).toBe(index);
  });

  test.each([1, 4, 64])('against a Map, slots recycled, %i chains', (heads) => {
    const step = fc.tuple(fc.constantFrom('insert', 'remove', 'lookup'), fc.nat(19));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const { arena, table } = makeShared(20, heads);
        const model = new Map<number, number>();
        for (const [operation, number] of steps) {
          const known = model.get(number);
          if (operation === 'lookup') expect(find(table, number)).toBe(known ?? -1);
          else if (operation === 'remove') {
            if (known === undefined) continue;
            expect(table.remove(known)).toBe(true);
            arena.free(known);
            model.delete(number);
          } else {
            const index = slot(arena, number);
            if (index < 0) continue;
            expect(table.insertIfAbsent(index)).toBe(known === undefined);
            if (known === undefined) model.set(number, index);
            else arena.free(index);
          }
        }
        expect(table.count()).toBe(model.size);
        for (let number = 0; number < 20; number++) expect(find(table, number)).toBe(model.get(number) ?? -1);
      }),
      { numRuns: 60 },
    );
  });
});

describe('uuid table after a death', () => {
  /** One chain of the entries 1..5, the last one first. */
  function scene(): Shared & { slots: number[] } {
    const shared = makeShared(8, 1);
    const slots = [1, 2, 3, 4, 5].map((number) => slot(shared.arena, number));
    for (const index of slots) shared.table.insertIfAbsent(index);
    return { ...shared, slots };
  }
  const mark = ({ arena }: Shared, index: number) => Atomics.or(arena.words, arena.base(index) + NEXT, REMOVED);

  test.each([0, 2, 4])('between mark and unlink (entry %i): the UUID is free, remove completes it', (position) => {
    const { slots, ...shared } = scene();
    const index = slots[position] as number;
    mark(shared, index);
    expect(find(shared.table, position + 1)).toBe(-1);
    shared.table.remove(index);
    expect(slots.map((_, at) => find(shared.table, at + 1))).toEqual(slots.map((at) => (at === index ? -1 : at)));
    expect(shared.table.count()).toBe(4);
  });

  test('neighbours marked and not unlinked: a passer-by unlinks all of them', () => {
    const { slots, ...shared } = scene();
    for (const index of slots) mark(shared, index);
    const again = slot(shared.arena, 3);
    expect(shared.table.insertIfAbsent(again)).toBe(true);
    expect(shared.table.count()).toBe(1);
    expect(shared.arena.words[shared.arena.base(again) + NEXT]).toBe(0);
  });

  test('remove reaches a marked entry behind a new one with the same UUID', () => {
    const { slots, ...shared } = scene();
    const old = slots[0] as number;
    const { table } = as(1, shared);
    mark(shared, old);
    const next = shared.arena.words[shared.arena.base(slots[1] as number) + NEXT];
    const twin = slot(shared.arena, 1);
    expect(table.insertIfAbsent(twin)).toBe(true);
    // As if the inserter had not unlinked it in passing.
    Atomics.store(shared.arena.words, shared.arena.base(slots[1] as number) + NEXT, next as number);
    table.remove(old);
    expect(shared.arena.words[shared.arena.base(slots[1] as number) + NEXT]).toBe(0);
    expect(find(table, 1)).toBe(twin);
  });

  test('between the link and the head: the entry is not in, and remove says nothing else', () => {
    const { slots, ...shared } = scene();
    const half = slot(shared.arena, 6);
    Atomics.store(shared.arena.words, shared.arena.base(half) + NEXT, (slots[4] as number) + 1);
    expect(find(shared.table, 6)).toBe(-1);
    shared.table.remove(half);
    expect(shared.table.count()).toBe(5);
  });

  test('in the middle of a walk: the pinned slot is not reused before recovery', () => {
    const shared = makeShared(1, 1);
    const index = slot(shared.arena, 1);
    shared.table.insertIfAbsent(index);
    as(3, shared).arena.pin(0, index + 1);
    shared.table.remove(index);
    shared.arena.free(index);
    expect(shared.arena.allocate()).toBe(-1);
    shared.arena.rebuildFreeList(3);
    expect(shared.arena.allocate()).toBe(index);
  });
});

describe('uuid table on several threads', () => {
  test.each([8, undefined])('of many inserters of one UUID exactly one wins (%s chains)', async (heads) => {
    const count = heads === undefined ? 20_000 : 400;
    const shared = makeShared(count + 4 * 64, heads);
    const jobs = Array.from({ length: 4 }, () => ({ kind: 'insert' as const, from: 0, count, rounds: 1 }));
    const won = (await new Crew(shared, jobs).run()) as number[][];
    expect(won.flat().sort((left, right) => left - right)).toEqual(
      Array.from({ length: count }, (_, number) => number),
    );
    expect(shared.table.count()).toBe(count);
    expect(shared.arena.liveCount()).toBe(count);
    for (let number = 0; number < count; number++) expect(find(shared.table, number)).toBeGreaterThanOrEqual(0);
  });

  test.each([1, 4, 256])(
    'insert and remove with recycled slots ends with exactly what is held (%i chains)',
    async (heads) => {
      const shared = makeShared(1024, heads);
      const jobs = Array.from({ length: 4 }, () => ({ kind: 'churn' as const, from: 0, count: 24, rounds: 20_000 }));
      const held = await new Crew(shared, jobs).run();
      for (const numbers of held) expect(numbers).toBeInstanceOf(Array);
      const all = (held as number[][]).flat();
      expect(new Set(all).size).toBe(all.length);
      for (let number = 0; number < 24; number++) expect(find(shared.table, number) >= 0).toBe(all.includes(number));
      expect(shared.table.count()).toBe(all.length);
      expect(shared.arena.liveCount()).toBe(all.length);
    },
  );

  test('a thread killed in mid-operation leaves nothing behind', async () => {
    const shared = makeShared(512, 2);
    const { arena, table } = shared;
    for (let life = 0; life < 4; life++) {
      const forever = { kind: 'churn' as const, from: 0, count: 12, rounds: 0 };
      const crew = new Crew(shared, [forever, forever]);
      await crew.open();
      await Atomics.waitAsync(crew.gate, 1, 0).value;
      // The first dies while the second goes on; recovery meets a live neighbour.
      for (const [number, worker] of crew.workers.entries()) {
        await worker.terminate();
        const dead = number + 1;
        for (const index of arena.slotsOf(dead)) {
          table.remove(index);
          arena.free(index);
        }
        arena.rebuildFreeList(dead);
      }
      expect(table.count()).toBe(0);
      expect(arena.liveCount()).toBe(0);
    }
    for (const dead of [1, 2]) arena.rebuildFreeList(dead, 0);
    const all: number[] = [];
    for (let index = arena.allocate(); index >= 0; index = arena.allocate()) all.push(index);
    expect(new Set(all).size).toBe(512);
  });
});
