/** The exhaustive search against the plain enumeration of all interleavings, on random little programs. */
import { search } from '@mediated/explorer';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Instruction } from './scenarios.fixture.js';

const SCENARIOS = new URL('../dist-fixtures/scenarios.fixture.js', import.meta.url);

/** What every interleaving within the bound gives, by trying them all. */
function enumerate(programs: Instruction[][], bound: number): Set<string> {
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
      const after = {
        load: before,
        store: value,
        add: before + value,
        or: before | value,
        compareExchange: before === value - 1 ? value : before,
      }[operation];
      const given = operation === 'store' ? value : before;
      go(
        words.with(at, after),
        seen.with(thread * 8 + position, given),
        positions.with(thread, position + 1),
        thread,
        cost,
      );
    }
    if (ended) outcomes.add([...words, ...seen].join());
  };
  go(
    [0, 0],
    Array(64).fill(0),
    programs.map(() => 0),
    -1,
    0,
  );
  return outcomes;
}

const instruction: fc.Arbitrary<Instruction> = fc.record({
  operation: fc.constantFrom('load', 'load', 'store', 'add', 'or', 'compareExchange'),
  at: fc.nat(1),
  value: fc.integer({ min: 1, max: 3 }),
});
const twoOrThree = fc.oneof(
  fc.array(fc.array(instruction, { minLength: 1, maxLength: 4 }), { minLength: 2, maxLength: 2 }),
  fc.array(fc.array(instruction, { minLength: 1, maxLength: 3 }), { minLength: 3, maxLength: 3 }),
);

test.each([Number.POSITIVE_INFINITY, 2, 1, 0])(
  'finds exactly the outcomes there are: at most %d preemptions',
  async (preemptions) => {
    await fc.assert(
      fc.asyncProperty(twoOrThree, async (programs) => {
        const outcomes = new Set<string>();
        const exploration = await search(
          'programs',
          { module: SCENARIOS, name: 'programs' },
          {
            preemptions,
            parameters: { programs, outcomes },
          },
        );
        expect(exploration.complete).toBe(true);
        expect([...outcomes].sort()).toEqual([...enumerate(programs, preemptions)].sort());
      }),
      { numRuns: 6 },
    );
  },
);

test.each([Number.POSITIVE_INFINITY, 0])(
  'a thread begins its tasks in the order in which they were granted, and both orders are found: at most %d preemptions',
  async (preemptions) => {
    const outcomes = new Set<number>();
    const scenario = { module: SCENARIOS, name: 'twoTasks' };
    expect(await search('two tasks', scenario, { preemptions, parameters: { outcomes } })).toMatchObject({
      complete: true,
      failure: undefined,
    });
    expect([...outcomes].sort()).toEqual([0, 1, 2]);
  },
);
