/** The exhaustive search on real threads; what it leaves out is tried on many more programs in `search-threadless.test.ts`. */
import { search, type World } from '@mediated/explorer';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Instruction } from './scenarios.fixture.js';
import { outcomesOf } from './threadless.fixture.js';

const SCENARIOS = new URL('../dist-fixtures/scenarios.fixture.js', import.meta.url);

const instruction: fc.Arbitrary<Instruction> = fc.record({
  operation: fc.constantFrom('load', 'store', 'add', 'or', 'compareExchange', 'wait', 'waitAsync', 'notify'),
  at: fc.constant(0),
  value: fc.integer({ min: 1, max: 3 }),
});
const steps = fc.array(instruction, { minLength: 1, maxLength: 2 });
/** One thread changes the word that both use: what nobody changes is no point at which a thread is interrupted or dies. */
const programs = fc
  .tuple(steps, steps)
  .map(([one, other]): Instruction[][] => [[{ operation: 'add', at: 0, value: 1 }, ...one], other]);

test.each([
  [Number.POSITIVE_INFINITY, 0],
  [Number.POSITIVE_INFINITY, 1],
  [2, 0],
  [1, 1],
])(
  'threads do what every interleaving of their steps gives: at most %d preemptions and %d deaths',
  async (preemptions, kills) => {
    await fc.assert(
      fc.asyncProperty(programs, async (programs) => {
        const outcomes = new Set<string>();
        const options = { preemptions, kills, parameters: { programs, outcomes } };
        const exploration = await search('programs', { module: SCENARIOS, name: 'programs' }, options);
        expect(exploration).toMatchObject({ complete: true, failure: undefined });
        const all = outcomesOf(programs, { preemptions, kills, everywhere: true });
        expect([...outcomes].sort()).toEqual([...all].sort());
      }),
      { numRuns: 4 },
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
