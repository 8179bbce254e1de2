/** An open PCI function: information, memory, interrupts, resets, power (spec/pci sections 1, 2, 4 to 7.1, 9). */
import type { MediatedError } from '@mediated/core';
import { InterruptCounter } from '@mediated/vfio';
import { mapRegion } from '@mediated/vfio/pci';
import * as uapi from '@mediated/vfio/uapi';
import { newWords, type PciProgram, PciStage, tester } from '../../dist-fixtures/pci/stage.fixture.js';
import { AT_RESET, GATE, HELD, MASTER, OVERLAPS, REGISTERS, RESETS } from '../../dist-fixtures/pci/tester.fixture.js';
import { expect, test } from 'vitest';

const { intx, msi, msix, error, request } = uapi.PCI_IRQS;
const NAME = '0000:00:01.0';

async function setUp(more: object = {}) {
  const words = newWords();
  const stage = await PciStage.set([tester('01', words, more)]);
  const mdev = await stage.bind(NAME);
  const pci = await stage.open(mdev);
  return { words, stage, mdev, pci, [Symbol.asyncDispose]: () => stage[Symbol.asyncDispose]() };
}

const failure = (code: string) => expect.objectContaining({ code });
const refused = (promise: Promise<unknown>, code: string) => expect(promise).rejects.toEqual(failure(code));

function regionInfo(pci: PciProgram, index: number, argsz = 32) {
  const info = uapi.regionInfo.bytes({ argsz, index }, argsz);
  return pci.file.ioctl(uapi.DEVICE_GET_REGION_INFO, info).then(() => ({ ...uapi.regionInfo.decode(info), info }));
}

async function irqInfo(pci: PciProgram, index: number) {
  const info = uapi.irqInfo.bytes({ argsz: 16, index });
  await pci.file.ioctl(uapi.DEVICE_GET_IRQ_INFO, info);
  const { flags, count } = uapi.irqInfo.decode(info);
  return [flags, count];
}

test('section 4: regions and interrupts as they are described', async () => {
  await using world = await setUp();
  const { pci } = world;
  const regions = [];
  for (let index = 0; index < 8; index++) {
    const { flags, size, offset, argsz } = await regionInfo(pci, index);
    regions.push([flags, Number(size), Number(offset) / 2 ** 40, argsz]);
  }
  expect(regions).toEqual([
    [3, 4096, 0, 32],
    [7, 8192, 1, 32],
    [3, 32, 2, 32],
    [15, 4096, 3, 40],
    [0, 0, 4, 32],
    [0, 0, 5, 32],
    [0, 0, 6, 32],
    [3, 4096, 7, 32],
  ]);
  const { cap_offset, info } = await regionInfo(pci, 3, 40);
  expect([cap_offset, [...info.subarray(32)]]).toEqual([32, [3, 0, 1, 0, 0, 0, 0, 0]]);
  await refused(regionInfo(pci, 8), 'EINVAL');
  await refused(regionInfo(pci, 9), 'EINVAL');
  await refused(regionInfo(pci, 0, 31), 'EFAULT');
  const irqs = [];
  for (let index = 0; index < 5; index++) irqs.push(await irqInfo(pci, index));
  expect(irqs).toEqual([
    [7, 1],
    [9, 4],
    [1, 5],
    [9, 1],
    [9, 1],
  ]);
  await refused(irqInfo(pci, 5), 'EINVAL');
  await refused(pci.file.ioctl(0x4242), 'ENOTTY');
});

test('pci 13.5: with memory off BARs answer EIO and mappings SIGBUS; on again they work without mapping anew', async () => {
  await using world = await setUp();
  const { pci, stage } = world;
  const mapping = await mapRegion(stage.bus, pci.file, 1);
  await mapping.write(0, Uint8Array.of(1, 2, 3));
  await pci.setConfig(4, 2, 0);
  await refused(pci.read(1, 0, 4), 'EIO');
  await refused(pci.write(1, 0, 4, 1), 'EIO');
  await refused(pci.read(0, 0, 4), 'EIO');
  await refused(mapping.read(0, 3), 'EFAULT');
  await refused(mapping.write(0, Uint8Array.of(9)), 'EFAULT');
  // Ports are not gated.
  expect(await pci.write(2, 0, 4, 7)).toBe(4);
  await pci.setConfig(4, 2, 2);
  expect(await mapping.read(0, 3)).toEqual(Uint8Array.of(1, 2, 3));
  expect(mapping.readSync(0, 2)).toEqual(Uint8Array.of(1, 2));
  expect(await pci.read(1, 0, 2)).toBe(0x0201);
  await pci.close();
  await refused(mapping.read(0, 1), 'EFAULT');
});

test('section 5.1: accesses are clipped at the end, split by alignment, and need a region', async () => {
  await using world = await setUp();
  const { pci } = world;
  expect(await pci.write(1, 8190, 4, 0x04030201)).toBe(2);
  expect((await pci.file.read(2 ** 40 + 8190, 100)).length).toBe(2);
  await refused(pci.read(1, 8192, 1), 'EINVAL');
  await refused(pci.read(4, 0, 1), 'EINVAL');
  await refused(pci.write(6, 0, 1, 1), 'EINVAL');
  await refused(pci.read(9, 0, 1), 'EINVAL');
  expect(await pci.file.write(REGISTERS.scratch, Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7))).toBe(8);
  expect(await pci.read(0, REGISTERS.scratch + 1, 5)).toBe(0x0504030201);
  expect((await pci.file.read(4 * 2 ** 40, 0)).length).toBe(0);
});

test('section 5.2: what cannot be mapped is EINVAL', async () => {
  await using world = await setUp();
  const { file } = world.pci;
  const region = 2 ** 40;
  for (const [offset, length] of [
    [0, 4096],
    [2 * region, 32],
    [4 * region, 1],
    [6 * region, 1],
    [7 * region, 4096],
  ]) {
    await refused(file.mmap(offset, length), 'EINVAL');
  }
  await refused(file.mmap(region, 8193), 'EINVAL');
  await refused(file.mmap(region + 4096, 8192), 'EINVAL');
  expect((await file.mmap(region, 8192)).byteLength).toBe(8192);
});

test('pci 13.7: the MSI-X table reads as ones, is not written, and takes no ioeventfd', async () => {
  await using world = await setUp();
  const { pci, stage } = world;
  expect(await pci.file.write(3 * 2 ** 40 + 76, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8))).toBe(8);
  expect(await pci.read(3, 76, 4)).toBe(0xffffffff);
  expect(await pci.read(3, 80, 4)).toBe(0x08070605);
  const mapping = await mapRegion(stage.bus, pci.file, 3);
  expect(await mapping.read(76, 4)).toEqual(new Uint8Array(4));
  await refused(pci.ioeventfd(3, 72, 8, 1n, InterruptCounter.create()), 'EINVAL');
  await refused(pci.ioeventfd(3, 76, 8, 1n, InterruptCounter.create()), 'EINVAL');
  await pci.ioeventfd(3, 80, 8, 1n, InterruptCounter.create());
});

test('pci 13.8: at most one mode of interrupts is active', async () => {
  await using world = await setUp();
  const { pci } = world;
  const counter = InterruptCounter.create();
  const modes = [intx, msi, msix];
  for (const active of modes) {
    await pci.setIrqs(active, 'trigger', { data: [counter] });
    for (const other of modes.filter((mode) => mode !== active)) {
      await refused(pci.setIrqs(other, 'trigger', { data: [counter] }), 'EINVAL');
      await refused(pci.setIrqs(other, 'trigger', { count: 0 }), 'EINVAL');
    }
    await pci.setIrqs(active, 'trigger', { count: 0 });
    await refused(pci.setIrqs(active, 'trigger', { count: 1 }), 'EINVAL');
  }
});

test('pci 13.9: a line that stays asserted is one signal until unmasked, and one more for each unmask', async () => {
  await using world = await setUp();
  const { pci } = world;
  const counter = InterruptCounter.create();
  await pci.setIrqs(intx, 'trigger', { data: [counter] });
  await pci.write(0, REGISTERS.line, 4, 1);
  await pci.write(0, REGISTERS.line, 4, 1);
  expect(counter.take()).toBe(1);
  await pci.setIrqs(intx, 'unmask', { count: 1 });
  expect(counter.take()).toBe(1);
  await pci.setIrqs(intx, 'unmask', { data: Uint8Array.of(0) });
  expect(counter.take()).toBe(0);
  await pci.write(0, REGISTERS.line, 4, 0);
  await pci.setIrqs(intx, 'unmask', { count: 1 });
  expect(counter.take()).toBe(0);
  await pci.write(0, REGISTERS.line, 4, 1);
  expect(counter.take()).toBe(1);
});

test('section 6: unmasking by a counter; a second one EBUSY', async () => {
  await using world = await setUp();
  const { pci } = world;
  const [counter, unmask] = [InterruptCounter.create(), InterruptCounter.create()];
  await pci.setIrqs(intx, 'trigger', { data: [counter] });
  await pci.setIrqs(intx, 'unmask', { data: [unmask] });
  await refused(pci.setIrqs(intx, 'unmask', { data: [unmask] }), 'EBUSY');
  await pci.write(0, REGISTERS.line, 4, 1);
  expect(await counter.wait()).toBe(1);
  unmask.signal();
  expect(await counter.wait()).toBe(1);
  await pci.setIrqs(intx, 'unmask', { data: [null] });
  await pci.setIrqs(intx, 'unmask', { data: [unmask] });
  await pci.setIrqs(intx, 'trigger', { count: 0 });
});

test('pci 13.6: DisINTx suppresses signals; switched off again one comes if the line is still asserted', async () => {
  await using world = await setUp();
  const { pci } = world;
  const counter = InterruptCounter.create();
  await pci.setIrqs(intx, 'trigger', { data: [counter] });
  await pci.setConfig(4, 2, 0x0402);
  await pci.write(0, REGISTERS.line, 4, 1);
  await pci.setIrqs(intx, 'unmask', { count: 1 });
  await pci.setIrqs(intx, 'trigger', { count: 1 });
  expect([counter.take(), (await pci.config(6, 2)) & 8]).toEqual([0, 8]);
  await pci.setConfig(4, 2, 0x0002);
  expect(counter.take()).toBe(1);
  await pci.setConfig(4, 2, 0x0402);
  await pci.write(0, REGISTERS.line, 4, 0);
  await pci.setConfig(4, 2, 0x0002);
  expect(counter.take()).toBe(0);
});

test('pci 13.10: more vectors than the host has left: their number is the result, nothing is active', async () => {
  await using world = await setUp({ hostVectors: 2 });
  const { pci } = world;
  const counters = Array.from({ length: 4 }, () => InterruptCounter.create());
  for (const mode of [msi, msix]) {
    expect(await pci.setIrqs(mode, 'trigger', { data: counters })).toBe(2);
    await refused(pci.setIrqs(mode, 'trigger', { count: 1 }), 'EINVAL');
  }
  expect(await pci.setIrqs(msi, 'trigger', { data: counters.slice(0, 2) })).toBe(0);
  await pci.write(0, REGISTERS.message, 4, 1);
  expect(counters.map((counter) => counter.take())).toEqual([0, 1, 0, 0]);
});

test('pci 13.11: MSI shows as enabled only while SET_IRQS has it so', async () => {
  await using world = await setUp();
  const { pci } = world;
  const at = (await pci.capability(5)) + 2;
  await pci.setConfig(at, 2, 0x21);
  expect((await pci.config(at, 2)) & 0x71).toBe(0);
  await pci.setIrqs(msi, 'trigger', { data: [null, null, null, null] });
  await pci.setConfig(at, 2, 0x31);
  expect((await pci.config(at, 2)) & 0x71).toBe(0x21);
  const x = (await pci.capability(0x11)) + 2;
  await pci.setIrqs(msi, 'trigger', { count: 0 });
  await pci.setIrqs(msix, 'trigger', { data: [null] });
  expect((await pci.config(x, 2)) & 0x8000).toBe(0x8000);
  await pci.setIrqs(msix, 'trigger', { count: 0 });
  expect((await pci.config(x, 2)) & 0x8000).toBe(0);
});

test('pci 13.12: a failed assignment leaves its vectors without counters, the others as they were', async () => {
  await using world = await setUp();
  const { pci } = world;
  const counters = Array.from({ length: 4 }, () => InterruptCounter.create());
  await pci.setIrqs(msix, 'trigger', { data: counters });
  await refused(pci.setIrqs(msix, 'trigger', { start: 1, data: [counters[1], 999, counters[3]] }), 'EBADF');
  await pci.setIrqs(msix, 'trigger', { count: 5 });
  expect(counters.map((counter) => counter.take())).toEqual([1, 0, 0, 1]);
  await pci.setIrqs(msix, 'trigger', { count: 0 });
  await refused(pci.setIrqs(msix, 'trigger', { data: [counters[0], 999] }), 'EBADF');
  await refused(pci.setIrqs(msix, 'trigger', { count: 1 }), 'EINVAL');
});

test('section 6: vectors of MSI-X may come later, those of MSI may not', async () => {
  await using world = await setUp();
  const { pci } = world;
  const [first, later] = [InterruptCounter.create(), InterruptCounter.create()];
  await pci.setIrqs(msix, 'trigger', { data: [first] });
  await pci.setIrqs(msix, 'trigger', { start: 4, data: [later] });
  await pci.write(0, REGISTERS.message, 4, 4);
  expect([first.take(), later.take()]).toEqual([0, 1]);
  await pci.setIrqs(msix, 'trigger', { data: Uint8Array.of(1, 1, 1, 1, 0) });
  expect([first.take(), later.take()]).toEqual([1, 0]);
  await pci.setIrqs(msix, 'trigger', { count: 0 });
  await pci.setIrqs(msi, 'trigger', { data: [first] });
  await refused(pci.setIrqs(msi, 'trigger', { start: 1, data: [later] }), 'EINVAL');
});

test('pci 13.13: what an index cannot do is ENOTTY; unmasking inactive INTx EINVAL', async () => {
  await using world = await setUp();
  const { pci } = world;
  const counter = InterruptCounter.create();
  for (const action of ['mask', 'unmask'] as const) {
    for (const index of [msi, msix, error, request]) await refused(pci.setIrqs(index, action, { count: 1 }), 'ENOTTY');
    await refused(pci.setIrqs(intx, action, { count: 1 }), 'EINVAL');
  }
  await pci.setIrqs(intx, 'trigger', { data: [counter] });
  await refused(pci.setIrqs(intx, 'mask', { data: [counter] }), 'ENOTTY');
  await pci.setIrqs(intx, 'mask', { count: 1 });
  await pci.write(0, REGISTERS.line, 4, 1);
  expect(counter.take()).toBe(0);
});

test('pci 13.14: error and request: without a counter NONE is EINVAL and BOOL nothing; they outlive a change of mode', async () => {
  await using world = await setUp();
  const { pci, stage, mdev } = world;
  for (const index of [error, request]) {
    await refused(pci.setIrqs(index, 'trigger', { count: 1 }), 'EINVAL');
    expect(await pci.setIrqs(index, 'trigger', { data: Uint8Array.of(1) })).toBe(0);
    await refused(pci.setIrqs(index, 'trigger', { data: [-2] }), 'EINVAL');
  }
  const [failed, wanted] = [InterruptCounter.create(), InterruptCounter.create()];
  await pci.setIrqs(error, 'trigger', { data: [failed] });
  await pci.setIrqs(request, 'trigger', { data: [wanted] });
  await pci.setIrqs(msi, 'trigger', { data: [failed] });
  await pci.setIrqs(msi, 'trigger', { count: 0 });
  await pci.write(0, REGISTERS.error, 4, 1);
  await pci.setIrqs(error, 'trigger', { count: 1 });
  expect(failed.take()).toBe(2);
  await pci.setIrqs(error, 'trigger', { count: 0 });
  await refused(pci.setIrqs(error, 'trigger', { count: 1 }), 'EINVAL');
  const removed = stage.unbind(mdev.name);
  expect(await wanted.wait()).toBe(1);
  await pci.close();
  await removed;
});

test('pci 13.15, 13.16: the RESET flag says whether VFIO_DEVICE_RESET does not answer EINVAL', async () => {
  await using able = await setUp();
  expect(await able.pci.deviceFlags()).toBe(3);
  expect(await able.pci.reset()).toBe(0);
  expect(Atomics.load(able.words, RESETS)).toBe(2);
  const at = await able.pci.capability(0x10);
  await able.pci.setConfig(at + 8, 2, 0x8000);
  expect([(await able.pci.config(at + 8, 2)) & 0x8000, Atomics.load(able.words, RESETS)]).toEqual([0, 3]);
  await using unable = await setUp({ reset: [] });
  expect(await unable.pci.deviceFlags()).toBe(2);
  await refused(unable.pci.reset(), 'EINVAL');
  expect(Atomics.load(unable.words, RESETS)).toBe(0);
});

test('section 7.1: a reset clears the device, keeps registers, interrupts and what the program has set', async () => {
  await using world = await setUp();
  const { pci } = world;
  const counter = InterruptCounter.create();
  await pci.setIrqs(msix, 'trigger', { data: [counter] });
  await pci.setConfig(0x10, 4, 0xfebd0000);
  await pci.setConfig(4, 2, 0x0006);
  await pci.write(1, 0, 4, 0x01020304);
  await pci.reset();
  expect([await pci.read(1, 0, 4), await pci.config(4, 2), await pci.config(0x10, 4)]).toEqual([0, 6, 0xfebd0000]);
  await pci.write(0, REGISTERS.message, 4, 0);
  expect(counter.take()).toBe(1);
});

test('pci 13.17: a reset waits for accesses, and later ones for the reset', async () => {
  await using world = await setUp();
  const { pci, words, stage } = world;
  const mapping = await mapRegion(stage.bus, pci.file, 1);
  const resets = Atomics.load(words, RESETS);
  const held = pci.read(0, REGISTERS.hold, 4);
  const reset = pci.reset();
  const after = pci.read(1, 0, 4);
  const mapped = mapping.read(0, 1);
  // The thread answers in order: when this is answered, it has seen the three before.
  await pci.config(0, 4);
  expect([Atomics.load(words, RESETS), Atomics.load(words, HELD)]).toEqual([resets, 1]);
  Atomics.store(words, GATE, 1);
  Atomics.notify(words, GATE);
  await Promise.all([held, reset, after, mapped]);
  expect([Atomics.load(words, RESETS), Atomics.load(words, OVERLAPS)]).toEqual([resets + 1, 0]);
});

test('pci 13.25: a reset that fails or that there is none of is tolerated at open; the flag says so', async () => {
  const words = newWords();
  await using stage = await PciStage.set([tester('01', words), tester('02', newWords(), { reset: [] })]);
  const mdev = await stage.bind(NAME);
  Atomics.store(words, AT_RESET, 2);
  // A reset that fails is tolerated: the function is one without.
  const pci = await stage.open(mdev);
  expect(await pci.deviceFlags()).toBe(2);
  await pci.close();
  Atomics.store(words, AT_RESET, 0);
  const again = await stage.open(mdev);
  expect(await again.deviceFlags()).toBe(3);
  await again.close();
  const without = await stage.use('0000:00:02.0');
  expect(await without.deviceFlags()).toBe(2);
  await without.close();
});

test('pci 13.26: no bus mastering any more when the model is closed', async () => {
  await using world = await setUp();
  const { pci, words } = world;
  await pci.setConfig(4, 2, 6);
  expect((await pci.config(4, 2)) & 4).toBe(4);
  expect(Atomics.load(words, MASTER)).toBe(0);
  await pci.close();
  expect(Atomics.load(words, MASTER)).toBe(0);
});

test('pci 13.29: a mapping asks anew at every access; the bare memory cannot be taken back', async () => {
  await using world = await setUp();
  const { pci, stage, mdev } = world;
  const mapping = await mapRegion(stage.bus, pci.file, 1);
  const zaps = Number(await mdev.showAttribute('pci/zaps'));
  await pci.setConfig(4, 2, 0);
  expect(Number(await mdev.showAttribute('pci/zaps'))).toBe(zaps + 1);
  await refused(mapping.write(0, Uint8Array.of(1)), 'EFAULT');
  mapping.memory[0] = 5;
  await pci.setConfig(4, 2, 2);
  expect(await mapping.read(0, 1)).toEqual(Uint8Array.of(5));
  expect(() => mapping.readSync(8190, 3)).toThrow(failure('EINVAL'));
});

test('pci 13.30: a second ioeventfd of one kind EEXIST, an unknown one ENODEV, the 1001st ENOSPC', async () => {
  await using world = await setUp();
  const { pci } = world;
  const counter = InterruptCounter.create();
  await pci.ioeventfd(1, 16, 4, 0xabcdn, counter);
  await refused(pci.ioeventfd(1, 16, 4, 0xabcdn, counter), 'EEXIST');
  await refused(pci.ioeventfd(1, 16, 4, 0xabcen, null), 'ENODEV');
  for (const width of [0, 3, 16]) await refused(pci.ioeventfd(1, 16, width, 0n, counter), 'EINVAL');
  await refused(pci.ioeventfd(1, 8190, 4, 0n, counter), 'EINVAL');
  await refused(pci.ioeventfd(7, 0, 4, 0n, counter), 'EINVAL');
  // A register: that its write has happened is heard as an interrupt.
  const [doorbell, interrupt] = [InterruptCounter.create(), InterruptCounter.create()];
  await pci.setIrqs(intx, 'trigger', { data: [interrupt] });
  await pci.ioeventfd(0, REGISTERS.line, 4, 1n, doorbell);
  doorbell.signal();
  expect(await interrupt.wait()).toBe(1);
  await pci.ioeventfd(1, 16, 4, 0xabcdn, null);
  for (let i = 1; i < 1000; i++) await pci.ioeventfd(1, 0, 4, BigInt(i), counter);
  await refused(pci.ioeventfd(1, 0, 4, 0n, counter), 'ENOSPC');
  await pci.close();
});

test('section 3.5: D3 makes memory inaccessible; coming back resets a function without other means', async () => {
  await using world = await setUp();
  const { pci, words, stage } = world;
  const at = (await pci.capability(1)) + 4;
  const mapping = await mapRegion(stage.bus, pci.file, 1);
  await pci.write(1, 0, 4, 77);
  const resets = Atomics.load(words, RESETS);
  await pci.setConfig(at, 2, 3);
  expect((await pci.config(at, 2)) & 3).toBe(3);
  await refused(pci.read(1, 0, 4), 'EIO');
  await refused(mapping.read(0, 1), 'EFAULT');
  await pci.setConfig(at, 2, 0);
  expect([await pci.read(1, 0, 4), Atomics.load(words, RESETS)]).toEqual([0, resets + 1]);
});

test('section 9: low power ends with any access, which wakes who wanted to know; mappings fault meanwhile', async () => {
  await using world = await setUp();
  const { pci, stage } = world;
  const { lowPowerEntry, lowPowerEntryWithWakeup, lowPowerExit } = uapi.FEATURES;
  const feature = (index: number, data: Uint8Array = new Uint8Array(0), counter?: InterruptCounter) => {
    const argument = new Uint8Array(8 + data.length);
    argument.set(data, 8);
    uapi.deviceFeature.encode(argument, { argsz: argument.length, flags: index | uapi.FEATURE_FLAGS.set });
    return pci.file.ioctl(uapi.DEVICE_FEATURE, argument, new Map(counter === undefined ? [] : [[9, counter.passed]]));
  };
  const mapping = await mapRegion(stage.bus, pci.file, 1);
  await feature(lowPowerEntry);
  await refused(mapping.read(0, 1), 'EFAULT');
  await refused(feature(lowPowerEntry), 'EINVAL');
  await feature(lowPowerExit);
  await feature(lowPowerExit);
  await mapping.read(0, 1);
  const counter = InterruptCounter.create();
  const descriptor = (fd: number) => new Uint8Array(Int32Array.of(fd, 0).buffer);
  await refused(feature(lowPowerEntryWithWakeup, descriptor(-1)), 'EINVAL');
  await feature(lowPowerEntryWithWakeup, descriptor(9), counter);
  expect(counter.take()).toBe(0);
  await pci.read(1, 0, 1);
  await pci.read(1, 0, 1);
  expect(counter.take()).toBe(1);
  await mapping.read(0, 1);
});

test('section 9: a function that sleeps sends no INTx; awake it does if the line is asserted', async () => {
  await using world = await setUp();
  const { pci } = world;
  const counter = InterruptCounter.create();
  await pci.setIrqs(intx, 'trigger', { data: [counter] });
  const [unmask] = [InterruptCounter.create()];
  await pci.ioeventfd(0, REGISTERS.line, 4, 1n, unmask);
  const entry = uapi.deviceFeature.bytes({ argsz: 8, flags: uapi.FEATURES.lowPowerEntry | uapi.FEATURE_FLAGS.set });
  await pci.file.ioctl(uapi.DEVICE_FEATURE, entry);
  unmask.signal();
  expect(counter.take()).toBe(0);
  await pci.config(0, 4);
  expect(await counter.wait()).toBe(1);
});

test('a function without INTx is offered without a pin', async () => {
  await using world = await setUp({ brokenIntx: true });
  const { pci } = world;
  expect([await pci.config(0x3d, 1), await irqInfo(pci, intx)]).toEqual([0, [7, 0]]);
  await refused(pci.setIrqs(intx, 'trigger', { data: [InterruptCounter.create()] }), 'EINVAL');
});

test('bad input: truncated arguments are EFAULT or EINVAL and change nothing', async () => {
  await using world = await setUp();
  const { pci } = world;
  const commands = [
    uapi.DEVICE_GET_INFO,
    uapi.DEVICE_GET_REGION_INFO,
    uapi.DEVICE_GET_IRQ_INFO,
    uapi.DEVICE_SET_IRQS,
    uapi.DEVICE_IOEVENTFD,
    uapi.DEVICE_GET_PCI_HOT_RESET_INFO,
    uapi.DEVICE_PCI_HOT_RESET,
    uapi.DEVICE_FEATURE,
  ];
  const before = await pci.file.read(7 * 2 ** 40, 256);
  for (const command of commands) {
    for (let length = 0; length < 12; length++) {
      const argument = new Uint8Array(length).fill(0xff);
      const code = await pci.file.ioctl(command, argument).catch((error: MediatedError) => error.code);
      expect(['EFAULT', 'EINVAL', 'ENODEV', 'ENOTTY']).toContain(code);
    }
  }
  expect(await pci.file.read(7 * 2 ** 40, 256)).toEqual(before);
});
