/** The core's log (spec/mdev-core 17.2): what was wrong before each commit that changes behaviour, and is not now. */
import { expect, test } from 'vitest';
import type * as scenes from '../../dist-fixtures/history/core-scenes.fixture.js';
import { Stage } from '../../dist-fixtures/history/stage.fixture.js';
import { byName, type Story } from '../../dist-fixtures/history/story.fixture.js';
import type * as vfioScenes from '../../dist-fixtures/history/vfio-scenes.fixture.js';

const stage = new Stage<typeof scenes>('core-scenes');

const STORIES: readonly Story<typeof scenes>[] = [
  {
    name: '002fe996: a UUID that another parent had was refused late, after an instance was taken',
    oldCode: 'uuid-checked-per-parent',
    scene: 'uuidOfAnotherParent',
    before: 'EUSERS',
    today: 'EEXIST',
  },
  {
    name: '002fe996: the creates of one parent came one after the other',
    oldCode: 'parent-serialised',
    scene: 'twoCreates',
    before: ['probe 1'],
    today: ['probe 1', 'probe 2'],
  },
  {
    name: '002fe996: a removal before the end of the create was told ENODEV',
    oldCode: 'half-made-is-absent',
    scene: 'removalOfHalfMade',
    before: 'ENODEV',
    today: 'EAGAIN',
  },
  {
    name: '002fe996: of two removers the second saw the device vanish under it',
    oldCode: 'removal-unclaimed',
    scene: 'twoRemovers',
    before: { first: 'fulfilled', second: 'EINVAL' },
    today: { first: 'fulfilled', second: 'EAGAIN' },
  },
  {
    name: '6c7f98b3: the devices of all vendors were bound to one driver',
    oldCode: 'one-bus-driver',
    scene: 'boundTo',
    before: ['vfio_mdev'],
    today: ['scripted'],
  },
  {
    name: '2aa72ec9: who acted on the `add` event missed the `remove` file',
    oldCode: 'remove-file-made-late',
    scene: 'atAdd',
    before: { events: ['add 1'], remove: false },
    today: { events: ['add 1'], remove: true },
  },
  {
    name: '89345d51: registering a parent twice was EEXIST',
    oldCode: 'parents-listed',
    scene: 'registeredTwice',
    before: { again: 'EEXIST', registered: true, parents: ['home'] },
    today: { again: 'ENOMEM', registered: true, parents: ['home'] },
  },
];

test.each(byName(STORIES))('%s', async (_name, { oldCode, scene, before, today }) => {
  expect(await stage.before(oldCode, scene)).toEqual(before);
  expect(await stage.today(scene)).toEqual(today);
});

test('8ac13175: an IOMMU that isolates a mediated device was not known', async () => {
  const vfio = new Stage<typeof vfioScenes>('vfio-scenes');
  // What lies beyond an IOMMU's reach can be mapped where there is none.
  expect(await vfio.before('no-iommu-device', 'isolatedDevice')).toBe('fulfilled');
  expect(await vfio.today('isolatedDevice')).toBe('EINVAL');
});
