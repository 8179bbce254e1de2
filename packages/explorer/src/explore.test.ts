/** What a search finds, and how it says so. */
import { ExplorationError, explore, search, type World } from '@mediated/explorer';
import { describe, expect, test } from 'vitest';

const SCENARIOS = new URL('../dist-fixtures/scenarios.fixture.js', import.meta.url);
const { POSITIVE_INFINITY: ALL } = Number;

/** Two threads that count without an atomic addition. */
function lostUpdate(world: World) {
  const words = world.share('words', () => new Int32Array(new SharedArrayBuffer(8)));
  for (const name of ['a', 'b']) {
    world.start(name, () => {
      const seen = Atomics.load(words, 0);
      Atomics.store(words, 0, seen + 1);
    });
  }
  world.afterwards(() => {
    if (words[0] !== 2) throw new Error(`expected 2, found ${words[0]}`);
  });
}

describe('finds', () => {
  test('an assertion that fails afterwards, prints the shortest schedule, and replays it', async () => {
    const found = await explore('lost update', lostUpdate).catch((error: unknown) => error);
    expect(found).toBeInstanceOf(ExplorationError);
    const { failure } = (found as ExplorationError).exploration;
    expect(failure).toMatchObject({ kind: 'check', message: 'expected 2, found 1', schedule: '0x2.1x3' });
    expect(failure.report.split('\n').map((line) => line.slice(0, 38).trimEnd())).toEqual([
      "'lost update' fails (check): expected",
      '',
      '    1  a  begins',
      '    2     load words[0]: 0',
      '    3  b  begins',
      '    4     load words[0]: 0',
      '    5     store words[0] = 1',
      '    6  a  store words[0] = 1',
      '',
      'replay: 0x2.1x3',
    ]);
    expect(failure.report).toMatch(/load words\[0\]: 0 +lost-update:\d+/);
    const replayed = await search('lost update', lostUpdate, { replay: failure.schedule });
    expect(replayed).toMatchObject({ strategy: 'replay', executions: 1, failure: { kind: 'check' } });
  });

  test('what a thread throws, with its stack', async () => {
    const { failure } = await search('throws', (world) => {
      world.start('thrower', () => {
        throw new RangeError('no');
      });
    });
    expect(failure).toMatchObject({ kind: 'error', message: expect.stringContaining('thrower: RangeError: no') });
  });

  test('a deadlock: each of two threads sleeps on what the other holds', async () => {
    const { failure } = await search('deadlock', (world) => {
      const words = world.share('locks', () => new Int32Array(new SharedArrayBuffer(8)));
      const lock = (at: number) => {
        while (Atomics.compareExchange(words, at, 0, 1) !== 0) Atomics.wait(words, at, 1);
      };
      const unlock = (at: number) => {
        Atomics.store(words, at, 0);
        Atomics.notify(words, at);
      };
      for (const first of [0, 1]) {
        world.start(`takes ${first} first`, () => {
          lock(first);
          lock(1 - first);
          unlock(1 - first);
          unlock(first);
        });
      }
    });
    expect(failure?.kind).toBe('deadlock');
    expect(failure?.message).toContain('takes 0 first sleeps on locks[1]');
    expect(failure?.message).toContain('takes 1 first sleeps on locks[0]');
  });

  test.each(['sleepingLock', 'awaitingLock'])(
    'a wake-up that is lost when the releaser wakes nobody: %s',
    async (name) => {
      const scenario = { module: SCENARIOS, name };
      const { failure } = await search(name, scenario, { parameters: { forgets: true } });
      expect(failure?.kind).toBe('lost wake-up');
      expect(failure?.message).toMatch(/[ab] sleeps on words\[0\], when it held 1; it holds 0/);
      expect(await search(name, scenario, { preemptions: ALL })).toMatchObject({ complete: true, failure: undefined });
    },
  );

  test('a livelock: two threads that give way to each other for ever', async () => {
    const { failure } = await search(
      'after you',
      (world) => {
        const words = world.share('words', () => new Int32Array(new SharedArrayBuffer(8)));
        world.start('waits', () => {
          while (Atomics.load(words, 0) === 0);
        });
        world.start('other', () => {
          while (Atomics.load(words, 1) === 0);
        });
      },
      { steps: 1000 },
    );
    expect(failure).toMatchObject({ kind: 'livelock', message: 'no end after 1000 steps' });
  });

  test('a thread that spins until another has done something is no livelock', async () => {
    const spinning = (world: World) => {
      const words = world.share('words', () => new Int32Array(new SharedArrayBuffer(8)));
      world.start('spins', () => {
        while (Atomics.load(words, 0) === 0);
      });
      world.start('does', () => {
        Atomics.store(words, 0, 1);
      });
    };
    expect(await search('spin', spinning, { preemptions: 1 })).toMatchObject({ complete: true, failure: undefined });
  });

  test('a thread that ends and leaves something behind', async () => {
    const { failure } = await search('leaves', (world) => {
      const words = world.share('words', () => new Int32Array(new SharedArrayBuffer(8)));
      world.start('tidy', () => {});
      world.start('untidy', () => {
        Atomics.store(words, world.thread, 1);
      });
      world.atThreadEnd(() => {
        if (Atomics.load(words, world.thread) !== 0) throw new Error('holds a lock');
      });
    });
    expect(failure).toMatchObject({
      kind: 'left behind',
      message: expect.stringContaining('untidy has ended: Error: holds'),
    });
  });
});

describe('deaths', () => {
  /** A lock whose owner may die; `parameters.answers`: somebody frees it then. */
  const mortal = (world: World) => {
    const words = world.share('words', () => new Int32Array(new SharedArrayBuffer(8)));
    for (const thread of [0, 1]) {
      world.start(`mortal ${thread}`, () => {
        for (let owner = Atomics.compareExchange(words, 0, 0, thread + 1); owner !== 0; ) {
          Atomics.wait(words, 0, owner);
          owner = Atomics.compareExchange(words, 0, 0, thread + 1);
        }
        Atomics.store(words, 0, 0);
        Atomics.notify(words, 0);
      });
    }
    if (world.parameters.answers === true) {
      world.whenKilled((dead) => {
        Atomics.compareExchange(words, 0, dead + 1, 0);
        Atomics.notify(words, 0);
      });
    }
  };

  test('a thread is killed at any step; without anybody who answers, what it held stays held', async () => {
    expect(await search('mortal', mortal, { preemptions: ALL })).toMatchObject({ complete: true, failure: undefined });
    const { failure } = await search('mortal', mortal, { kills: 1 });
    expect(failure).toMatchObject({ kind: 'deadlock', schedule: expect.stringMatching(/\bk[01]\b/) });
    expect(failure?.report).toMatch(/^ +3 +dies$/m);
  });

  test('the supervisor is one more thread that is begun by a death', async () => {
    const options = { kills: 1, preemptions: ALL, parameters: { answers: true } };
    expect(await search('mortal', mortal, options)).toMatchObject({ threads: 3, complete: true, failure: undefined });
  });

  test('a thread may be spared', async () => {
    const spared = (world: World) => {
      const words = world.share('words', () => new Int32Array(new SharedArrayBuffer(8)));
      world.start('spared', () => Atomics.store(words, 0, 1), { mortal: false });
      world.afterwards(() => {
        if (words[0] !== 1) throw new Error('killed');
      });
    };
    expect(await search('spared', spared, { kills: 1 })).toMatchObject({ complete: true, failure: undefined });
  });
});

describe('time', () => {
  test('a time-out is one more choice: taken at once, and raced with the notification', async () => {
    const outcomes = new Set<string>();
    const timed = (world: World) => {
      const words = world.share('words', () => new Int32Array(new SharedArrayBuffer(8)));
      world.start('sleeper', () => {
        const before = performance.now();
        const result = Atomics.wait(words, 0, 0, 60_000);
        const slept = performance.now() - before;
        words[1] = result === 'ok' ? 1 : result === 'not-equal' ? 2 : slept >= 60_000 ? 3 : 4;
      });
      world.start('waker', () => {
        Atomics.store(words, 0, 1);
        Atomics.notify(words, 0);
      });
      world.afterwards(() => {
        (world.parameters.outcomes as Set<string>).add(String(words[1]));
      });
    };
    await explore('timed', timed, { preemptions: ALL, parameters: { outcomes } });
    expect([...outcomes].sort()).toEqual(['1', '2', '3']);
  });

  test('timers, immediates and waitAsync with a time-out end in virtual time', async () => {
    const started = performance.now();
    await explore('timers', (world) => {
      const words = world.share('words', () => new Int32Array(new SharedArrayBuffer(8)));
      world.start('waits', async () => {
        const start = Date.now();
        await new Promise((resolve) => setTimeout(resolve, 3_600_000));
        if (Date.now() - start < 3_600_000) throw new Error('too early');
        await new Promise((resolve) => setImmediate(resolve));
        const { value } = Atomics.waitAsync(words, 0, 0, 1_000_000);
        if ((await value) !== 'timed-out') throw new Error('nobody notified');
      });
    });
    expect(performance.now() - started).toBeLessThan(60_000);
  });
});

describe('random executions', () => {
  test('find a lost update, the same one for the same seed', async () => {
    const options = { random: 500, seed: 3 };
    const { failure } = await search('lost update', lostUpdate, options);
    expect(failure).toMatchObject({ kind: 'check' });
    expect((await search('lost update', lostUpdate, options)).failure?.execution).toBe(failure?.execution);
  });

  test('find none where there is none', async () => {
    const scenario = { module: SCENARIOS, name: 'sleepingLock' };
    expect(await search('lock', scenario, { random: 200 })).toMatchObject({ executions: 200, failure: undefined });
  });
});
