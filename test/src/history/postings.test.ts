/** The two postings of 2019 (spec/mdev-core 17.1): what was wrong before each patch that changes behaviour, and is not now. */
import { expect, test } from 'vitest';
import type * as scenes from '../../dist-fixtures/history/core-scenes.fixture.js';
import { Stage } from '../../dist-fixtures/history/stage.fixture.js';
import { byName, type Story } from '../../dist-fixtures/history/story.fixture.js';
import type * as vfioScenes from '../../dist-fixtures/history/vfio-scenes.fixture.js';

const stage = new Stage<typeof scenes>('core-scenes');
const vfio = new Stage<typeof vfioScenes>('vfio-scenes');

const STORIES: readonly Story<typeof scenes>[] = [
  {
    name: 'v1-1, v2-1: registering a parent twice freed the live one',
    oldCode: 'reference-dropped-in-error-path',
    scene: 'registeredTwice',
    before: { again: 'ENOMEM', registered: false, parents: [] },
    today: { again: 'ENOMEM', registered: true, parents: ['home'] },
  },
  {
    name: 'v1-4, v2-4: whatever the vendor said against a removal, the writer heard EBUSY',
    oldCode: 'errors-masked',
    scene: 'vendorRefuses',
    before: 'EBUSY',
    today: 'EINVAL',
  },
  {
    name: 'v1-5, v2-5: the links outlived what they led to',
    oldCode: 'links-removed-last',
    scene: 'linksWhileRemoved',
    before: { bus: false, links: true },
    today: { bus: false, links: false },
  },
  {
    name: 'v1-6, v2-6: the first child whose removal failed kept its younger siblings alive under a dead parent',
    oldCode: 'iteration-aborts',
    scene: 'childrenFail',
    before: { unregistered: 'Error: remove threw', left: 1, asked: ['remove 1', 'remove 2'] },
    today: { unregistered: 'fulfilled', left: 0, asked: ['remove 1', 'remove 2', 'remove 3'] },
  },
  {
    name: 'v1-7, v2-10, 5715c4dd, issue-1: a create that came after the iteration left a device without a parent',
    oldCode: 'no-gate-skips-inactive',
    scene: 'createAfterIteration',
    before: { create: 'fulfilled', survivors: 1, removes: [] },
    today: { create: 'ENODEV', survivors: 0, removes: [] },
  },
  {
    name: 'v1-7, v2-10, 5715c4dd, issue-1, variant: a half-made device was removed under its create',
    oldCode: 'no-gate',
    scene: 'createUnderWay',
    before: { overtaken: true, create: 'fulfilled', steps: ['probe 1', 'probed 1'] },
    today: { overtaken: false, create: 'fulfilled', steps: ['probe 1', 'probed 1', 'remove 1', 'removed 1'] },
  },
  {
    name: 'v1-7, v2-10, 5715c4dd, issue-2: unregistration returned while a removal was in the vendor’s callback',
    oldCode: 'no-gate-skips-inactive',
    scene: 'removalUnderWay',
    before: { returnedDuringCallback: true, remove: 'fulfilled' },
    today: { returnedDuringCallback: false, remove: 'fulfilled' },
  },
  {
    name: 'v2-9, 522ecce0: a failed write to `remove` made the file anew, on a device that was gone',
    oldCode: 'remove-file-made-anew',
    scene: 'lateWriter',
    before: { result: -19, gone: true, file: true },
    today: { result: -19, gone: true, file: false },
  },
  {
    name: '5715c4dd as merged: the gate opens again, and a remover that came late removed a second time',
    oldCode: 'gate-opens-again',
    scene: 'pausingRemover',
    // The driver has heard of it once; the second removal comes upon a slot that is free.
    before: { remove: 'EINVAL', removes: 1 },
    today: { remove: -19, removes: 1 },
  },
];

test.each(byName(STORIES))('%s', async (_name, { oldCode, scene, before, today }) => {
  expect(await stage.before(oldCode, scene)).toEqual(before);
  expect(await stage.today(scene)).toEqual(today);
});

test('v2-10 as posted: overlapping creates starve an unregistration at the refcount, at no other gate', async () => {
  const admitted = { creates: ['admitted'], waitedThrough: 6 };
  const refused = { creates: ['ENODEV'], waitedThrough: 6 };
  expect(await stage.today('overlappingWithRefcount')).toEqual(admitted);
  expect(await stage.today('overlappingWithRwsem')).toEqual(refused);
  expect(await stage.today('overlappingWithSrcu')).toEqual(refused);
});

const SEQUENCE: readonly Story<typeof vfioScenes>[] = [
  {
    name: 'v2-8, 522ecce0: a device was open before its vendor had made it',
    oldCode: 'registered-before-init',
    scene: 'openDuringInit',
    before: { open: 'fulfilled', withoutData: 1 },
    today: { open: 'ENODEV', withoutData: 0 },
  },
  {
    name: 'v2-8, 522ecce0: the vendor took its device back while a program had it open',
    oldCode: 'vendor-removes-first',
    scene: 'removalWithUser',
    before: { releasedUnderUser: 1, released: 1 },
    today: { releasedUnderUser: 0, released: 1 },
  },
];

test.each(byName(SEQUENCE))('%s', async (_name, { oldCode, scene, before, today }) => {
  expect(await vfio.before(oldCode, scene)).toEqual(before);
  expect(await vfio.today(scene)).toEqual(today);
});
