/** A runtime as a whole: its options, its uevents, its end. */
import { Runtime, type RuntimeOptions, type Uevent } from '@mediated/core';
import { describe, expect, onTestFinished, test } from 'vitest';
import { codeOf, Scripted, type ScriptedOptions, uuid } from '../../dist-fixtures/mdev/scripted-runtime.fixture.js';

async function start(options: ScriptedOptions = {}): Promise<Scripted> {
  const scripted = await Scripted.start(options);
  onTestFinished(() => scripted.close());
  return scripted;
}

describe('options', () => {
  test.each([
    [{ gate: 'mutex' }, 'gate is mutex; it is one of rwsem, refcount, srcu'],
    [{ quirks: 'none' }, 'quirks is none; it is kernel or mended'],
    [{ maxDevices: 2 ** 20 + 1 }, 'maxDevices is 1048577; it is a whole number from 1 to 1048576'],
    [{ maxDevices: 0 }, 'maxDevices is 0'],
    [{ maxDevices: 1.5 }, 'maxDevices is 1.5'],
    [{ maxParents: 65_537 }, 'maxParents is 65537'],
    [{ maxParents: 0 }, 'maxParents is 0'],
    [{ probeDeadline: -1 }, 'probeDeadline is -1'],
    [{ closeDeadline: Number.POSITIVE_INFINITY }, 'closeDeadline is Infinity'],
    [{ hangDeadline: Number.NaN }, 'hangDeadline is NaN'],
    [{ restart: { intensity: -1, period: 1 } }, 'restart.intensity is -1'],
    [{ restart: { intensity: 1, period: -1 } }, 'restart.period is -1'],
  ])('%j is EINVAL', (options, message) => {
    expect(() => Runtime.start(options as RuntimeOptions)).toThrow(
      expect.objectContaining({ code: 'EINVAL', message: expect.stringContaining(message), syscall: 'start' }),
    );
  });

  test('without any it starts, and several live side by side', async () => {
    const runtimes = [Runtime.start(), Runtime.start({})];
    for (const runtime of runtimes) onTestFinished(() => runtime.close());
    expect(runtimes.map((runtime) => runtime.drivers)).toEqual([[], []]);
    const [one, two] = [await start(), await start()];
    const [here, there] = [await one.parent('home'), await two.parent('home')];
    await here.create('t-plain', uuid(1));
    await there.create('t-plain', uuid(1));
    expect(one.events()).toEqual(['add 1', 'bind 1 with driver']);
  });
});

describe('uevents', () => {
  test('their variables and order are the kernel’s', async () => {
    const scripted = await start();
    const seen: Uevent[] = [];
    scripted.runtime.bus.events.on('uevent', (event) => seen.push(event));
    const parent = await scripted.parent('home');
    await parent.create('t-plain', uuid(1));
    scripted.events();
    const home = '/devices/virtual/scripted/home';
    const text = seen.map(({ variables }) =>
      variables
        .slice(0, -1)
        .map((pair) => pair.join('='))
        .join(' '),
    );
    expect(text).toEqual([
      `ACTION=add DEVPATH=${home} SUBSYSTEM=scripted`,
      `ACTION=change DEVPATH=${home} SUBSYSTEM=scripted MDEV_STATE=registered`,
      `ACTION=add DEVPATH=${home}/${uuid(1)} SUBSYSTEM=mdev`,
      `ACTION=bind DEVPATH=${home}/${uuid(1)} SUBSYSTEM=mdev DRIVER=scripted`,
    ]);
    for (const { sequence, variables } of seen) expect(variables.at(-1)).toEqual(['SEQNUM', String(sequence)]);
  });

  test('SEQNUM grows by one from event to event, whichever thread they come from', async () => {
    const scripted = await start({ threads: 2 });
    const numbers: number[] = [];
    scripted.runtime.bus.events.on('uevent', ({ sequence }) => numbers.push(sequence));
    const parent = await scripted.parent('wide', 2);
    scripted.events();
    numbers.length = 0;
    const cycle = async (n: number) => (await parent.create('t-plain', uuid(n))).remove();
    for (let round = 0; round < 8; round++) await Promise.all([0, 1, 2, 3].map(cycle));
    const events = scripted.events();
    expect(numbers).toEqual(Array.from(numbers, (_, i) => numbers[0] + i));
    expect(numbers).toHaveLength(8 * 4 * 4);
    const life = (n: number) => [`add ${n}`, `bind ${n} with driver`, `unbind ${n}`, `remove ${n}`];
    for (const n of [0, 1, 2, 3]) {
      const own = events.filter((event) => new RegExp(`^\\w+ ${n}\\b`).test(event));
      expect(own).toEqual(Array.from({ length: 8 }, () => life(n)).flat());
    }
  });

  test('arrive without being asked for, once somebody listens', async () => {
    const scripted = await start();
    const parent = await scripted.parent('home');
    const bound = new Promise<Uevent>((resolve) => scripted.runtime.bus.events.once('bind', resolve));
    await parent.create('t-plain', uuid(1));
    expect(await bound).toMatchObject({ action: 'bind', uuid: uuid(1) });
  });

  test('a listener that lags a whole ring behind is told how much it has lost', async () => {
    const scripted = await start();
    const { bus } = scripted.runtime;
    let lost = 0;
    let read = 0;
    bus.events.on('lost', (count) => {
      lost += count;
    });
    bus.events.on('uevent', () => read++);
    const before = bus.memory.events.sequence;
    const parent = await scripted.parent('home');
    const after = bus.memory.events.sequence;
    expect([read, lost]).toEqual([after - before, 0]);
    // What others append while this thread does something else, in one go.
    const body = new Int32Array(10);
    for (let n = 0; n < 100_000; n++) bus.memory.events.append(body);
    bus.drainEvents();
    const lostThen = lost;
    expect(lostThen).toBeGreaterThan(0);
    expect(read - (after - before) + lostThen).toBe(100_000);
    await parent.create('t-plain', uuid(1));
    bus.drainEvents();
    expect(lost).toBe(lostThen);
  });
});

describe('closing', () => {
  test('unregisters, unloads, ends every thread; afterwards nothing can be started', async () => {
    const scripted = await start();
    const { runtime } = scripted;
    const parent = await scripted.parent('home');
    await parent.create('t-plain', uuid(1));
    await Promise.all([runtime.close(), runtime.close()]);
    expect(scripted.board.log).toEqual(['probe 1', 'probed 1', 'remove 1', 'removed 1']);
    expect(runtime.bus.parents()).toEqual([]);
    expect(await codeOf(runtime.registerParent({ name: 'next', driver: 'scripted' }))).toBe('ECANCELED');
    expect(await codeOf(runtime.loadDriver('file:///none.js'))).toBe('ECANCELED');
    expect(await codeOf(parent.create('t-plain', uuid(2)))).toMatch(/ECANCELED|ENODEV/);
  });

  test.each(['busy', 'held'])('a device that is stuck is given up with its thread: %s', async (type) => {
    const scripted = await start({ closeDeadline: 0 });
    const { runtime } = scripted;
    const parent = await scripted.parent('home');
    const created = codeOf(parent.create(`t-${type}`, uuid(1)));
    await scripted.board.reached('probe 1');
    if (type === 'busy') expect(await created).toBe('fulfilled');
    await runtime.close();
    expect(runtime.bus.mdevs()).toEqual([]);
    if (type === 'held') expect(await created).toMatch(/EIO|ECANCELED/);
  });

  test('a parent that is being unregistered is waited for', async () => {
    const scripted = await start({ closeDeadline: 0x7fffffff });
    const parent = await scripted.parent('home');
    await parent.create('t-busy', uuid(1));
    const unregistered = scripted.runtime.unregisterParent(parent);
    await scripted.board.reached('remove 1');
    const closed = scripted.runtime.close();
    scripted.board.release('remove', 1);
    await Promise.all([unregistered, closed]);
    expect(scripted.board.log).toEqual(['probe 1', 'probed 1', 'remove 1', 'removed 1']);
  });

  test('`await using` closes', async () => {
    let kept: Runtime | undefined;
    {
      await using runtime = Runtime.start();
      kept = runtime;
    }
    expect(await codeOf(kept.loadDriver('file:///none.js'))).toBe('ECANCELED');
  });
});
