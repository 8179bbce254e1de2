/**
 * The argument at the head of `uuid-table.ts`, checked by stopping a thread at every atomic step of an operation while
 * others run. All "threads" live on this one: each has its own view of the arena and the table, and the wrapped
 * `Atomics` runs the intruder in the middle of the operation; the intruder can be interrupted too, or die. Whatever
 * happened must be what the operations give one after the other, in some order (linearizable).
 */
import { Arena, UuidTable } from '@mediated/core/memory';
import { REMOVED } from '#dist/memory/uuid-table.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';

type Operation = readonly ['insert' | 'remove' | 'lookup', number];
interface Event {
  /** `recover` is a removal that may find nothing to remove. */
  operation: 'insert' | 'remove' | 'lookup' | 'recover';
  number: number;
  index: number;
  /** Undefined: the thread died in it, so that it happened or did not. */
  result: boolean | number | undefined;
}

/** UUIDs are numbered 0..LAST; with two chains they fall into both. */
const LAST = 4;

/** Thrown out of the middle of an operation. */
class Death extends Error {}

const STEPS = ['load', 'store', 'compareExchange', 'or'] as const;

/** Runs `body`, and `intruder` once, right before the body's atomic step number `step`. */
function interrupted(body: () => void, step: number, intruder: () => void): void {
  const originals = STEPS.map((name) => Atomics[name]);
  let count = 0;
  for (const [at, name] of STEPS.entries()) {
    const original = originals[at] as (...args: unknown[]) => unknown;
    const wrapped = (...args: unknown[]) => {
      if (count++ === step) intruder();
      if (count > 10_000) throw new Error('an operation does not end');
      return original.apply(Atomics, args);
    };
    Object.assign(Atomics, { [name]: wrapped });
  }
  try {
    body();
  } finally {
    for (const [at, name] of STEPS.entries()) Object.assign(Atomics, { [name]: originals[at] });
  }
}

class Thread {
  readonly arena: Arena;
  readonly table: UuidTable;
  readonly held = new Map<number, number>();
  readonly events: Event[] = [];

  constructor(arena: Arena, table: UuidTable) {
    this.arena = arena;
    this.table = table;
  }

  run([operation, number]: Operation): void {
    const { arena, table, held } = this;
    if (operation === 'lookup') {
      const event: Event = this.begin(operation, number, -1);
      event.result = table.lookup(number, 0, 0, 0);
    } else if (operation === 'remove') {
      // One of those it holds, whichever `number` means.
      const mine = [...held.keys()][number % held.size];
      if (mine === undefined) return;
      const index = held.get(mine) as number;
      held.delete(mine);
      const event = this.begin(operation, mine, index);
      event.result = table.remove(index);
      arena.free(index);
    } else {
      const index = arena.allocate();
      if (index < 0) return;
      arena.words.set([number, 0, 0, 0], arena.base(index) + 2);
      const event = this.begin(operation, number, index);
      event.result = table.insertIfAbsent(index);
      if (event.result) held.set(number, index);
      else arena.free(index);
    }
  }

  begin(operation: Event['operation'], number: number, index: number): Event {
    const event: Event = { operation, number, index, result: undefined };
    this.events.push(event);
    return event;
  }

  /** What a supervisor does for the dead thread number `dead`. */
  recover(dead: number, events: Event[]): void {
    for (const index of this.arena.slotsOf(dead)) {
      const number = this.arena.words[this.arena.base(index) + 2] as number;
      events.push({ operation: 'recover', number, index, result: undefined });
      this.table.remove(index);
      this.arena.free(index);
    }
    this.arena.rebuildFreeList(dead);
  }
}

/** True when some merge of the threads' events, applied to a Map, gives their results and the `final` contents. */
function explained(
  lists: readonly Event[][],
  model: ReadonlyMap<number, number>,
  final: ReadonlyMap<number, number>,
): boolean {
  if (lists.every((list) => list.length === 0)) {
    return model.size === final.size && [...model].every(([number, index]) => final.get(number) === index);
  }
  return lists.some((list, at) => {
    const [event, ...rest] = list;
    if (event === undefined) return false;
    const { operation, number, index, result } = event;
    const others = lists.with(at, rest);
    if (result === undefined && explained(others, model, final)) return true;
    const present = model.get(number);
    const next = new Map(model);
    if (operation === 'lookup') {
      if (result !== (present ?? -1)) return false;
    } else if (operation === 'insert') {
      if ((result ?? true) !== (present === undefined)) return false;
      if (present === undefined) next.set(number, index);
    } else {
      if (present !== index) return false;
      next.delete(number);
    }
    return explained(others, next, final);
  });
}

const operation: fc.Arbitrary<Operation> = fc.tuple(
  fc.constantFrom('insert', 'insert', 'remove', 'remove', 'lookup'),
  fc.nat(LAST),
);
const scene = fc.record({
  chains: fc.constantFrom(1, 2),
  /** Which numbers each thread holds at the start, in order of insertion. */
  start: fc.uniqueArray(fc.tuple(fc.nat(2), fc.nat(LAST)), { maxLength: 5, selector: ([, number]) => number }),
  /** Free slots of each thread besides those it holds; the fewer, the sooner a slot is used again. */
  spare: fc.tuple(fc.nat(1), fc.nat(1), fc.nat(1)),
  /** The operation that is stopped, and what its thread does next. */
  first: operation,
  next: fc.array(operation, { maxLength: 2 }),
  second: fc.array(operation, { minLength: 1, maxLength: 6 }),
  /** In which operation of the second thread the third intrudes, at which step, and whether the second dies of it. */
  nested: fc.nat(5),
  nestedStep: fc.nat(15),
  dies: fc.boolean(),
  third: fc.array(operation, { maxLength: 3 }),
});

test('a thread stopped at any step of an operation, others running or dying meanwhile: still linearizable', () => {
  fc.assert(
    fc.property(scene, ({ chains, start, spare, first, next, second, nested, nestedStep, dies, third }) => {
      for (let step = 0, finished = false; !finished; step++) {
        const arena = Arena.create({ capacity: 8, slotWords: 8, thread: 0 });
        const table = UuidTable.create({ arena, uuidOffset: 2, nextOffset: 6, heads: chains });
        const threads = [0, 1, 2].map((thread) => {
          const own = Arena.from(arena.handle, { thread });
          return new Thread(own, UuidTable.from(table.handle, own));
        }) as [Thread, Thread, Thread];
        const slots = Array.from({ length: arena.capacity }, () => arena.allocate());
        const free = (thread: number) => (threads[thread] as Thread).arena.free(slots.pop() as number);
        for (const [thread, number] of start) {
          free(thread);
          (threads[thread] as Thread).run(['insert', number]);
        }
        for (const [thread, count] of spare.entries()) if (count > 0) free(thread);
        const model = new Map(threads.flatMap(({ held }) => [...held]));
        for (const { events } of threads) events.length = 0;

        finished = true;
        let dead = false;
        const runThird = () => {
          for (const operation of third) threads[2].run(operation);
          if (dies) throw new Death();
        };
        const runSecond = () => {
          finished = false;
          try {
            for (const [at, operation] of second.entries()) {
              if (at === nested) interrupted(() => threads[1].run(operation), nestedStep, runThird);
              else threads[1].run(operation);
            }
          } catch (error) {
            if (!(error instanceof Death)) throw error;
            dead = true;
          }
        };
        interrupted(() => threads[0].run(first), step, runSecond);
        for (const operation of next) threads[0].run(operation);
        if (dead) threads[2].recover(1, threads[1].events);

        const final = new Map<number, number>();
        for (let number = 0; number <= LAST; number++) {
          const index = table.lookup(number, 0, 0, 0);
          if (index >= 0) final.set(number, index);
        }
        const history = threads.map(({ events }) => events);
        const consistent = table.count() === final.size && arena.liveCount() === final.size + slots.length;
        if (!(consistent && explained(history, model, final))) {
          expect.fail(`stopped at step ${step}: ${JSON.stringify(history)}, then ${JSON.stringify([...final])}`);
        }
      }
    }),
    { numRuns: 3000 },
  );
});

test('remove does not return before its slot is unlinked, whenever the entry before it is marked', () => {
  for (let step = 0, finished = false; !finished; step++) {
    finished = true;
    const arena = Arena.create({ capacity: 2, slotWords: 8, thread: 0 });
    const table = UuidTable.create({ arena, uuidOffset: 2, nextOffset: 6, heads: 2 });
    const thread = new Thread(arena, table);
    // 1 and 2 are in one chain, 0 in the other; the remover of 2, the entry before, dies after its mark.
    thread.run(['insert', 1]);
    thread.run(['insert', 2]);
    const before = thread.held.get(2) as number;
    interrupted(
      () => thread.run(['remove', 0]),
      step,
      () => {
        finished = false;
        Atomics.or(arena.words, arena.base(before) + 6, REMOVED);
      },
    );
    thread.run(['insert', 0]);
    table.remove(before);
    expect([0, 1, 2].map((number) => table.lookup(number, 0, 0, 0))).toEqual([thread.held.get(0), -1, -1]);
    expect(table.count(), `marked at step ${step}`).toBe(1);
  }
});

test('a look-up that sleeps while the next slot moves to another chain still finds what was there all the time', () => {
  for (let step = 0, finished = false; !finished; step++) {
    finished = true;
    const arena = Arena.create({ capacity: 2, slotWords: 8, thread: 0 });
    const table = UuidTable.create({ arena, uuidOffset: 2, nextOffset: 6, heads: 2 });
    const thread = new Thread(arena, table);
    const other = Arena.from(arena.handle, { thread: 1 });
    const sleeper = UuidTable.from(table.handle, other);
    thread.run(['insert', 1]);
    thread.run(['insert', 2]);
    let found = -1;
    interrupted(
      () => {
        found = sleeper.lookup(1, 0, 0, 0);
      },
      step,
      () => {
        finished = false;
        thread.run(['remove', 1]);
        thread.run(['insert', 0]);
      },
    );
    expect(found, `moved at step ${step}`).toBe(thread.held.get(1));
  }
});
