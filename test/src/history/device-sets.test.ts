/**
 * The fourteen patches of the device-set series (spec/vfio-core section 22, and what the vendors' pages say of it): what
 * was wrong before those that change behaviour, and is not now.
 */
import { expect, test } from 'vitest';
import type * as fileScenes from '../../dist-fixtures/history/files-scenes.fixture.js';
import { Stage } from '../../dist-fixtures/history/stage.fixture.js';
import { byName, type Story } from '../../dist-fixtures/history/story.fixture.js';
import type * as vfioScenes from '../../dist-fixtures/history/vfio-scenes.fixture.js';

const vfio = new Stage<typeof vfioScenes>('vfio-scenes');
const files = new Stage<typeof fileScenes>('files-scenes');

const STORIES: readonly Story<typeof vfioScenes>[] = [
  {
    name: 'sets 2: the memory of a display that could not be registered was lost',
    oldCode: 'budget-not-unwound',
    scene: 'failedRegistration',
    before: { create: 'ENOMEM', smallFit: 48, afterLife: 48 },
    today: { create: 'ENOMEM', smallFit: 64, afterLife: 64 },
  },
  {
    name: 'sets 3: a device that could not be registered stayed in its set',
    oldCode: 'set-kept-by-failed-device',
    scene: 'failedMember',
    before: { create: 'ENOMEM', setLeft: true },
    today: { create: 'ENOMEM', setLeft: false },
  },
  {
    name: 'sets 4: a driver set up and tore down for every file',
    oldCode: 'callbacks-per-file',
    scene: 'twoFiles',
    before: { opens: 2, closesAfterFirst: 1, closes: 2 },
    today: { opens: 1, closesAfterFirst: 0, closes: 1 },
  },
  {
    name: 'sets 4: first opens of devices that are reset together overlapped',
    oldCode: 'no-set-mutex',
    scene: 'overlappingOpens',
    before: { overlaps: 1 },
    today: { overlaps: 0 },
  },
  {
    name: 'sets 6: an object could not be bound while its container was not',
    oldCode: 'lock-found-in-container',
    scene: 'objectWithoutContainer',
    before: 'ENODEV',
    today: 'fulfilled',
  },
  {
    name: 'sets 6: the last close of one object reset its siblings',
    oldCode: 'container-reset-at-close',
    scene: 'objectCloses',
    before: ['reset 1', 'reset 2'],
    today: ['reset 1'],
  },
  {
    name: 'sets 7: all platform devices waited for each other’s first open',
    oldCode: 'one-lock-for-all',
    scene: 'platformOpens',
    before: { inside: 1 },
    today: { inside: 2 },
  },
];

test.each(byName(STORIES))('%s', async (_name, { oldCode, scene, before, today }) => {
  expect(await vfio.before(oldCode, scene)).toEqual(before);
  expect(await vfio.today(scene)).toEqual(today);
});

const FILES: readonly Story<typeof fileScenes>[] = [
  {
    name: 'sets 11: mbochs: the first close blanked the picture of the second file',
    oldCode: 'callbacks-per-file',
    scene: 'mbochs',
    before: { pixels: [0, 0] },
    today: { pixels: [0xca, 0xfe] },
  },
  {
    name: 'sets 12: ap: the second open was refused, the first close took the guest its adapters',
    oldCode: 'callbacks-per-file',
    scene: 'ap',
    before: { second: 'EPERM', adapters: [] },
    today: { second: 'fulfilled', adapters: [5] },
  },
  {
    name: 'sets 12: ccw: the second open made the subchannel useless',
    oldCode: 'callbacks-per-file',
    scene: 'ccw',
    before: { second: 'EINVAL', halt: 'no file' },
    today: { second: 'fulfilled', halt: 'fulfilled' },
  },
  {
    name: 'sets 13: gvt: the first close detached the machine under the second file',
    oldCode: 'callbacks-per-file',
    scene: 'gvt',
    before: { second: 'fulfilled', attached: 0, active: 0 },
    today: { second: 'fulfilled', attached: 1, active: 1 },
  },
];

test.each(byName(FILES))('%s', async (_name, { oldCode, scene, before, today }) => {
  expect(await files.before(oldCode, scene)).toEqual(before);
  expect(await files.today(scene)).toEqual(today);
});
