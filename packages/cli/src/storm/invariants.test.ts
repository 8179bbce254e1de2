/** The invariants hold of a whole bus, and each is seen to fail on a broken one. */
import {
  checkEmpty,
  checkQuiescent,
  checkUnregistered,
  type DeviceReading,
  type ParentReading,
  type Snapshot,
} from '#dist/storm/invariants.js';
import { describe, expect, test } from 'vitest';

const DEVICES: DeviceReading[] = [
  { uuid: 'a', parent: 'p', whole: true, removable: true },
  { uuid: 'b', parent: 'p', whole: true, removable: true },
  { uuid: 'c', parent: 'q', whole: true, removable: true },
];
const PARENTS: ParentReading[] = [
  { name: 'p', instances: { maximum: 6, available: 4 }, bound: 2, inside: 0 },
  { name: 'q', instances: undefined, bound: undefined, inside: undefined },
];
const WHOLE: Snapshot = {
  devices: DEVICES,
  parents: PARENTS,
  budgets: [{ name: 'ports', maximum: 24, free: 23, used: 1 }],
  slots: 3,
  uuids: 3,
  open: 0,
  files: 0,
  wedged: 0,
  holders: [],
};
const EMPTY: Snapshot = {
  ...WHOLE,
  devices: [],
  parents: [],
  budgets: [{ name: 'ports', maximum: 24, free: 24, used: 0 }],
  slots: 0,
  uuids: 0,
};

function device(change: Partial<DeviceReading>): DeviceReading[] {
  return [{ ...DEVICES[0], ...change }, ...DEVICES.slice(1)];
}

function parent(change: Partial<ParentReading>): ParentReading[] {
  return [{ ...PARENTS[0], ...change }, PARENTS[1]];
}

describe('a quiescent bus', () => {
  test('that is whole passes', () => {
    expect(checkQuiescent(WHOLE)).toEqual([]);
  });

  test.each<[string, string, Partial<Snapshot>, RegExp]>([
    ['mdev-core 1: one UUID twice', 'UUIDs are unique', { devices: device({ uuid: 'c' }) }, /^c is on the bus twice/],
    ['an entry of no device', 'UUIDs are unique', { uuids: 4 }, /4 entries for 3 devices/],
    ['a device without an entry', 'UUIDs are unique', { uuids: 2 }, /2 entries for 3/],
    ['a slot that was not given back', 'UUIDs are unique', { slots: 4 }, /4 device slots .* 3 devices/],
    [
      'mdev-core 2: an instance that is lost',
      'instances + live devices = maximum',
      { parents: parent({ instances: { maximum: 6, available: 3 } }) },
      /p has 3 instances and 2 devices, at most 6/,
    ],
    [
      'an instance too many',
      'instances + live devices = maximum',
      { parents: parent({ instances: { maximum: 6, available: 5 } }) },
      /5 instances and 2/,
    ],
    [
      'a budget that lost a unit',
      'instances + live devices = maximum',
      { budgets: [{ name: 'ports', maximum: 24, free: 22, used: 1 }] },
      /of ports, 22 are free and 1 in use, together not 24/,
    ],
    [
      'mdev-core 7: a probe without remove',
      'each device begins and ends once',
      { parents: parent({ bound: 3 }) },
      /3 devices, the bus 2/,
    ],
    [
      'a callback that goes on',
      'each device begins and ends once',
      { parents: parent({ inside: 1 }) },
      /1 callbacks of p/,
    ],
    [
      'mdev-core 4: a device that is not bound',
      'devices are whole',
      { devices: device({ whole: false }) },
      /^a of p is not bound/,
    ],
    [
      'a remove file gone for no reason',
      'devices are whole',
      { devices: device({ removable: false }) },
      /1 devices have no remove file/,
    ],
    [
      'an open device without files',
      'open_device and close_device alternate',
      { open: 1 },
      /1 devices are open and 0 files/,
    ],
    [
      'a file that was forgotten',
      'open_device and close_device alternate',
      { files: 2 },
      /0 devices are open and 2 files/,
    ],
    ['a lock that is held', 'no lock is held', { holders: [5] }, /thread 5 holds/],
  ])('%s', (_what, invariant, change, text) => {
    const violations = checkQuiescent({ ...WHOLE, ...change });
    expect(violations.map((violation) => violation.invariant)).toEqual([invariant]);
    expect(violations[0]?.text).toMatch(text);
  });

  test('mdev-core 13: a remove file may be missing where a removal met an unfinished create', () => {
    expect(checkQuiescent({ ...WHOLE, devices: device({ removable: false }), wedged: 1 })).toEqual([]);
  });
});

describe('a bus without parents', () => {
  test('that is empty passes', () => {
    expect(checkEmpty(EMPTY)).toEqual([]);
  });

  test.each<[string, string, Partial<Snapshot>]>([
    ['a device', 'nothing is left after unregistering', { devices: [DEVICES[0]] }],
    ['a slot', 'nothing is left after unregistering', { slots: 1 }],
    ['a UUID', 'nothing is left after unregistering', { uuids: 1 }],
    ['a parent', 'nothing is left after unregistering', { parents: [PARENTS[1]] }],
    ['a file', 'nothing is left after unregistering', { files: 1 }],
    ['an open device', 'nothing is left after unregistering', { open: 1 }],
    [
      'a held budget',
      'instances + live devices = maximum',
      { budgets: [{ name: 'ports', maximum: 24, free: 22, used: 0 }] },
    ],
    ['a held lock', 'no lock is held', { holders: [0] }],
  ])('has not %s left', (_what, invariant, change) => {
    expect(checkEmpty({ ...EMPTY, ...change }).map((violation) => violation.invariant)).toEqual([invariant]);
  });
});

describe('mdev-core 8: a parent that was unregistered under load', () => {
  const gone: ParentReading = { name: 'p', instances: undefined, bound: 0, inside: 0 };

  test('has nothing left, whatever others have', () => {
    expect(checkUnregistered(gone, [DEVICES[2]])).toEqual([]);
  });

  test.each<[string, ParentReading, DeviceReading[]]>([
    ['devices on the bus', gone, [DEVICES[0]]],
    ['devices of the driver', { ...gone, bound: 1 }, []],
    ['running callbacks', { ...gone, inside: 1 }, []],
  ])('has no %s', (what, parent, devices) => {
    expect(checkUnregistered(parent, devices)).toEqual([
      { invariant: 'nothing is left after unregistering', text: `1 ${what} of p` },
    ]);
  });
});
