/** Start, restart and stop of threads and actors. */
import { ActorSystem, type ActorRef } from '@mediated/core/actor';
import { describe, expect, test } from 'vitest';
import { echo, type echoProtocol } from '../../dist-fixtures/actor/echo.fixture.js';
import { nextEvent } from '../../dist-fixtures/actor/harness.fixture.js';

type Echo = ActorRef<NonNullable<(typeof echoProtocol)['types']>>;
const counter = () => new Int32Array(new SharedArrayBuffer(64));

async function kill(system: ActorSystem, ref: Echo) {
  const died = nextEvent(system, 'threadDied');
  await expect(ref.ask('exit', 0)).rejects.toMatchObject({ code: 'EIO' });
  return died;
}

describe('start', () => {
  test('what `start` throws rejects the spawn; the thread that was started for it ends', async () => {
    await using system = ActorSystem.start();
    const stopped = nextEvent(system, 'threadStop');
    await expect(system.spawn(echo, { starts: counter() })).rejects.toThrow('told not to start');
    await stopped;
    expect(system.statistics().map(({ name }) => name)).toEqual(['main']);
  });

  test('a named thread outlives an actor that failed to start on it', async () => {
    await using system = ActorSystem.start();
    const ref = await system.spawn(echo, {}, { thread: 'shared' });
    await expect(system.spawn(echo, { starts: counter() }, { thread: 'shared' })).rejects.toThrow('told not to start');
    expect(await ref.ask('echo', 1)).toBe(1);
  });

  test('a module that cannot be loaded, or that exports no such actor, rejects the spawn', async () => {
    await using system = ActorSystem.start();
    await expect(system.spawn({ ...echo, module: 'file:///nowhere/at-all.js' }, {})).rejects.toMatchObject({
      code: 'ERR_MODULE_NOT_FOUND',
    });
    await expect(system.spawn({ ...echo, name: 'nobody' }, {})).rejects.toMatchObject({ code: 'EINVAL' });
  });

  test('options that cannot be cloned reject the spawn', async () => {
    await using system = ActorSystem.start();
    await expect(system.spawn(echo, { log: (() => {}) as never })).rejects.toMatchObject({ name: 'DataCloneError' });
  });

  test('spawns on one name at the same time share one thread', async () => {
    await using system = ActorSystem.start();
    const refs = await Promise.all([1, 2, 3].map(() => system.spawn(echo, {}, { thread: 'shared' })));
    expect(new Set(refs.map((ref) => ref.handle.thread)).size).toBe(1);
    expect(new Set(refs.map((ref) => ref.handle.actor)).size).toBe(3);
  });
});

describe('restart', () => {
  test('a thread that died comes back with its actors under the same references', async () => {
    await using system = ActorSystem.start();
    const starts = counter();
    const first = await system.spawn(echo, { starts, failFromStart: 100 }, { thread: 'shared' });
    const second = await system.spawn(echo, {}, { thread: 'shared' });
    const stopped = await system.spawn(echo, {}, { thread: 'shared' });
    await system.stop(stopped);
    for (let round = 1; round <= 3; round++) {
      const restarted = nextEvent(system, 'threadRestart');
      expect(await kill(system, first)).toMatchObject({ name: 'shared', restarting: true });
      expect(await restarted).toEqual({ id: first.handle.thread, name: 'shared' });
      expect(starts[0]).toBe(round + 1);
      expect(await first.ask('bytes', new Uint8Array(100))).toEqual(new Uint8Array(100));
      expect(await second.ask('rich', 1, new Uint8Array(1), { text: 'x' })).toEqual({ text: 'x', length: 1 });
      await expect(stopped.ask('echo', 1)).rejects.toMatchObject({ code: 'ESHUTDOWN' });
    }
  });

  test('a spawn during the restart waits for it', async () => {
    await using system = ActorSystem.start();
    const starts = counter();
    const first = await system.spawn(echo, { starts, failFromStart: 100 }, { thread: 'shared' });
    await kill(system, first);
    const second = await system.spawn(echo, { starts, failFromStart: 100 }, { thread: 'shared' });
    expect([await first.ask('echo', 1), await second.ask('echo', 2)]).toEqual([1, 2]);
    expect(starts[0]).toBe(3);
  });

  test('beyond the intensity the thread stays down: EIO; a later spawn on the name starts anew', async () => {
    let now = 0;
    await using system = ActorSystem.start({ restart: { intensity: 1, period: 1000 }, now: () => now });
    const ref = await system.spawn(echo, {}, { thread: 'victim' });
    const restarted = nextEvent(system, 'threadRestart');
    expect((await kill(system, ref)).restarting).toBe(true);
    await restarted;
    now = 999;
    expect((await kill(system, ref)).restarting).toBe(false);
    await expect(ref.ask('echo', 1)).rejects.toMatchObject({ code: 'EIO' });

    const anew = await system.spawn(echo, {}, { thread: 'victim' });
    expect(await anew.ask('echo', 2)).toBe(2);
    const again = nextEvent(system, 'threadRestart');
    expect((await kill(system, anew)).restarting).toBe(true);
    await again;
    now = 1999;
    const thrice = nextEvent(system, 'threadRestart');
    expect((await kill(system, anew)).restarting).toBe(true);
    await thrice;
  });

  test('an old reference never reaches a stranger on a thread id that is used again', async () => {
    await using system = ActorSystem.start({ restart: { intensity: 0, period: 1 } });
    const old = await system.spawn(echo, {});
    await kill(system, old);
    const stranger = await system.spawn(echo, {});
    expect(stranger.handle.thread).toBe(old.handle.thread);
    await expect(old.ask('echo', 1)).rejects.toMatchObject({ code: 'ESHUTDOWN' });
    expect(await stranger.ask('echo', 1)).toBe(1);
  });

  test('an actor that fails to start again brings its thread down when the restarts are used up', async () => {
    await using system = ActorSystem.start({ restart: { intensity: 2, period: 1000 }, now: () => 0 });
    const starts = counter();
    const ref = await system.spawn(echo, { starts, failFromStart: 1 });
    const down = new Promise<void>((resolve) => {
      system.events.on('threadDied', ({ restarting }) => {
        if (!restarting) resolve();
      });
    });
    await kill(system, ref);
    await down;
    expect(starts[0]).toBe(3);
    await expect(ref.ask('echo', 1)).rejects.toMatchObject({ code: 'EIO' });
  });

  test('a thread that dies in the middle of a restart, while its actors start, is started once more', async () => {
    await using system = ActorSystem.start({ restart: { intensity: 2, period: 1000 }, now: () => 0 });
    const starts = counter();
    const ref = await system.spawn(echo, { starts, failFromStart: 100, exitAtStart: 1 });
    const restarted = nextEvent(system, 'threadRestart');
    await kill(system, ref);
    await restarted;
    expect(starts[0]).toBe(3);
    expect(await ref.ask('echo', 1)).toBe(1);
  });

  test('a thread that dies in the middle of a restart, before it runs, is started once more', async () => {
    await using system = ActorSystem.start({ restart: { intensity: 2, period: 1000 }, now: () => 0 });
    const ref = await system.spawn(echo, {}, { thread: 'victim' });
    const victim = await system.thread('victim');
    const restarted = nextEvent(system, 'threadRestart');
    system.events.once('threadDied', () => void victim.worker.terminate());
    await expect(ref.ask('exit', 0)).rejects.toMatchObject({ code: 'EIO' });
    await restarted;
    expect(await ref.ask('echo', 1)).toBe(1);
  });

  test('closing in the middle of a restart ends the thread for good', async () => {
    const system = ActorSystem.start();
    const ref = await system.spawn(echo, {});
    expect((await kill(system, ref)).restarting).toBe(true);
    await system.close();
    expect(system.statistics()).toEqual([]);
  });
});

describe('stop', () => {
  const readLog = (words: Int32Array) => String.fromCharCode(...words.subarray(1, 1 + words[0]));

  test('close stops actors in the reverse order of their start, across threads, and an actor once', async () => {
    const words = counter();
    {
      await using system = ActorSystem.start();
      for (const letter of ['a', 'b', 'c', 'd']) {
        const thread = letter === 'a' || letter === 'c' ? 'odd' : 'even';
        await system.spawn(echo, { log: { words, letter } }, { thread });
      }
      const early = await system.spawn(echo, { log: { words, letter: 'e' } });
      await system.stop(early);
    }
    expect(readLog(words)).toBe('edcba');
  });

  test('close twice is close once', async () => {
    const system = ActorSystem.start();
    await system.spawn(echo, {});
    expect(system.close()).toBe(system.close());
    await system.close();
  });

  test('stopThread stops its actors, last first, and frees the name', async () => {
    await using system = ActorSystem.start();
    const words = counter();
    const ref = await system.spawn(echo, { log: { words, letter: 'a' } }, { thread: 'shared' });
    await system.spawn(echo, { log: { words, letter: 'b' } }, { thread: 'shared' });
    await system.stopThread('shared');
    await system.stopThread('shared');
    expect(readLog(words)).toBe('ba');
    await expect(ref.ask('echo', 1)).rejects.toMatchObject({ code: 'EIO' });
    expect(await (await system.spawn(echo, {}, { thread: 'shared' })).ask('echo', 1)).toBe(1);
  });

  test('a `stop` that throws rejects `system.stop`, and hinders no other actor at close', async () => {
    const words = counter();
    const warnings: string[] = [];
    const listener = ({ message }: Error) => warnings.push(message);
    process.on('warning', listener);
    const system = ActorSystem.start();
    await system.spawn(echo, { log: { words, letter: 'a' } }, { thread: 'shared' });
    const failing = { failToStop: true };
    await system.spawn(echo, failing, { thread: 'shared' });
    const ref = await system.spawn(echo, failing, { thread: 'shared' });
    await expect(system.stop(ref)).rejects.toThrow('told not to stop');
    await system.close();
    process.off('warning', listener);
    expect(readLog(words)).toBe('a');
    expect(warnings).toContain('told not to stop');
  });

  test('a `stop` that never ends delays close for the grace period only', async () => {
    const system = ActorSystem.start({ grace: 1 });
    await system.spawn(echo, { neverStop: true });
    await system.close();
    expect(system.statistics()).toEqual([]);
  });

  test('an actor with a thread of its own takes the thread along', async () => {
    await using system = ActorSystem.start();
    const ref = await system.spawn(echo, {});
    await system.stop(ref);
    expect(system.statistics().map(({ name }) => name)).toEqual(['main']);
    await expect(ref.ask('echo', 1)).rejects.toMatchObject({ code: 'EIO' });
  });
});
