/** What cannot be explored, and how that is said: a search never hangs on it, and never passes for it. */
import { explore, search, type World } from '@mediated/explorer';
import { describe, expect, test } from 'vitest';

const SCENARIOS = new URL('../dist-fixtures/scenarios.fixture.js', import.meta.url);
const { POSITIVE_INFINITY: ALL } = Number;

/** Two threads that each add once. */
function additions(world: World): void {
  const words = world.share('words', () => new Int32Array(new SharedArrayBuffer(8)));
  for (const name of ['a', 'b']) world.start(name, () => Atomics.add(words, 0, 1));
}

describe('a scenario that does not do the same twice', () => {
  test('a choice that was possible is not', async () => {
    const fickle = (world: World) => {
      const words = world.share('words', () => new Int32Array(new SharedArrayBuffer(8)));
      let runs = 0;
      for (const name of ['a', 'b']) {
        world.start(name, () => {
          Atomics.add(words, 0, 1);
          if (++runs % 2 === 0) Atomics.wait(words, 1, 0, 10);
          Atomics.add(words, 0, 1);
        });
      }
    };
    await expect(search('fickle', fickle, { preemptions: ALL })).rejects.toThrow("'fickle' is not deterministic");
  });

  test('all choices are possible, but a step goes elsewhere', async () => {
    const fickle = (world: World) => {
      const words = world.share('words', () => new Int32Array(new SharedArrayBuffer(16)));
      let runs = 0;
      for (const name of ['a', 'b']) {
        world.start(name, () => {
          for (const at of [1, 2, 3]) Atomics.add(words, at, 1);
          Atomics.add(words, runs++ % 3, 1);
          Atomics.add(words, 0, 1);
        });
      }
    };
    await expect(search('fickle', fickle, { preemptions: ALL })).rejects.toThrow(
      /not deterministic: after the schedule [\dx.]+ it did something else/,
    );
  });
});

describe('a scenario in which there is nothing to explore', () => {
  test('no threads', async () => {
    await expect(search('nothing', () => {})).rejects.toThrow('a scenario has 1 to 8 threads, not 0');
  });

  test('memory that is not shared by the world', async () => {
    const own = (world: World) => {
      const words = new Int32Array(new SharedArrayBuffer(8));
      for (const name of ['a', 'b']) world.start(name, () => Atomics.add(words, 0, 1));
    };
    await expect(search('own memory', own)).rejects.toThrow(
      "there is nothing to explore in 'own memory': no thread has used Atomics",
    );
  });

  test('no Atomics', async () => {
    const plain = (world: World) => {
      const words = world.share('words', () => new Int32Array(new SharedArrayBuffer(8)));
      for (const name of ['a', 'b']) world.start(name, () => words.fill(1));
    };
    await expect(search('plain', plain, { random: 3 })).rejects.toThrow('nothing to explore');
  });
});

describe('a scenario that threads cannot declare', () => {
  const declaring = (world: World) => {
    const words = world.share('words', () => new Int32Array(new SharedArrayBuffer(8)));
    if (world.thread === 1 && world.parameters.does === 'throws') throw new Error('not here');
    if (world.thread === 1 && world.parameters.does === 'exits') process.exit(3);
    const names = world.thread === 1 && world.parameters.does === 'forgets' ? ['a'] : ['a', 'b'];
    for (const name of names) world.start(name, () => Atomics.add(words, 0, 1));
  };

  test.each([
    ['throws', 'not here'],
    ['exits', 'its worker has ended with code 3'],
    ['forgets', 'it declares fewer threads there than in the controller'],
  ])('it %s', async (does, why) => {
    await expect(search('declared', declaring, { parameters: { does } })).rejects.toThrow(
      `the scenario cannot be declared in the thread 'b': ${why}`,
    );
  });

  test('what a thread runs is no function', async () => {
    const called = (world: World) => world.start('a', 1 as unknown as () => void);
    await expect(search('called', called)).rejects.toThrow("what the thread 'a' runs is no function");
  });
});

describe('a scenario whose text', () => {
  test('is that of a method', async () => {
    const object = { scenario(_world: World) {} };
    await expect(search('a method', object.scenario)).rejects.toThrow("text of the scenario 'a method' is no function");
  });

  test('names what stands around it, in a thread', async () => {
    const size = 1;
    const closure = (world: World) => {
      const words = world.share('words', () => new Int32Array(new SharedArrayBuffer(8)));
      world.start('a', () => Atomics.add(words, 0, size));
    };
    expect((await search('closure', closure)).failure?.message).toMatch(
      /^a: ReferenceError: size is not defined \(a scenario given as a function sees nothing/,
    );
  });
});

describe('a module', () => {
  const name = 'sleepingLock';

  test('is found relative to `base`, and nowhere without', async () => {
    const module = './scenarios.fixture.js';
    await expect(search('relative', { module, name })).rejects.toThrow('is relative to nothing');
    expect(await search('relative', { module, name }, { base: SCENARIOS })).toMatchObject({ complete: true });
  });

  test('that has no such export', async () => {
    await expect(search('x', { module: SCENARIOS, name: 'none' })).rejects.toThrow("exports no scenario 'none'");
  });
});

describe('a schedule', () => {
  test('that is none', async () => {
    await expect(search('x', additions, { replay: '0x2.z' })).rejects.toThrow("'z' in the schedule");
  });

  test.each(['0x2.1x9', '0x3.1x2'])('that does not fit the code: %s', async (replay) => {
    await expect(search('additions', additions, { replay })).rejects.toThrow(
      `the schedule '${replay}' does not fit 'additions'`,
    );
  });
});

test('a bound that is none', async () => {
  await expect(search('x', additions, { preemptions: -1 })).rejects.toThrow('preemptions: 0 or more');
});

test('process.exit in a thread is a failure, and the worker lives on', async () => {
  const exits = (world: World) => {
    const words = world.share('words', () => new Int32Array(new SharedArrayBuffer(8)));
    for (const name of ['a', 'b']) {
      world.start(name, () => {
        if (Atomics.add(words, 0, 1) === 1) process.exit(2);
      });
    }
  };
  const { failure } = await search('exits', exits);
  expect(failure).toMatchObject({ kind: 'error', message: expect.stringContaining('process.exit(2) was called') });
});

test('a thread that catches what ends its execution, for ever', async () => {
  const swallows = (world: World) => {
    const words = world.share('words', () => new Int32Array(new SharedArrayBuffer(8)));
    world.start('deaf', () => {
      for (;;) {
        try {
          Atomics.add(words, 0, 1);
        } catch {}
      }
    });
  };
  await expect(search('swallows', swallows, { steps: 100 })).rejects.toThrow("'deaf' cannot be stopped");
});

test('a promise that no thread settles is a deadlock, and says who awaits', async () => {
  const awaits = (world: World) => {
    const words = world.share('words', () => new Int32Array(new SharedArrayBuffer(8)));
    world.start('patient', async () => {
      Atomics.add(words, 0, 1);
      await new Promise(() => {});
    });
  };
  expect((await search('awaits', awaits)).failure).toMatchObject({
    kind: 'deadlock',
    message: expect.stringContaining('patient awaits what no thread settles'),
  });
});

test('a search that is aborted rejects with the reason', async () => {
  const aborted = new AbortController();
  const searching = search('x', { module: SCENARIOS, name: 'counters' }, { preemptions: ALL, signal: aborted.signal });
  setImmediate(() => aborted.abort(new Error('enough')));
  await expect(searching).rejects.toThrow('enough');
  await expect(explore('x', additions, { signal: AbortSignal.abort(new Error('never')) })).rejects.toThrow('never');
});
