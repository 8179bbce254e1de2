/** Scenarios for the tests of the search, each exported by its name. */
import type { World } from '@mediated/explorer';

/** A lock that sleeps: 0 free, 1 held. `parameters.forgets`: the releaser wakes nobody. */
export function sleepingLock(world: World): void {
  const words = world.share('words', () => new Int32Array(new SharedArrayBuffer(12)));
  for (const name of ['a', 'b']) {
    world.start(name, () => {
      while (Atomics.compareExchange(words, 0, 0, 1) !== 0) Atomics.wait(words, 0, 1);
      const seen = words[1] as number;
      Atomics.add(words, 2, 1);
      words[1] = seen + 1;
      Atomics.store(words, 0, 0);
      if (world.parameters.forgets !== true) Atomics.notify(words, 0, 1);
    });
  }
  world.afterwards(() => {
    if (words[1] !== 2) throw new Error(`counted ${words[1]}`);
  });
}

/** The same with `Atomics.waitAsync`. */
export function awaitingLock(world: World): void {
  const words = world.share('words', () => new Int32Array(new SharedArrayBuffer(12)));
  for (const name of ['a', 'b']) {
    world.start(name, async () => {
      while (Atomics.compareExchange(words, 0, 0, 1) !== 0) await Atomics.waitAsync(words, 0, 1).value;
      const seen = words[1] as number;
      Atomics.add(words, 2, 1);
      words[1] = seen + 1;
      Atomics.store(words, 0, 0);
      if (world.parameters.forgets !== true) Atomics.notify(words, 0, 1);
    });
  }
  world.afterwards(() => {
    if (words[1] !== 2) throw new Error(`counted ${words[1]}`);
  });
}

/** A thread awaits two words, of which each of two others notifies one. `parameters.outcomes`: which of them it went on with. */
export function twoTasks(world: World): void {
  const words = world.share('words', () => new Int32Array(new SharedArrayBuffer(12)));
  world.start('waiter', async () => {
    const waits = [0, 1].map((at) => Atomics.waitAsync(words, at, 0));
    const order: number[] = [];
    const tasks = waits.map(({ value }, at) => Promise.resolve(value).then(() => order.push(at)));
    await Promise.all(tasks);
    words[2] = waits.every(({ async }) => async) ? 1 + (order[0] as number) : 0;
  });
  for (const at of [0, 1]) {
    world.start(`notifies ${at}`, () => {
      Atomics.store(words, at, 1);
      Atomics.notify(words, at);
    });
  }
  world.afterwards(() => void (world.parameters.outcomes as Set<number>).add(words[2] as number));
}

/**
 * One step of a little program: an operation on word `at` with `value`; compareExchange expects `value - 1`. Waits, for
 * `value - 1` too, have a time-out; a notification wakes one.
 */
export interface Instruction {
  readonly operation: 'load' | 'store' | 'add' | 'or' | 'compareExchange' | 'wait' | 'waitAsync' | 'notify';
  readonly at: number;
  readonly value: number;
}

const RESULTS = ['ok', 'not-equal', 'timed-out'];

/** Threads that run the programs of `parameters.programs`; what they saw and left goes to `parameters.outcomes`. */
export function programs(world: World): void {
  const all = world.parameters.programs as Instruction[][];
  const words = world.share('words', () => new Int32Array(new SharedArrayBuffer(8)));
  const seen = world.share('seen', () => new Int32Array(new SharedArrayBuffer(4 * 64)));
  for (const [thread, program] of all.entries()) {
    const play = async ({ operation, at, value }: Instruction): Promise<number> => {
      switch (operation) {
        case 'load':
          return Atomics.load(words, at);
        case 'compareExchange':
          return Atomics.compareExchange(words, at, value - 1, value);
        case 'notify':
          return Atomics.notify(words, at, 1);
        case 'wait':
          return RESULTS.indexOf(Atomics.wait(words, at, value - 1, 10));
        case 'waitAsync':
          return RESULTS.indexOf(await Atomics.waitAsync(words, at, value - 1, 10).value);
        default:
          return Atomics[operation](words, at, value);
      }
    };
    world.start(`thread ${thread}`, async () => {
      for (const [step, instruction] of program.entries()) seen[thread * 8 + step] = 1 + (await play(instruction));
    });
  }
  world.afterwards(() => {
    (world.parameters.outcomes as Set<string>).add([...words, ...seen].join());
  });
}

/** Four threads that add again and again: more executions than anybody waits for. */
export function counters(world: World): void {
  const words = world.share('words', () => new Int32Array(new SharedArrayBuffer(8)));
  for (const name of ['a', 'b', 'c', 'd']) {
    world.start(name, () => {
      for (let n = 0; n < 20; n++) Atomics.add(words, n & 1, 1);
    });
  }
}
