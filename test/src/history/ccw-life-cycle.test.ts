/**
 * The nine patches that gave vfio-ccw the life cycle of the mdev (spec/mdev-core 17.2, spec/ccw section 2): what was wrong
 * before those that change behaviour, and is not now.
 */
import { expect, test } from 'vitest';
import type * as scenes from '../../dist-fixtures/history/ccw-scenes.fixture.js';
import { Stage } from '../../dist-fixtures/history/stage.fixture.js';
import { byName, type Story } from '../../dist-fixtures/history/story.fixture.js';

const stage = new Stage<typeof scenes>('ccw-scenes');

const STORIES: readonly Story<typeof scenes>[] = [
  {
    name: 'life cycle 4: an interrupt while nobody had the device open was told the guest as one of its program',
    oldCode: 'standby-takes-interrupts',
    scene: 'strayInterrupt',
    before: { signals: 1, instructions: [] },
    today: { signals: 0, instructions: ['msch 00'] },
  },
  {
    name: 'life cycle 4: a device that was lost kept its program, and the pages pinned',
    oldCode: 'lost-device-keeps-program',
    scene: 'lostSubchannel',
    before: { state: 'NOT_OPER', pinned: 1 },
    today: { state: 'NOT_OPER', pinned: 0 },
  },
  {
    name: 'life cycle 4: the work of an interrupt changed the regions under the request that had them',
    oldCode: 'io-work-unlocked',
    scene: 'interruptDuringRequest',
    before: { toldUnderRequest: 1, told: 1 },
    today: { toldUnderRequest: 0, told: 1 },
  },
  {
    name: 'life cycle 4: a close that had to halt a program left a device that could not be opened again',
    oldCode: 'quiesced-for-good',
    scene: 'closedWhileRunning',
    before: { state: 'NOT_OPER', again: 'EINVAL' },
    today: { state: 'STANDBY', again: 'fulfilled' },
  },
  {
    name: 'life cycle 4: a device that was made could interrupt before anybody opened it',
    oldCode: 'create-enables',
    scene: 'madeButClosed',
    before: { enabled: true, open: 'fulfilled', enabledOpen: true },
    today: { enabled: false, open: 'fulfilled', enabledOpen: true },
  },
  {
    name: 'life cycle 6: the driver counted, so a second device came and went on the bus, and the writer was told EPERM',
    oldCode: 'counted-by-driver',
    scene: 'secondDevice',
    before: { create: 'EPERM', available: 65535, events: ['add', 'remove'] },
    today: { create: 'EUSERS', available: 0, events: [] },
  },
  {
    name: 'life cycle 8, 9: what happened to a subchannel was told a private whose device was gone',
    oldCode: 'events-reach-the-released',
    scene: 'lostAfterRemoval',
    before: { first: 'fulfilled', takenAway: true },
    today: { first: 'fulfilled', takenAway: false },
  },
  {
    name: 'life cycle 9: the next guest found the regions and the channel reports of the one before it',
    oldCode: 'private-outlives-mdev',
    scene: 'nextGuest',
    before: { written: 0xaa, report: [4, 6, 0, 0x40] },
    today: { written: 0, report: [0, 0, 0, 0] },
  },
];

test.each(byName(STORIES))('%s', async (_name, { oldCode, scene, before, today }) => {
  expect(await stage.before(oldCode, scene)).toEqual(before);
  expect(await stage.today(scene)).toEqual(today);
});
