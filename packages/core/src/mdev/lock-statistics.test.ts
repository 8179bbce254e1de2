/** What the runtime tells of its locks: by name, over the lives of parents and drivers, with the gates' refusals. */
import type { GateKind, LockStatistics } from '@mediated/core';
import type { LockStats } from '@mediated/core/sync';
import { describe, expect, onTestFinished, test } from 'vitest';
import { codeOf, Scripted, uuid } from '../../dist-fixtures/mdev/scripted-runtime.fixture.js';
import { createGate, gateStatistics, openGate } from '#dist/mdev/gate.js';
import { LockHistory } from '#dist/mdev/lock-statistics.js';
import { LockSpace } from '@mediated/core/sync';

const GATES: readonly GateKind[] = ['rwsem', 'refcount', 'srcu'];

function counted(name: string, contended: number): LockStatistics {
  const stats: LockStats = { acquisitions: 1, contended, handoffs: 2, ownerDeaths: 3, waiting: 4 };
  return { name, kind: 'mutex', stats };
}

describe('the memory of locks that are gone', () => {
  test('sums up by name and kind what is there and what was; nobody waits for what was', () => {
    const history = new LockHistory();
    history.retire(counted('a', 10));
    history.retire(counted('a', 20));
    expect(history.with([counted('a', 5), { ...counted('a', 7), kind: 'semaphore' }])).toEqual([
      { name: 'a', kind: 'mutex', stats: { acquisitions: 3, contended: 35, handoffs: 6, ownerDeaths: 9, waiting: 4 } },
      { ...counted('a', 7), kind: 'semaphore' },
    ]);
  });

  test('is bounded: the oldest names become one sum', () => {
    const history = new LockHistory(2);
    for (const [at, name] of ['a', 'b', 'c', 'd'].entries()) history.retire(counted(name, 10 ** at));
    const told = new Map(history.with([]).map(({ name, stats }) => [name, stats.contended]));
    expect(told).toEqual(new Map(Object.entries({ c: 100, d: 1000, 'earlier locks': 11 })));
  });
});

test.each(GATES)('a %s gate counts the tries that it refused', async (kind) => {
  const space = LockSpace.create();
  onTestFinished(() => space.close());
  const handle = createGate(kind, space, 'home');
  const gate = openGate(handle);
  gate.exit(gate.tryEnter());
  expect(gateStatistics(handle)).toMatchObject({ name: 'gate: home', stats: { contended: 0 } });
  gate.withdraw();
  await gate.closeAndDrain();
  expect([gate.tryEnter(), gate.tryEnter()]).toEqual([-1, -1]);
  expect(gateStatistics(handle).stats.contended).toBe(2);
});

test('a parent that comes and goes keeps its rows; a driver too', async () => {
  const scripted = await Scripted.start();
  onTestFinished(() => scripted.close());
  const { runtime } = scripted;
  const gate = () => runtime.lockStatistics().filter(({ name }) => name === 'gate: home');
  for (let round = 1; round <= 2; round++) {
    const parent = await scripted.parent('home');
    const { created } = await scripted.holding(parent, 1);
    const unregistered = runtime.unregisterParent(parent);
    expect(await codeOf(parent.create('t-plain', uuid(2)))).toBe('ENODEV');
    scripted.board.release('probe', 1);
    await created;
    await unregistered;
    scripted.board.wipe();
    expect(gate()).toMatchObject([
      { kind: 'rwSemaphore', stats: { acquisitions: round, contended: round, waiting: 0 } },
    ]);
  }
  await runtime.unloadDriver('scripted');
  expect(runtime.lockStatistics().map(({ name }) => name)).toEqual(['gate: home', 'instances: home', 'pins: scripted']);
});
