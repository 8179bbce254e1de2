/** The exhaustive search against the plain enumeration of all interleavings, on random little programs. */
import { search, type World } from '@mediated/explorer';
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
      const results = {
        load: before,
        store: value,
        add: before + value,
        or: before | value,
        compareExchange: before === value - 1 ? value : before,
      };
      const after = results[operation as keyof typeof results];
      const given = operation === 'store' ? value : before;
      go(
        words.with(at, after),
        seen.with(thread * 8 + position, 1 + given),
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
const threads = (operation: fc.Arbitrary<Instruction>, steps: number) =>
  fc.oneof(
    fc.array(fc.array(operation, { minLength: 1, maxLength: steps }), { minLength: 2, maxLength: 2 }),
    fc.array(fc.array(operation, { minLength: 1, maxLength: steps - 1 }), { minLength: 3, maxLength: 3 }),
  );
const twoOrThree = threads(instruction, 4);
/** Waits and notifications too. */
const sleepy = threads(
  fc.record({
    operation: fc.constantFrom('store', 'add', 'wait', 'wait', 'waitAsync', 'notify', 'notify'),
    at: fc.constant(0),
    value: fc.integer({ min: 1, max: 2 }),
  }),
  3,
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

test.each([
  [Number.POSITIVE_INFINITY, 0],
  [Number.POSITIVE_INFINITY, 1],
  [1, 0],
  [1, 1],
])(
  'the reduction loses nothing: waits, time-outs, at most %d preemptions and %d deaths',
  async (preemptions, kills) => {
    await fc.assert(
      fc.asyncProperty(sleepy, async (programs) => {
        const [reduced, all] = [new Set<string>(), new Set<string>()];
        for (const [outcomes, everywhere] of [
          [reduced, false],
          [all, true],
        ] as const) {
          const options = { preemptions, kills, everywhere, parameters: { programs, outcomes } };
          const exploration = await search('programs', { module: SCENARIOS, name: 'programs' }, options);
          expect(exploration).toMatchObject({ complete: true, failure: undefined });
        }
        expect([...reduced].sort()).toEqual([...all].sort());
      }),
      { numRuns: preemptions === 1 ? 4 : 2 },
    );
  },
);

test('a plain read of what only another thread changes: everywhere, and only there', async () => {
  const plainReader = (world: World) => {
    const words = world.share('words', () => new Int32Array(new SharedArrayBuffer(8)));
    world.start('writer', () => {
      Atomics.store(words, 0, 1);
      Atomics.store(words, 1, 1);
    });
    world.start('reader', () => {
      if (words[0] !== words[1]) throw new Error('between the two');
    });
  };
  expect(await search('plain reader', plainReader)).toMatchObject({ complete: true, failure: undefined });
  const { failure } = await search('plain reader', plainReader, { everywhere: true });
  expect(failure?.message).toContain('between the two');
});
