/** Resets of an fsl-mc object, step by step, on one thread. */
import type { VfioDevice } from '@mediated/vfio';
import { McDevice } from '#dist/fsl-mc/mc-device.js';
import { McRecords, PORTALS } from '#dist/fsl-mc/mc-records.js';
import { MediatedError } from '@mediated/core';
import { expect, test } from 'vitest';

type Step = 'open' | 'reset' | 'close';

/** The container or its object, and what is done to it. */
function rig(place: 0 | 1, fails: Partial<Record<Step, 'EIO' | 'ETIMEDOUT' | 'EBUSY'>> = {}) {
  const records = McRecords.create({ containers: [{ id: 1, objects: [{ type: 'dpni', id: 2 }] }] });
  const steps: Step[] = [];
  const failures: string[] = [];
  const step = (name: Step) => () => {
    steps.push(name);
    if (fails[name] !== undefined) throw new MediatedError(fails[name], name);
  };
  const node = records.nodes[place];
  const device = new McDevice({
    device: {} as VfioDevice,
    node,
    records,
    model: () => ({ openObject: step('open'), reset: step('reset'), closeObject: step('close') }),
    clock: { after: () => () => {} },
    failed: (callback, error) => failures.push(`${callback}: ${error}`),
  });
  return { device, steps, failures, records, node, [Symbol.dispose]: () => records.close() };
}

test('an object is opened, reset and closed; a container is only reset', async () => {
  using object = rig(1);
  await object.device.reset();
  expect(object.steps).toEqual(['open', 'reset', 'close']);
  using container = rig(0);
  await container.device.reset();
  expect(container.steps).toEqual(['reset']);
});

test.each([
  [{ open: 'EBUSY' }, ['open'], 'EBUSY'],
  [{ reset: 'EIO' }, ['open', 'reset', 'close'], 'EIO'],
  [{ reset: 'EIO', close: 'ETIMEDOUT' }, ['open', 'reset', 'close'], 'EIO'],
  [{ close: 'ETIMEDOUT' }, ['open', 'reset', 'close'], 'ETIMEDOUT'],
] as const)(
  'the first error of a reset is its answer, and an object that was opened is closed: %j',
  async (fails, steps, code) => {
    using object = rig(1, fails);
    await expect(object.device.reset()).rejects.toMatchObject({ code });
    expect(object.steps).toEqual(steps);
  },
);

test('a reset that fails at the last close is told of and stops nothing', async () => {
  using object = rig(1, { reset: 'EIO' });
  object.device.open();
  await object.device.close();
  expect(object.failures).toEqual(['reset: MediatedError: EIO: reset']);
});

test('without its container’s portal an object cannot be reset', async () => {
  using object = rig(1);
  object.records.setPortal(object.node, PORTALS.none);
  await expect(object.device.reset()).rejects.toMatchObject({ code: 'EINVAL' });
  expect(object.steps).toEqual([]);
});
