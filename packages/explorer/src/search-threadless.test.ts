/** The exhaustive search on thousands of little programs, against the plain enumeration of all their interleavings. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Instruction } from './scenarios.fixture.js';
import { outcomesOf, resultOf } from './threadless.fixture.js';

/** Programs per property. */
const numRuns = Number(process.env.MEDIATED_SEARCHED_PROGRAMS ?? 50);

type Programs = Instruction[][];

/** What every interleaving within the bound gives, by trying them all. */
function enumerate(programs: Programs, bound: number): Set<string> {
  const outcomes = new Set<string>();
  const go = (words: number[], seen: number[], positions: number[], last: number, spent: number) => {
    let ended = true;
    const couldGoOn = last >= 0 && positions[last] !== programs[last]?.length;
    for (const [thread, program] of programs.entries()) {
      const position = positions[thread] as number;
      const instruction = program[position];
      if (instruction === undefined) continue;
      ended = false;
      const cost = spent + (couldGoOn && thread !== last ? 1 : 0);
      if (cost > bound) continue;
      const { operation, at, value } = instruction;
      const before = words[at] as number;
      go(
        words.with(at, resultOf(operation, before, value)),
        seen.with(thread * 8 + position, 1 + (operation === 'store' ? value : before)),
        positions.with(thread, position + 1),
        thread,
        cost,
      );
    }
    if (ended) outcomes.add([...words, ...seen].join());
  };
  go(
    [0, 0],
    Array<number>(64).fill(0),
    programs.map(() => 0),
    -1,
    0,
  );
  return outcomes;
}

function programOf(operations: readonly Instruction['operation'][], maxLength: number): fc.Arbitrary<Instruction[]> {
  const instruction = fc.record({
    operation: fc.constantFrom(...operations),
    at: fc.nat(1),
    value: fc.integer({ min: 1, max: 3 }),
  });
  return fc.array(instruction, { minLength: 1, maxLength });
}

function programsOf(
  operations: readonly Instruction['operation'][],
  sizes: [number, number][],
): fc.Arbitrary<Programs> {
  const each = sizes.map(([threads, steps]) =>
    fc.array(programOf(operations, steps), { minLength: threads, maxLength: threads }),
  );
  return fc.oneof(...each);
}

/** With the reduction, the search finds what it finds without. */
function expectNothingLost(programs: Programs, bounds: Parameters<typeof outcomesOf>[1]): void {
  const found = [...outcomesOf(programs, bounds)].sort();
  expect(found).toEqual([...outcomesOf(programs, { ...bounds, everywhere: true })].sort());
}

const VALUES = ['load', 'load', 'store', 'add', 'or', 'compareExchange'] as const;
const WAITS = ['load', 'store', 'add', 'wait', 'waitAsync', 'notify', 'notify'] as const;

const values = programsOf(VALUES, [
  [2, 4],
  [3, 3],
  [4, 2],
]);
const waits = programsOf(WAITS, [
  [2, 3],
  [3, 2],
]);

test.each([Number.POSITIVE_INFINITY, 3, 2, 1, 0])(
  'finds exactly the outcomes there are: %d preemptions',
  (preemptions) => {
    fc.assert(
      fc.property(values, (programs) => {
        const found = [...outcomesOf(programs, { preemptions })].sort();
        expect(found).toEqual([...enumerate(programs, preemptions)].sort());
      }),
      { numRuns },
    );
  },
);

test.each([
  [Number.POSITIVE_INFINITY, 0],
  [Number.POSITIVE_INFINITY, 1],
  [2, 0],
  [2, 1],
  [1, 0],
  [1, 1],
  [0, 0],
  [0, 1],
])('the reduction loses nothing: waits, time-outs, %d preemptions, %d deaths', (preemptions, kills) => {
  fc.assert(
    fc.property(waits, (programs) => {
      expectNothingLost(programs, { preemptions, kills });
    }),
    { numRuns },
  );
});

test.each([
  [Number.POSITIVE_INFINITY, 1],
  [Number.POSITIVE_INFINITY, 2],
  [1, 1],
  [1, 2],
  [0, 1],
])('the reduction loses nothing: a supervisor that answers deaths, %d preemptions, %d deaths', (preemptions, kills) => {
  const supervised = fc.tuple(programsOf(WAITS, [[2, 2]]), programOf(WAITS, 2));
  fc.assert(
    fc.property(supervised, ([programs, supervisor]) => {
      expectNothingLost(programs, { preemptions, kills, supervisor });
    }),
    { numRuns },
  );
});
