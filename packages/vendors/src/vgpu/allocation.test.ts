/** What a create sees of another one that is just taking: schedules put exactly between two steps of taking. */
import type { MdevParent, MdevType } from '@mediated/core';
import { LockSpace, type Semaphore } from '@mediated/core/sync';
import { Allocation, budgetsOf } from '#dist/vgpu/allocation.js';
import type { Profile } from '#dist/vgpu/profile.js';
import { expect, onTestFinished, test } from 'vitest';

const PROFILE: Profile = {
  name: 'card',
  exclusive: true,
  resources: { framebuffer: 10, slices: 1 },
  types: [
    { name: 'greedy', group: 'g', needs: { framebuffer: 8, slices: 1 } },
    { name: 'modest', group: 'g', needs: { framebuffer: 8 } },
    { name: 'other', needs: { slices: 1 } },
  ],
};

/** A parent on this thread; `between` runs once, before the first take of framebuffer. */
function parentWith(between: () => void): { types: readonly MdevType[]; budgets: Record<string, Semaphore> } {
  const space = LockSpace.create();
  onTestFinished(() => space.close());
  const budgets: Record<string, Semaphore> = {};
  for (const [name, { budget }] of Object.entries(budgetsOf(PROFILE))) budgets[name] = space.semaphore(budget, name);
  const framebuffer = budgets['resource framebuffer'] as Semaphore;
  let ran = false;
  const watched = new Proxy(framebuffer, {
    get(target, property) {
      if (property === 'tryAcquire' && !ran) {
        ran = true;
        between();
      }
      const value: unknown = Reflect.get(target, property);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const parentDevice = {
    name: 'gpu',
    budgets: { ...budgets, 'resource framebuffer': watched },
  } as unknown as MdevParent;
  const types = PROFILE.types.map(({ name }, index) => ({
    index,
    sysfsName: name,
    prettyName: undefined,
    parent: 'gpu',
    parentDevice,
  }));
  return { types, budgets };
}

test('what a create holds that will fail does not make another one fail', async () => {
  const allocation = new Allocation(PROFILE);
  let second = undefined as void | Promise<void>;
  const { types, budgets } = parentWith(() => {
    second = allocation.take(types[1] as MdevType);
  });
  const [greedy] = types as [MdevType];
  budgets['resource slices']?.tryAcquire();
  expect(() => allocation.take(greedy)).toThrow('1 of resource slices are wanted for type greedy, 0 are free');
  await second;
  expect(budgets['resource framebuffer']?.value).toBe(2);
  allocation.give(types[1] as MdevType);
  expect(budgets['resource framebuffer']?.value).toBe(10);
});

test('a create of another group that comes in between waits, and is refused then', async () => {
  const allocation = new Allocation(PROFILE);
  let second = undefined as void | Promise<void>;
  const { types, budgets } = parentWith(() => {
    second = allocation.take(types[2] as MdevType);
  });
  const [greedy, , other] = types as [MdevType, MdevType, MdevType];
  allocation.take(greedy);
  await expect(second).rejects.toMatchObject({
    code: 'ENOSPC',
    message: expect.stringContaining('type greedy, beside'),
  });
  expect([allocation.available(greedy), allocation.available(other)]).toEqual([0, 0]);
  allocation.give(greedy);
  expect(allocation.available(other)).toBe(1);
  expect(budgets.lock?.value).toBe(1);
});
