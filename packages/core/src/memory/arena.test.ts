import { Arena } from '@mediated/core/memory';
import { CHUNK_OWNERS, COOLING, GENERATION, OWNER, privateLine, READY, TOP } from '#dist/memory/arena-layout.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Crew, makeShared } from '../../dist-fixtures/memory/memory-workers.fixture.js';

/** Allocates until the arena is full for its thread. */
function drain(arena: Arena): number[] {
  const taken: number[] = [];
  for (let index = arena.allocate(); index >= 0; index = arena.allocate()) taken.push(index);
  return taken;
}

const range = (count: number) => Array.from({ length: count }, (_, index) => index);
const sorted = (indices: Iterable<number>) => [...indices].sort((left, right) => left - right);

describe('arena', () => {
  test('gives out every slot once, then says full', () => {
    const arena = Arena.create({ capacity: 75, slotWords: 4, thread: 0 });
    expect(drain(arena)).toEqual(range(75));
    expect(arena.top).toBe(75);
    expect(arena.liveCount()).toBe(75);
    for (const index of range(75)) arena.free(index);
    expect(arena.liveCount()).toBe(0);
    expect(sorted(drain(arena))).toEqual(range(75));
  });

  test('slots do not overlap, and the payload outlives free', () => {
    const arena = Arena.create({ capacity: 40, slotWords: 5, thread: 0 });
    for (const index of drain(arena)) arena.words.fill(index + 100, arena.base(index) + 2, arena.base(index) + 5);
    for (const index of range(40)) arena.free(index);
    for (const index of range(40)) {
      expect([...arena.words.subarray(arena.base(index) + 2, arena.base(index) + 5)]).toEqual(
        Array(3).fill(index + 100),
      );
    }
  });

  test('a stale handle is seen', () => {
    const arena = Arena.create({ capacity: 1, slotWords: 4, thread: 0 });
    const index = arena.allocate();
    const generation = arena.generation(index);
    expect(arena.isCurrent(index, generation)).toBe(true);
    arena.free(index);
    expect(arena.isCurrent(index, generation)).toBe(false);
    expect(arena.isCurrent(index, arena.generation(index))).toBe(false);
    expect(arena.allocate()).toBe(index);
    expect(arena.isCurrent(index, generation)).toBe(false);
    expect(arena.isCurrent(index, generation + 2)).toBe(true);
  });

  test('freeing what is not live is EINVAL', () => {
    const arena = Arena.create({ capacity: 2, slotWords: 4, thread: 0 });
    const index = arena.allocate();
    arena.free(index);
    for (const wrong of [index, -1, 2])
      expect(() => arena.free(wrong)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
    expect(drain(arena)).toHaveLength(2);
  });

  test('sizes and thread ids out of range are EINVAL', () => {
    for (const options of [
      { capacity: 0, slotWords: 4 },
      { capacity: 2 ** 25, slotWords: 4 },
      { capacity: 1, slotWords: 1 },
      { capacity: 2 ** 24, slotWords: 256 },
      { capacity: 1, slotWords: 4, thread: 64 },
      { capacity: 1, slotWords: 4, thread: -1 },
    ]) {
      expect(() => Arena.create({ thread: 0, ...options })).toThrow(expect.objectContaining({ code: 'EINVAL' }));
    }
  });

  test('a slot freed by another thread is then that thread’s', () => {
    const first = Arena.create({ capacity: 1, slotWords: 4, thread: 1 });
    const second = Arena.from(first.handle, { thread: 2 });
    const index = first.allocate();
    expect([...second.slotsOf(1)]).toEqual([index]);
    second.free(index);
    expect(first.allocate()).toBe(-1);
    expect(second.allocate()).toBe(index);
    expect([...first.slotsOf(2)]).toEqual([index]);
  });

  test('a pinned slot is not allocated anew until it is unpinned', () => {
    const arena = Arena.create({ capacity: 2, slotWords: 4, thread: 1 });
    const reader = Arena.from(arena.handle, { thread: 63 });
    const [pinned, other] = [arena.allocate(), arena.allocate()];
    reader.pin(0, pinned + 1);
    arena.free(pinned);
    arena.free(other);
    expect(drain(arena)).toEqual([other]);
    reader.unpin();
    expect(arena.allocate()).toBe(pinned);
  });

  test('against a model: several threads allocate and free in any order', () => {
    const step = fc.record({ thread: fc.nat(2), take: fc.boolean(), pick: fc.nat() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        const arenas = [Arena.create({ capacity: 100, slotWords: 3, thread: 0 })];
        for (const thread of [1, 2]) arenas.push(Arena.from((arenas[0] as Arena).handle, { thread }));
        const live = new Map<number, number>();
        for (const { thread, take, pick } of steps) {
          const arena = arenas[thread] as Arena;
          if (take) {
            const index = arena.allocate();
            if (index < 0) continue;
            expect(live.has(index)).toBe(false);
            live.set(index, arena.generation(index));
          } else if (live.size > 0) {
            const index = [...live.keys()][pick % live.size] as number;
            expect(arena.isCurrent(index, live.get(index) as number)).toBe(true);
            live.delete(index);
            arena.free(index);
          }
        }
        const [own] = arenas as [Arena];
        expect(own.liveCount()).toBe(live.size);
        expect(sorted([0, 1, 2].flatMap((thread) => [...own.slotsOf(thread)]))).toEqual(sorted(live.keys()));
        for (const thread of [1, 2]) own.rebuildFreeList(thread, 0);
        expect(sorted([...drain(own), ...live.keys()])).toEqual(range(100));
      }),
      { numRuns: 60 },
    );
  });
});

describe('arena after a death', () => {
  /** An arena of 64 slots in which thread 1 has used one chunk, holds slots 0 and 1 and has 2 free. */
  function scene(): { arena: Arena; survivor: Arena } {
    const arena = Arena.create({ capacity: 64, slotWords: 4, thread: 1 });
    const survivor = Arena.from(arena.handle, { thread: 0 });
    for (let count = 0; count < 3; count++) arena.allocate();
    arena.free(2);
    return { arena, survivor };
  }

  /** Recovers thread 1 for the next thread with its id; every slot must then be there exactly once. */
  function recover({ arena, survivor }: { arena: Arena; survivor: Arena }, live: number[]): void {
    expect([...survivor.slotsOf(1)]).toEqual(live);
    for (const index of live) survivor.free(index);
    survivor.rebuildFreeList(1);
    survivor.rebuildFreeList(1);
    const successor = Arena.from(arena.handle, { thread: 1 });
    expect(sorted([...drain(successor), ...drain(survivor)])).toEqual(range(64));
  }

  test('between two operations', () => recover(scene(), [0, 1]));

  test('in free, before the generation moved: the slot is still live', () => {
    const { arena, survivor } = scene();
    arena.words[arena.base(1) + OWNER] = 2 | (3 << 7);
    recover({ arena, survivor }, [0, 1]);
  });

  test('in free, before the slot was pushed', () => {
    const { arena, survivor } = scene();
    arena.words[arena.base(1) + OWNER] = 2 | (3 << 7);
    Atomics.add(arena.words, arena.base(1) + GENERATION, 1);
    recover({ arena, survivor }, [0]);
  });

  test('in free of another thread’s slot', () => {
    const { arena, survivor } = scene();
    const index = survivor.allocate();
    arena.words[arena.base(index) + OWNER] = 2;
    recover({ arena, survivor }, [0, 1, index]);
  });

  test('in allocate, after the slot left the list', () => {
    const { arena, survivor } = scene();
    arena.words[privateLine(1) + COOLING] = 0;
    recover({ arena, survivor }, [0, 1]);
  });

  test('in allocate, after a fresh slot left the chunk', () => {
    const { arena, survivor } = scene();
    arena.words[privateLine(1) + READY] = 0;
    arena.words[privateLine(1) + 3] = 7;
    recover({ arena, survivor }, [0, 1]);
  });

  test('in refill, after the claim of a chunk and before the top moved', () => {
    const { arena, survivor } = scene();
    arena.words[CHUNK_OWNERS + 1] = 2;
    expect(Atomics.load(arena.words, TOP)).toBe(1);
    recover({ arena, survivor }, [0, 1]);
  });

  test('in refill, a survivor passes over the half-claimed chunk', () => {
    const { arena, survivor } = scene();
    arena.words[CHUNK_OWNERS + 1] = 2;
    expect(survivor.allocate()).toBe(-1);
    recover({ arena, survivor }, [0, 1]);
  });

  test('with slots pinned: the pins are dropped', () => {
    const { arena, survivor } = scene();
    const index = survivor.allocate();
    arena.pin(1, index + 1);
    survivor.free(index);
    expect(drain(survivor)).not.toContain(index);
    for (const live of [...survivor.slotsOf(0)]) survivor.free(live);
    recover({ arena, survivor }, [0, 1]);
  });

  test('the caller can take the dead thread’s slots over', () => {
    const { survivor } = scene();
    survivor.rebuildFreeList(1, 0);
    expect(sorted(drain(survivor))).toEqual(range(64).slice(2));
    expect([...survivor.slotsOf(1)]).toEqual([0, 1]);
  });
});

describe('arena on several threads', () => {
  test('no slot is given out twice', async () => {
    const shared = makeShared(512);
    const jobs = Array.from({ length: 3 }, () => ({ kind: 'arena' as const, from: 0, count: 40, rounds: 20_000 }));
    const held = await new Crew(shared, jobs).run();
    for (const slots of held) expect(slots).toBeInstanceOf(Array);
    const all = (held as number[][]).flat();
    expect(new Set(all).size).toBe(all.length);
    expect(shared.arena.liveCount()).toBe(all.length);
    for (const thread of [1, 2, 3]) shared.arena.rebuildFreeList(thread, 0);
    expect(sorted([...drain(shared.arena), ...all])).toEqual(range(512));
  });
});
