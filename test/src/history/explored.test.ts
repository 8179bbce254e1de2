/** Races of the log whose schedule the explorer finds by itself, within two preemptions, and replays (test/src/explore). */
import { describe, expect, test } from 'vitest';
import type * as scenes from '../../dist-fixtures/history/explored-scenes.fixture.js';
import { Stage } from '../../dist-fixtures/history/stage.fixture.js';

const stage = new Stage<typeof scenes>('explored-scenes');

interface Race {
  readonly name: string;
  readonly oldCode: string;
  readonly scene: keyof typeof scenes;
  readonly found: string;
  /** Places in the source that the printed schedule passes. */
  readonly passes: readonly string[];
}

const RACES: readonly Race[] = [
  {
    name: '5715c4dd, issue-1: a create that comes when the children have been listed',
    oldCode: 'no-gate-skips-inactive',
    scene: 'create',
    found: 'devices left: 1',
    passes: ['add probes[0]', 'store over[0] = 1', 'replay: '],
  },
  {
    name: '5715c4dd, issue-1, variant: the driver still makes a device that unregistration takes away',
    oldCode: 'no-gate',
    scene: 'slowCreate',
    found: '1 probes, 0 removals',
    passes: ['add probes[0]', 'store over[0] = 1', 'replay: '],
  },
  {
    name: '5715c4dd, issue-2: a removal that is in the driver when unregistration returns',
    oldCode: 'no-gate-skips-inactive',
    scene: 'slowRemove',
    found: 'unregistration has returned, and a callback of the driver runs',
    passes: ['add removes[0]', 'store over[0] = 1', 'add late[0]', 'replay: '],
  },
  {
    name: '5715c4dd as merged: the gate that opens again lets a create in before the parent’s actor has stopped',
    oldCode: 'gate-opens-again',
    scene: 'create',
    found: 'devices left: 1',
    passes: ['rw-semaphore.ts', 'store over[0] = 1', 'replay: '],
  },
  {
    name: 'sets 2, before: two displays are made at once out of memory for one',
    oldCode: 'budget-tested-then-taken',
    scene: 'twoDisplays',
    found: '2 displays of 64 MB were made out of 64 MB',
    passes: ['add made[0]', 'replay: '],
  },
];

describe.each(RACES)('$name', ({ oldCode, scene, found, passes }) => {
  test('is found, printed and replayed with the old code', async () => {
    const outcome = (await stage.before(oldCode, scene)) as scenes.Found;
    expect(outcome).toMatchObject({ result: found, replayed: true });
    for (const passed of passes) expect(outcome.report).toContain(passed);
  });
});

test.each(['create', 'slowCreate', 'remove', 'slowRemove', 'twoDisplays'] as const)(
  'today’s %s: no schedule fails, and all within two preemptions were tried',
  async (scene) => {
    expect(await stage.today(scene)).toMatchObject({ result: 'nothing is wrong' });
  },
);

test.each(['srcuCreate', 'srcuSlowRemove', 'refcountCreate', 'refcountSlowRemove'] as const)(
  'the gates as posted (v1-7: srcu, v2-10: refcount), %s: no schedule fails either',
  async (scene) => {
    expect(await stage.today(scene)).toMatchObject({ result: 'nothing is wrong' });
  },
);

test.each(['rwsemCycle', 'refcountCycle', 'srcuCycle'] as const)(
  'reported in November 2019, %s: who holds across unregistration what a removal waits for, waits for ever',
  async (scene) => {
    expect(await stage.today(scene)).toMatchObject({ kind: 'deadlock', replayed: true });
  },
);
