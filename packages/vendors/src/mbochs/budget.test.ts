/** The memory of all mbochs displays: one budget, drawn from by several threads, never over-committed and never lost. */
import { type Mdev, type Parent, Runtime } from '@mediated/core';
import { LockSpace } from '@mediated/core/sync';
import { mbochsUrl } from '@mediated/vendors';
import { openDevice } from '@mediated/vfio';
import { reserve } from '#dist/mbochs/budget.js';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DisplayClient } from '../../dist-fixtures/framebuffer/display-client.fixture.js';
import { AT_INIT, AT_REGISTRATION } from '../../dist-fixtures/framebuffer/faulty.fixture.js';

const { code } = DisplayClient;
const MEGABYTES = { 'mbochs-small': 4, 'mbochs-medium': 16, 'mbochs-large': 64 } as const;
type Type = keyof typeof MEGABYTES;
const TYPES = Object.keys(MEGABYTES) as Type[];

let runtime: Runtime;
let parent: Parent;
const failures = new Int32Array(new SharedArrayBuffer(8));

beforeAll(async () => {
  runtime = Runtime.start();
  const module = new URL('../../dist-fixtures/mbochs/faulty.fixture.js', import.meta.url);
  await runtime.loadDriver(module, { options: { failures }, threads: 2, parents: [{ name: 'mbochs', threads: 2 }] });
  parent = runtime.bus.parent('mbochs');
});

afterAll(() => runtime.close());

const available = () => Promise.all(TYPES.map((type) => parent.availableInstances(type)));

/** What the three files say of so many free megabytes. */
const told = (free: number) => TYPES.map((type) => Math.floor(free / MEGABYTES[type]));

test('what making a display took is given back when it throws', () => {
  const budget = LockSpace.create().semaphore(8, 'memory');
  const fail = () => {
    throw new RangeError('no memory');
  };
  expect(() => reserve(budget, 4, fail)).toThrow(RangeError);
  expect(budget.value).toBe(8);
  expect(reserve(budget, 8, () => 'made')).toBe('made');
  expect(() => reserve(budget, 4, fail)).toThrow(expect.objectContaining({ code: 'ENOSPC' }));
  expect(budget.value).toBe(0);
});

describe('on two threads', () => {
  test('mbochs 2: of five concurrent large creates four succeed, then nothing is left for a small one', async () => {
    const results = await Promise.allSettled(Array.from({ length: 5 }, () => parent.create('mbochs-large')));
    const made = results.filter((result) => result.status === 'fulfilled').map(({ value }) => value);
    const refused = results.filter((result) => result.status === 'rejected').map(({ reason }) => reason.code);
    expect([made.length, refused]).toEqual([4, ['ENOSPC']]);
    expect(await available()).toEqual([0, 0, 0]);
    expect(await code(parent.create('mbochs-small'))).toBe('ENOSPC');
    await Promise.all(made.map((mdev) => mdev.remove()));
    expect(await available()).toEqual([64, 16, 4]);
  });

  test('mbochs 3: each type tells how often it fits into what is free', async () => {
    const made: Mdev[] = [];
    let free = 256;
    for (const type of ['mbochs-small', 'mbochs-medium', 'mbochs-large', 'mbochs-small', 'mbochs-large'] as const) {
      made.push(await parent.create(type));
      free -= MEGABYTES[type];
      expect(await available()).toEqual(told(free));
    }
    expect(await available()).toEqual([26, 6, 1]);
    await Promise.all(made.map((mdev) => mdev.remove()));
  });

  test('memory comes back with the last reference, not when the removal begins', async () => {
    const mdev = await parent.create('mbochs-large');
    const file = await openDevice(runtime.bus, mdev);
    const removal = mdev.remove();
    expect(await code(openDevice(runtime.bus, mdev))).toBe('ENODEV');
    expect(await available()).toEqual(told(192));
    await file.close();
    await removal;
    expect(await available()).toEqual(told(256));
  });

  test('mbochs 1: what is free and what live displays have is all there is, whatever is created, removed or fails at once', () => {
    const step = fc.record({
      creates: fc.array(fc.constantFrom(...TYPES), { maxLength: 12 }),
      removes: fc.nat(6),
      duplicate: fc.boolean(),
      failAtInit: fc.nat(3),
      failAtRegistration: fc.nat(3),
    });
    return fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
        const live = new Map<Mdev, Type>();
        const used = () => [...live.values()].reduce((sum, type) => sum + MEGABYTES[type], 0);
        for (const { creates, removes, duplicate, failAtInit, failAtRegistration } of steps) {
          Atomics.store(failures, AT_INIT, failAtInit);
          Atomics.store(failures, AT_REGISTRATION, failAtRegistration);
          const gone = [...live.keys()].slice(0, removes);
          const kept = [...live.keys()][removes];
          const removing = Promise.all(gone.map((mdev) => mdev.remove()));
          const again = duplicate && kept !== undefined ? code(parent.create('mbochs-small', kept.uuid)) : 'EEXIST';
          const results = await Promise.allSettled(creates.map((type) => parent.create(type)));
          await removing;
          expect(await again).toBe('EEXIST');
          for (const mdev of gone) live.delete(mdev);
          for (const [at, result] of results.entries()) {
            if (result.status === 'fulfilled') live.set(result.value, creates[at]);
            else expect(['ENOSPC', 'ENOMEM']).toContain(result.reason.code);
          }
          expect(used()).toBeLessThanOrEqual(256);
          expect(await available()).toEqual(told(256 - used()));
        }
        failures.fill(0);
        await Promise.all([...live.keys()].map((mdev) => mdev.remove()));
        expect(await available()).toEqual([64, 16, 4]);
      }),
      { numRuns: 25 },
    );
  });
});

test('a thread that dies gives the memory of its displays back', async () => {
  await using own = Runtime.start();
  await own.loadDriver(mbochsUrl, { threads: 2, parents: [{ name: 'mbochs', threads: 2 }] });
  const shared = own.bus.parent('mbochs');
  const uuids = Array.from({ length: 6 }, () => crypto.randomUUID());
  const made = await Promise.all(uuids.map((uuid, at) => shared.create('mbochs-medium', uuid, at % 2)));
  expect(made.map(({ shard }) => shard)).toEqual([0, 1, 0, 1, 0, 1]);
  expect(await shared.availableInstances('mbochs-small')).toBe(40);
  const restarted = new Promise((resolve) => own.system.events.once('threadRestart', resolve));
  const { worker } = await own.system.thread('mbochs/1');
  await worker.terminate();
  await restarted;
  expect(uuids.filter((uuid) => own.bus.mdev(uuid) === undefined)).toHaveLength(3);
  expect(await shared.availableInstances('mbochs-small')).toBe(52);
});
