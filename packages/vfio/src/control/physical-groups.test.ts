/** Groups that several physical devices share, and groups without an IOMMU: who owns the DMA, which device a name means. */
import { once } from 'node:events';
import { Runtime } from '@mediated/core';
import { Descriptors, openContainer, openDeviceNode, openGroup, openIommufd } from '@mediated/vfio';
import { bind, unbind } from '@mediated/vfio/physical';
import { EXTENSIONS, GROUP_SET_CONTAINER, SET_IOMMU } from '@mediated/vfio/uapi';
import { expect, onTestFinished, test } from 'vitest';
import { type CardOptions, DIE, DMA_READ, PLACE } from '../../dist-fixtures/control/cards.fixture.js';
import { codeOf, groupOf } from '../../dist-fixtures/control/guest-stage.fixture.js';
import { GroupRecords } from '#dist/control/group-records.js';

const CARDS = new URL('../../dist-fixtures/control/cards.fixture.js', import.meta.url);

async function stage(cards: CardOptions['cards'], { threads = 1, noIommu = false } = {}) {
  const runtime = Runtime.start({ restart: { intensity: 10, period: 60_000 } });
  onTestFinished(() => runtime.close());
  const options: CardOptions = { cards, noIommu };
  await runtime.loadDriver(CARDS, { threads, parents: [{ name: 'cards', threads }], options });
  const { bus } = runtime;
  return { runtime, bus, parent: bus.parent('cards') };
}

const TWINS = [
  { name: 'card:0', group: 3 },
  { name: 'card:1', group: 3 },
];

async function prepare(bus: Runtime['bus'], number: number, type: number = EXTENSIONS.type1v2) {
  const [group, container] = [await openGroup(bus, number), await openContainer(bus)];
  await group.setContainer(container);
  await container.setIommu(type);
  return { group, container };
}

test('devices of a group are found by name, newest first, as their driver matches', async () => {
  const { bus, parent } = await stage(TWINS, { threads: 2 });
  await bind(parent, 'card:1', { thread: 0 });
  const { group, container } = await prepare(bus, 3);
  expect(await codeOf(group.openDevice('card:0'))).toBe('ENODEV');
  await bind(parent, 'card:0', { thread: 1 });
  const place = async (name: string) => {
    const file = await group.openDevice(name);
    const place = await file.ioctl(PLACE);
    await file.close();
    return place;
  };
  expect([await place('card:0'), await place('card:1')]).toEqual([0, 1]);
  expect(await place('any')).toBe(0);
  await unbind(bus, parent, 'card:1');
  await bind(parent, 'card:1', { thread: 0 });
  expect(await place('any')).toBe(1);
  expect(await codeOf(group.openDevice('refused'))).toBe('EACCES');
  await group.close();
  await container.close();
});

test('hardware reaches what is mapped; what its IOMMU cannot map is refused', async () => {
  const { bus, parent } = await stage(TWINS);
  await bind(parent, 'card:0');
  const { group, container } = await prepare(bus, 3);
  const memory = new SharedArrayBuffer(4096);
  new Uint8Array(memory)[0] = 5;
  await container.map({ memory, iova: 0x1000n });
  expect(await codeOf(container.map({ memory, iova: 0xfee00000n }))).toBe('EINVAL');
  expect(await codeOf(container.map({ memory, iova: 2n ** 48n }))).toBe('EINVAL');
  const file = await group.openDevice('card:0');
  const argument = new Uint8Array(9);
  new DataView(argument.buffer).setBigUint64(0, 0x1000n, true);
  await file.ioctl(DMA_READ, argument);
  expect(argument[8]).toBe(5);
  await file.close();
  await group.close();
  await container.close();
});

test('vfio-core 14: while a host driver that does DMA has a device, the group is not viable: EPERM', async () => {
  const { bus, parent } = await stage([TWINS[0], { ...TWINS[1], host: { name: 'net' } }]);
  await bind(parent, 'card:0');
  const group = await openGroup(bus, 3);
  const container = await openContainer(bus);
  expect(await group.status()).toEqual({ viable: false, containerSet: false });
  expect(await codeOf(group.setContainer(container))).toBe('EPERM');
  const context = await openIommufd(bus);
  await group.close();
  const node = await openDeviceNode(bus, (await cardOf(bus, 'card:0')) as never);
  expect(await codeOf(node.bind(context))).toBe('EPERM');
  await node.close();
  await bind(parent, 'card:1');
  const again = await openGroup(bus, 3);
  expect(await again.status()).toEqual({ viable: true, containerSet: false });
  await again.setContainer(container);
  await again.close();
  await container.close();
  await context.close();
});

test('vfio-core 14: a host driver that does no DMA does not count', async () => {
  const { bus, parent } = await stage([TWINS[0], { ...TWINS[1], host: { name: 'bridge', kernelDma: false } }]);
  await bind(parent, 'card:0');
  const { group, container } = await prepare(bus, 3);
  await group.close();
  await container.close();
});

test('7.4: two iommufd contexts do not share a group', async () => {
  const { bus, parent } = await stage(TWINS);
  const [first, second] = [await bind(parent, 'card:0'), await bind(parent, 'card:1')];
  const [one, two] = [await openIommufd(bus), await openIommufd(bus)];
  const [a, b] = [await openDeviceNode(bus, first), await openDeviceNode(bus, second)];
  await a.bind(one);
  expect(await codeOf(b.bind(two))).toBe('EPERM');
  expect(await codeOf(openGroup(bus, 3))).toBe('EBUSY');
  await b.bind(one);
  const ioas = await one.allocateIoas();
  await one.map(ioas, { memory: new SharedArrayBuffer(4096), iova: 0n });
  await a.attach(ioas);
  await b.attach(ioas);
  await Promise.all([a.close(), b.close()]);
  await b.close();
  await Promise.all([one.close(), two.close()]);
});

test('a group lives with its last device, on whatever threads they are, also when one dies', async () => {
  const { runtime, bus, parent } = await stage(TWINS, { threads: 2 });
  await bind(parent, 'card:0', { thread: 0 });
  await bind(parent, 'card:1', { thread: 1 });
  const { group } = await prepare(bus, 3);
  const file = await group.openDevice('card:0');
  const restarted = once(runtime.system.events, 'threadRestart');
  expect(await codeOf(file.ioctl(DIE))).toBe('EIO');
  await restarted;
  expect((await group.status()).containerSet).toBe(true);
  const other = await group.openDevice('card:1');
  await other.close();
  await unbind(bus, parent, 'card:1');
  expect(await codeOf(group.status())).toBe('ENODEV');
  expect(await codeOf(openGroup(bus, 3))).toBe('ENODEV');
  await bind(parent, 'card:0');
  expect(await codeOf(group.status())).toBe('ENODEV');
  const again = await prepare(bus, 3);
  await again.group.close();
  await group.close();
});

test('8.6: without an IOMMU a group takes privilege and the type that maps nothing', async () => {
  const { bus, parent } = await stage([{ name: 'bare' }, TWINS[0]], { noIommu: true });
  const container = await openContainer(bus);
  expect(await container.checkExtension(EXTENSIONS.noIommu)).toBe(0);
  const bare = await bind(parent, 'bare');
  const number = groupOf(bare);
  expect(await container.checkExtension(EXTENSIONS.noIommu)).toBe(1);
  expect(await codeOf(openGroup(bus, number, { privileged: false }))).toBe('EPERM');
  const group = await openGroup(bus, number);
  expect(await group.status()).toEqual({ viable: true, containerSet: false });
  await bind(parent, 'card:0');
  const other = await openGroup(bus, 3);
  await group.setContainer(container);
  expect(await codeOf(other.setContainer(container))).toBe('EPERM');
  expect(await container.checkExtension(EXTENSIONS.type1)).toBe(0);
  expect(await codeOf(container.setIommu(EXTENSIONS.type1))).toBe('ENODEV');
  await container.setIommu(EXTENSIONS.noIommu);
  expect(await container.checkExtension(EXTENSIONS.noIommu)).toBe(1);
  expect(await container.checkExtension(EXTENSIONS.type1)).toBe(0);
  expect(await codeOf(container.unmap())).toBe('ENOTTY');
  const file = await group.openDevice('bare');
  expect(await codeOf(file.ioctl(DMA_READ, new Uint8Array(9)))).toBe('EINVAL');
  expect(await codeOf(group.unsetContainer())).toBe('EBUSY');
  await file.close();
  await group.unsetContainer();
  await other.setContainer(container);
  expect(await codeOf(group.setContainer(container))).toBe('EPERM');
  await Promise.all([group.close(), other.close(), container.close()]);
});

test('8.6: an iommufd context is in no-IOMMU mode or has an ioas for groups with an IOMMU', async () => {
  const { bus, parent } = await stage([{ name: 'bare' }, TWINS[0]], { noIommu: true });
  const bare = await bind(parent, 'bare');
  await bind(parent, 'card:0');
  const [group, other] = [await openGroup(bus, groupOf(bare)), await openGroup(bus, 3)];
  const [one, two] = [await openIommufd(bus), await openIommufd(bus)];
  await group.setContainer(one);
  expect(await codeOf(other.setContainer(one))).toBe('EINVAL');
  await (await group.openDevice('bare')).close();
  await group.unsetContainer();
  await other.setContainer(two);
  expect(await codeOf(group.setContainer(two))).toBe('EINVAL');
  await Promise.all([group.close(), other.close(), one.close(), two.close()]);
});

test('8.6: the node of such a group has a name of its own, and programs may lack the privilege', async () => {
  const { bus, parent } = await stage([{ name: 'bare' }], { noIommu: true });
  const number = groupOf(await bind(parent, 'bare'));
  const descriptors = new Descriptors(bus);
  expect(await codeOf(descriptors.open(`/dev/vfio/${number}`))).toBe('ENOENT');
  const group = await descriptors.open(`/dev/vfio/noiommu-${number}`);
  await descriptors.close(group);
  const humble = new Descriptors(bus, { privileged: false });
  expect(await codeOf(humble.open(`/dev/vfio/noiommu-${number}`))).toBe('EPERM');
  const again = await descriptors.open(`/dev/vfio/noiommu-${number}`);
  const container = await descriptors.open('/dev/vfio/vfio');
  const argument = new Uint8Array(Int32Array.of(container).buffer);
  expect(await descriptors.ioctl(again, GROUP_SET_CONTAINER, argument)).toBe(0);
  expect(await descriptors.ioctl(container, SET_IOMMU, EXTENSIONS.noIommu)).toBe(0);
  await descriptors.closeAll();
});

test('records: an owner of the DMA and a host driver that does DMA exclude each other', () => {
  const records = GroupRecords.create(32);
  expect(records.join(5)).toBe(true);
  expect(records.claim(5)).toBe(true);
  expect(records.addKernelUser(5)).toBe(false);
  expect(records.kernelUsers(5)).toBe(0);
  records.release(5);
  expect(records.addKernelUser(5)).toBe(true);
  expect(records.claim(5)).toBe(false);
  records.dropKernelUser(5);
  expect(records.claim(5)).toBe(true);
  records.releaseAll();
  expect(records.addKernelUser(5)).toBe(true);
});

test('records: a group that comes again is another, and its number is never 0', () => {
  const records = GroupRecords.create(32);
  const seen = new Set<number>();
  for (let i = 0; i < 70_000; i++) {
    records.begin(9, 1, 4);
    seen.add(records.life(9));
    records.end(9);
    if (i === 0) expect([records.life(9), records.member(9)]).toEqual([0, 4]);
  }
  expect(seen.size).toBe(65_535);
  expect(seen.has(0)).toBe(false);
  for (const number of [-1, 32, 0.5, Number.NaN]) expect(records.life(number)).toBe(0);
});

test('records: whoever ends a group sees that its file is open; a file of an earlier life is not cleared for a later', () => {
  const records = GroupRecords.create(32);
  records.begin(0, 1, 0);
  const life = records.life(0);
  records.setOpen(0, life);
  expect(records.end(0)).toBe(true);
  records.begin(0, 1, 0);
  records.setOpen(0, records.life(0));
  records.clearOpen(0, life);
  expect(records.mayBeOpen(0)).toBe(true);
  records.clearOpen(0, records.life(0));
  expect(records.end(0)).toBe(false);
});

async function cardOf(bus: Runtime['bus'], name: string) {
  return bus.mdevs().find((mdev) => mdev.name === name);
}
