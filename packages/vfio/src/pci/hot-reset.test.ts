/** Resets of whole buses and slots, with members on one, two and four threads (spec/pci sections 7 and 8). */
import { once } from 'node:events';
import type { Mdev } from '@mediated/core';
import { InterruptCounter, openDevice, openDeviceNode, openIommufd } from '@mediated/vfio';
import { mapRegion } from '@mediated/vfio/pci';
import * as uapi from '@mediated/vfio/uapi';
import { behindBridge, newWords, PciProgram, PciStage, tester } from '../../dist-fixtures/pci/stage.fixture.js';
import { AT_RESET, GATE, HELD, OVERLAPS, REGISTERS, RESETS } from '../../dist-fixtures/pci/tester.fixture.js';
import { expect, test } from 'vitest';

const refused = (promise: Promise<unknown>, code: string) =>
  expect(promise).rejects.toEqual(expect.objectContaining({ code }));

/** So many functions behind one bridge, without a reset of their own, each in a group of its own, spread over threads. */
async function setUp(functions: number, threads: number, more: object = {}) {
  const words = Array.from({ length: functions }, newWords);
  const names = words.map((_, i) => `0000:02:${(i + 1).toString(16).padStart(2, '0')}.0`);
  const devices = words.map((own, i) => tester((i + 1).toString(16), own, { reset: [], group: 100 + i, ...more }));
  const stage = await PciStage.set(behindBridge(devices), threads);
  const mdevs: Mdev[] = [];
  for (const [i, name] of names.entries()) mdevs.push(await stage.bind(name, { thread: i % threads }));
  const groups = mdevs.map((_, i) => 100 + i);
  const resets = () => words.map((own) => Atomics.load(own, RESETS));
  const needs = () => Promise.all(mdevs.map((mdev) => mdev.showAttribute('pci/needs_reset').then(Number)));
  const zaps = () => Promise.all(mdevs.map((mdev) => mdev.showAttribute('pci/zaps').then(Number)));
  const dispose = () => stage[Symbol.asyncDispose]();
  return { stage, words, names, mdevs, groups, resets, needs, zaps, [Symbol.asyncDispose]: dispose };
}

test.each([
  [3, 1],
  [3, 2],
  [6, 4],
])(
  'pci 13.21: a hot reset resets each of %i functions on %i threads once, keeps registers and eventfds',
  async (functions, threads) => {
    await using world = await setUp(functions, threads);
    const { stage, mdevs, groups, resets } = world;
    expect(new Set(mdevs.map(({ shard }) => shard)).size).toBe(threads);
    const programs = await Promise.all(mdevs.slice(1).map((mdev) => stage.open(mdev)));
    const counters = programs.map(() => InterruptCounter.create());
    for (const [i, pci] of programs.entries()) {
      await pci.setConfig(0x10, 4, 0xfe000000);
      await pci.setConfig(4, 2, 6);
      await pci.write(1, 0, 4, 1234);
      await pci.setIrqs(uapi.PCI_IRQS.msix, 'trigger', { data: [counters[i]] });
    }
    const headers = await Promise.all(programs.map((pci) => pci.file.read(7 * 2 ** 40, 0x100)));
    expect(await programs[0].hotReset(groups)).toBe(0);
    expect(resets()).toEqual(mdevs.map(() => 1));
    expect(await Promise.all(programs.map((pci) => pci.file.read(7 * 2 ** 40, 0x100)))).toEqual(headers);
    for (const [i, pci] of programs.entries()) {
      expect(await pci.read(1, 0, 4)).toBe(0);
      await pci.write(0, REGISTERS.message, 4, 0);
      expect(counters[i].take()).toBe(1);
    }
  },
);

test('pci 13.18: functions of one bus are one set, on whatever threads they are', async () => {
  await using world = await setUp(2, 2);
  const { stage, mdevs } = world;
  const pci = await stage.open(mdevs[0]);
  expect((await pci.hotResetInfo(2)).devices).toEqual(['100 0000:02:01.0', '101 0000:02:02.0']);
  await stage.unbind('0000:02:02.0');
  // Still affected, but no member: what is reset belongs to somebody else.
  expect((await pci.hotResetInfo(2)).count).toBe(2);
  await refused(pci.hotReset([100, 101]), 'EINVAL');
});

test('pci 13.19: who does not own everything, or says nonsense, resets nothing', async () => {
  await using world = await setUp(2, 2);
  const { stage, mdevs, resets } = world;
  const pci = await stage.open(mdevs[0]);
  const eventfd = InterruptCounter.create().passed;
  await refused(pci.hotReset([100]), 'EINVAL');
  await refused(pci.hotReset([101]), 'EINVAL');
  await refused(pci.hotReset([100, 100]), 'EINVAL');
  await refused(pci.hotReset([eventfd]), 'EINVAL');
  await refused(pci.hotReset([100, { kind: 'container', file: 1 }]), 'EINVAL');
  await refused(pci.hotReset([100, 101, 100]), 'EINVAL');
  await refused(pci.hotReset([]), 'EINVAL');
  await refused(pci.hotReset([100, 101], { flags: 1 }), 'EINVAL');
  await refused(pci.hotReset([100, 101], { argsz: 11 }), 'EINVAL');
  await refused(pci.hotReset([100], { count: 2 }), 'EFAULT');
  const argument = uapi.pciHotReset.bytes({ argsz: 16, count: 1 }, 16);
  await refused(pci.file.ioctl(uapi.DEVICE_PCI_HOT_RESET, argument), 'EBADF');
  expect(resets()).toEqual([0, 0]);
  expect(await pci.hotReset([100, 101])).toBe(0);
});

test.each([1, 2])(
  'pci 13.20: an access under way on any member is EBUSY; nothing was reset, no lock is held (%i threads)',
  async (threads) => {
    await using world = await setUp(3, threads);
    const { stage, mdevs, groups, words, resets, zaps } = world;
    const [first, second] = [await stage.open(mdevs[0]), await stage.open(mdevs[1])];
    const mapping = await mapRegion(stage.bus, first.file, 1);
    const held = second.read(0, REGISTERS.hold, 4);
    // The member's thread answers in order: when this is answered, the access is under way.
    await second.config(0, 4);
    expect(Atomics.load(words[1], HELD)).toBe(1);
    const before = await zaps();
    await refused(first.hotReset(groups), 'EBUSY');
    expect([resets(), await zaps()]).toEqual([
      [0, 0, 0],
      [before[0] + 1, before[1], before[2]],
    ]);
    await mapping.read(0, 4);
    await first.write(1, 0, 4, 1);
    Atomics.store(words[1], GATE, 1);
    Atomics.notify(words[1], GATE);
    await held;
    expect(await first.hotReset(groups)).toBe(0);
    expect([resets(), words.map((own) => Atomics.load(own, OVERLAPS))]).toEqual([
      [1, 1, 1],
      [0, 0, 0],
    ]);
  },
);

test('pci 13.22: how many devices there are, and which', async () => {
  await using world = await setUp(2, 1);
  const { stage, mdevs } = world;
  const pci = await stage.open(mdevs[0]);
  const short = uapi.pciHotResetInfo.bytes({ argsz: 12, flags: 7, count: 9 }, 12);
  await refused(pci.file.ioctl(uapi.DEVICE_GET_PCI_HOT_RESET_INFO, short), 'ENOSPC');
  expect(uapi.pciHotResetInfo.decode(short)).toEqual({ argsz: 12, flags: 0, count: 2 });
  expect(await pci.hotResetInfo(2)).toMatchObject({ count: 2, flags: 0 });
  const tooShort = uapi.pciHotResetInfo.bytes({ argsz: 11 });
  await refused(pci.file.ioctl(uapi.DEVICE_GET_PCI_HOT_RESET_INFO, tooShort), 'EINVAL');
  await using root = await PciStage.set([tester('01', newWords())]);
  const alone = await root.use('0000:00:01.0');
  await refused(alone.hotResetInfo(4), 'ENODEV');
  await refused(alone.hotReset([0]), 'ENODEV');
});

test('pci 13.22: by its own node a device shows ids of the context; owned is what a hot reset then takes', async () => {
  await using world = await setUp(3, 2, { group: undefined });
  const { stage, mdevs, resets } = world;
  // All three share the bridge's group.
  expect(mdevs.map(({ group }) => group)).toEqual([1, 1, 1]);
  const [mine, other] = [await openIommufd(stage.bus), await openIommufd(stage.bus)];
  const node = async (mdev: Mdev, context: Awaited<ReturnType<typeof openIommufd>>) => {
    const file = await openDeviceNode(stage.bus, mdev);
    const id = await file.bind(context).catch(async (error) => {
      await file.close();
      throw error;
    });
    return { file, id, pci: new PciProgram(file) };
  };
  const first = await node(mdevs[0], mine);
  const both = uapi.HOT_RESET_INFO_FLAGS.devId | uapi.HOT_RESET_INFO_FLAGS.devIdOwned;
  expect(await first.pci.hotResetInfo(3)).toMatchObject({
    flags: both,
    devices: [`${first.id} 0000:02:01.0`, '0 0000:02:02.0', '0 0000:02:03.0'],
  });
  await refused(first.pci.hotReset([1]), 'EINVAL');
  expect(await first.pci.hotReset([])).toBe(0);
  expect(resets()).toEqual([1, 1, 1]);
  await refused(node(mdevs[1], other), 'EPERM');
  await stage.unbind('0000:02:03.0');
  expect(await first.pci.hotResetInfo(3)).toMatchObject({ flags: uapi.HOT_RESET_INFO_FLAGS.devId });
  await refused(first.pci.hotReset([]), 'EINVAL');
  await first.file.close();
  await Promise.all([mine.close(), other.close()]);
});

test('pci 13.22: a device of a context that is not the caller’s is not owned', async () => {
  await using world = await setUp(2, 2);
  const { stage, mdevs } = world;
  const [mine, other] = [await openIommufd(stage.bus), await openIommufd(stage.bus)];
  const [first, second] = [await openDeviceNode(stage.bus, mdevs[0]), await openDeviceNode(stage.bus, mdevs[1])];
  await first.bind(mine);
  await second.bind(other);
  const pci = new PciProgram(first);
  const { flags, devices } = await pci.hotResetInfo(2);
  expect([flags, devices[1]]).toEqual([uapi.HOT_RESET_INFO_FLAGS.devId, '-1 0000:02:02.0']);
  await refused(pci.hotReset([]), 'EINVAL');
  await second.close();
  const again = await openDeviceNode(stage.bus, mdevs[1]);
  await again.bind(mine);
  expect((await pci.hotResetInfo(2)).flags & uapi.HOT_RESET_INFO_FLAGS.devIdOwned).toBe(2);
  expect(await pci.hotReset([])).toBe(0);
  await Promise.all([first.close(), again.close()]);
  await Promise.all([mine.close(), other.close()]);
});

test('pci 13.23: functions that can be reset alone never need the bus', async () => {
  await using world = await setUp(2, 2, { reset: ['flr'] });
  const { stage, mdevs, needs } = world;
  const pci = await stage.open(mdevs[0]);
  await pci.close();
  expect([await needs(), await mdevs[0].showAttribute('pci/resets')]).toEqual([[0, 0], 'function 2\nbus 0\n']);
});

test.each([1, 2, 4])(
  'pci 13.23, 13.24: one reset of the bus at the last close of all, none before (%i threads)',
  async (threads) => {
    await using world = await setUp(4, threads);
    const { stage, mdevs, resets, needs } = world;
    const [first, second, third] = await Promise.all(mdevs.slice(0, 3).map((mdev) => stage.open(mdev)));
    const again = new PciProgram(await openDevice(stage.bus, mdevs[0]));
    await first.close();
    await second.close();
    expect([resets(), await needs()]).toEqual([
      [0, 0, 0, 0],
      [0, 1, 0, 0],
    ]);
    await again.close();
    expect([resets(), await needs()]).toEqual([
      [0, 0, 0, 0],
      [1, 1, 0, 0],
    ]);
    await third.close();
    expect([resets(), await needs()]).toEqual([
      [1, 1, 1, 1],
      [0, 0, 0, 0],
    ]);
  },
);

test('pci 13.23: where the bus cannot be reset, or not all of it is ours, the need remains', async () => {
  await using world = await setUp(2, 2);
  const { stage, mdevs, needs, resets } = world;
  await stage.unbind('0000:02:02.0');
  const pci = await stage.open(mdevs[0]);
  await pci.close();
  expect(await mdevs[0].showAttribute('pci/needs_reset')).toBe('1\n');
  mdevs[1] = await stage.bind('0000:02:02.0', { thread: 1 });
  await (await stage.open(mdevs[1])).close();
  expect([await needs(), resets()]).toEqual([
    [0, 0],
    [1, 1],
  ]);
});

test('pci 13.27: opens and closes of members and hot resets exclude each other', async () => {
  await using world = await setUp(3, 2);
  const { stage, mdevs, groups, words } = world;
  const pci = await stage.open(mdevs[0]);
  const rounds = Array.from({ length: 20 }, async (_, round) => {
    const mdev = mdevs[1 + (round % 2)];
    const other = await stage.open(mdev);
    await other.write(1, 0, 4, round);
    await other.close();
  });
  const resets = Array.from({ length: 10 }, () => pci.hotReset(groups).catch((error: { code: string }) => error.code));
  expect(new Set([...(await Promise.all(resets)), 'EBUSY'])).toEqual(new Set([0, 'EBUSY']));
  await Promise.all(rounds);
  expect(words.map((own) => Atomics.load(own, OVERLAPS))).toEqual([0, 0, 0]);
});

test('pci 13.29: no write through a mapping reaches a member between zap and unlock', async () => {
  await using world = await setUp(2, 2);
  const { stage, mdevs, groups } = world;
  const [first, second] = [await stage.open(mdevs[0]), await stage.open(mdevs[1])];
  const mapping = await mapRegion(stage.bus, second.file, 1);
  await mapping.write(0, Uint8Array.of(1));
  const reset = first.hotReset(groups);
  const written = mapping.write(0, Uint8Array.of(2));
  const [result] = await Promise.all([reset.catch((error: { code: string }) => error.code), written]);
  // Before the reset: cleared by it, or it was refused for it. Afterwards: there.
  const [byte] = await mapping.read(0, 1);
  expect(result === 'EBUSY' ? [2] : [0, 2]).toContain(byte);
});

test('a member’s thread that dies in a hot reset: EIO, the others are reset and whole, nothing is held', async () => {
  await using world = await setUp(4, 2);
  const { stage, mdevs, groups, words } = world;
  const [pci, third] = [await stage.open(mdevs[0]), await stage.open(mdevs[2])];
  const header = await pci.file.read(7 * 2 ** 40, 0x40);
  Atomics.store(words[1], AT_RESET, 1);
  const restarted = once(stage.runtime.system.events, 'threadRestart');
  await refused(pci.hotReset(groups), 'EIO');
  await restarted;
  expect([words[0], words[2]].map((own) => Atomics.load(own, RESETS))).toEqual([1, 1]);
  expect(await pci.file.read(7 * 2 ** 40, 0x40)).toEqual(header);
  await pci.write(1, 0, 4, 3);
  expect(await third.read(1, 0, 4)).toBe(0);
  await refused(pci.hotReset(groups), 'EINVAL');
  Atomics.store(words[1], AT_RESET, 0);
  for (const [i, name] of world.names.entries()) if (i % 2 === 1) mdevs[i] = await stage.bind(name, { thread: 1 });
  expect(await pci.hotReset(groups)).toBe(0);
});

test('the thread that runs a hot reset dies: its members are gone, the others put back what they had saved', async () => {
  await using world = await setUp(4, 2);
  const { stage, mdevs, groups, words } = world;
  const [doomed, survivor] = [await stage.open(mdevs[0]), await stage.open(mdevs[1])];
  await survivor.setConfig(4, 2, 6);
  const header = await survivor.file.read(7 * 2 ** 40, 0x40);
  Atomics.store(words[0], AT_RESET, 1);
  const restarted = once(stage.runtime.system.events, 'threadRestart');
  await refused(doomed.hotReset(groups), 'EIO');
  await restarted;
  expect(await survivor.file.read(7 * 2 ** 40, 0x40)).toEqual(header);
  await survivor.write(1, 0, 4, 9);
  expect(await survivor.read(1, 0, 4)).toBe(9);
  Atomics.store(words[0], AT_RESET, 0);
  for (const i of [0, 2]) mdevs[i] = await stage.bind(world.names[i], { thread: 0 });
  expect(await survivor.hotReset(groups)).toBe(0);
});

test('section 7.3: a member that sleeps is woken, and its mappings lead somewhere again', async () => {
  await using world = await setUp(2, 2);
  const { stage, mdevs, groups } = world;
  const [first, second] = [await stage.open(mdevs[0]), await stage.open(mdevs[1])];
  const mapping = await mapRegion(stage.bus, second.file, 1);
  const wakeup = InterruptCounter.create();
  const { lowPowerEntryWithWakeup } = uapi.FEATURES;
  const entry = new Uint8Array(16);
  uapi.deviceFeature.encode(entry, { argsz: 16, flags: lowPowerEntryWithWakeup | uapi.FEATURE_FLAGS.set });
  entry[8] = 9;
  await second.file.ioctl(uapi.DEVICE_FEATURE, entry, new Map([[9, wakeup.passed]]));
  await refused(mapping.read(0, 1), 'EFAULT');
  expect(await first.hotReset(groups)).toBe(0);
  expect([wakeup.take(), await mapping.read(0, 1)]).toEqual([1, Uint8Array.of(0)]);
});

test('section 7.3: a bus whose link is lost was reset all the same, and answers ENOTTY', async () => {
  const words = [newWords(), newWords()];
  const devices = words.map((own, i) => tester(`00.${i}`, own, { reset: [] }));
  await using stage = await PciStage.set([{ at: '08', bridge: 'port', bus: 2, linkLost: true, devices }], 2);
  const [pci, mdev] = [await stage.use('0000:02:00.0', { thread: 0 }), await stage.bind('0000:02:00.1', { thread: 1 })];
  await refused(pci.hotReset([mdev.group as number]), 'ENOTTY');
  expect(words.map((own) => Atomics.load(own, RESETS))).toEqual([1, 1]);
});
