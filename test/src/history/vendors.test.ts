/** What drivers did before, as their pages tell (docs/spec: common, ap, mtty, gvt), and do not now. */
import { expect, test } from 'vitest';
import { Stage } from '../../dist-fixtures/history/stage.fixture.js';
import { byName, type Story } from '../../dist-fixtures/history/story.fixture.js';
import type * as scenes from '../../dist-fixtures/history/vendor-scenes.fixture.js';

const stage = new Stage<typeof scenes>('vendor-scenes');

const STORIES: readonly Story<typeof scenes>[] = [
  {
    name: 'life cycle 6, as posted: each type had a counter of its own, and a parent twice its instances',
    oldCode: 'counted-per-type',
    scene: 'displaysOfTwoTypes',
    before: { available: [0, 4], fifth: 'fulfilled' },
    today: { available: [0, 0], fifth: 'EUSERS' },
  },
  {
    name: 'ap, before: a removal was refused while a guest was attached; now it waits',
    oldCode: 'ap-removal-refused',
    scene: 'matrixRemoved',
    before: 'EBUSY',
    today: 'fulfilled',
  },
  {
    name: 'ap, 5.10: nothing could be assigned while a guest was attached; now that is a hot plug',
    oldCode: 'ap-assignment-refused',
    scene: 'matrixAssigned',
    before: 'EBUSY',
    today: 'fulfilled',
  },
  {
    name: 'mtty, 5.10: cards were made out of ports that were not there',
    oldCode: 'mtty-unlimited',
    scene: 'thirteenCards',
    before: { made: 13, last: 'fulfilled' },
    today: { made: 12, last: 'ENOSPC' },
  },
  {
    name: 'gvt, before: pages stayed pinned when nobody had the vGPU open',
    oldCode: 'gvt-unpins-late',
    scene: 'pinnedAfterClose',
    before: { pinned: 1 },
    today: { pinned: 0 },
  },
];

test.each(byName(STORIES))('%s', async (_name, { oldCode, scene, before, today }) => {
  expect(await stage.before(oldCode, scene)).toEqual(before);
  expect(await stage.today(scene)).toEqual(today);
});
