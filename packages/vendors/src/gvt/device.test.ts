/** A vGPU that is open: its states, regions, interrupts, planes and the pages that it maps. */
import type { Mdev } from '@mediated/core';
import { type DeviceFile, InterruptCounter } from '@mediated/vfio';
import {
  DEVICE_GET_INFO,
  DEVICE_GET_IRQ_INFO,
  DEVICE_RESET,
  deviceInfo,
  IRQ_SET_FLAGS,
  irqInfo,
  regionInfo,
} from '@mediated/vfio/uapi';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { COUNTING_REGISTER, LONELY_PAGE, REFUSING_REGISTER } from '../../dist-fixtures/gvt/hooked.fixture.js';
import { GvtClient, GvtStage } from '../../dist-fixtures/gvt/stage.fixture.js';

const MB = 2 ** 20;
const region = (index: number) => index * 2 ** 40;
const [BAR0, BAR2, CONFIG, OPREGION, EDID] = [0, 2, 7, 9, 10].map(region);
const PV_INFO = BAR0 + 0x78000;
/** Where the first vGPU lies: behind what the host keeps. */
const LOW = 128 * MB;
const LOW_SIZE = 64 * MB;
const HIGH = (512 + 384) * MB;

const code = (name: string) => expect.objectContaining({ code: name });
const { dataNone, dataBool, dataEventfd, mask, unmask, trigger } = IRQ_SET_FLAGS;

let stage: GvtStage;
let mdev: Mdev;
let file: DeviceFile;
let client: GvtClient;

beforeAll(async () => {
  stage = await GvtStage.set();
});
afterAll(() => stage.runtime.close());
beforeEach(async () => {
  mdev = await stage.create(8);
  file = await stage.open(mdev, 7);
  client = new GvtClient(file);
});
afterEach(async () => {
  await file.close();
  await mdev.remove();
  expect(stage.pinned).toBe(0);
});

const hex = async (position: number, length: number) => Buffer.from(await file.read(position, length)).toString('hex');

describe('states', () => {
  test('gvt 7: a second vGPU of one machine is EEXIST; neither it nor one of no machine is opened', async () => {
    const other = await stage.create(8);
    await expect(stage.open(other, 7)).rejects.toEqual(code('EEXIST'));
    await expect(stage.open(other, 0)).rejects.toThrow();
    const opened = await stage.open(other, 8);
    expect(await new GvtClient(opened).status()).toMatchObject({ attached: 1, active: 1 });
    await opened.close();
    await file.close();
    const again = await stage.open(other, 7);
    await again.close();
    await other.remove();
  });

  test('gvt 8, 9: closing one of two files changes nothing; the last close unpins everything', async () => {
    const second = await stage.open(mdev, 7);
    await client.map(1);
    await client.map(2, 3);
    await file.close();
    const other = new GvtClient(second);
    expect(await other.status()).toMatchObject({ attached: 1, active: 1, cached: 2 });
    expect(stage.pinned).toBe(4);
    await second.close();
    expect(stage.pinned).toBe(0);
  });

  test('what the guest has set up stays for the next to open it', async () => {
    await client.write(CONFIG + 4, 0x7, 2);
    await client.write(BAR0 + 0x5000, 0x1234);
    await client.write(BAR2 + LOW, 0x5678);
    await file.close();
    file = await stage.open(mdev, 9);
    client = new GvtClient(file);
    expect(await client.word(CONFIG + 4)).toBe(0x0010_0007);
    expect(await client.word(BAR0 + 0x5000)).toBe(0x1234);
    expect(await client.word(BAR2 + LOW)).toBe(0x5678);
  });

  test('gvt 10: RESET restores command, BARs, page table and PV page, and keeps id, resources, state, MSI', async () => {
    const counter = InterruptCounter.create();
    await client.bindMsi(new Map([[0, counter.passed]]));
    const before = [await hex(CONFIG, 256), await hex(PV_INFO, 64)];
    const left = await stage.available();
    await client.write(CONFIG + 4, 0x7, 2);
    await client.write(CONFIG + 0x10, 0xffff_ffff);
    await client.write(CONFIG + 0xfc, 0x1234_5000);
    await client.write(PV_INFO + 0x808, 1);
    await client.write(BAR0 + 8 * MB + (LOW / 4096) * 8, 0x1001);
    await client.write(BAR0 + 0x10_0000, 5);
    await client.command('notify');
    expect(await client.status()).toMatchObject({ failsafe: 1, pvNotified: 1, trapped: 0 });
    expect(await file.ioctl(DEVICE_RESET)).toBe(0);
    expect([await hex(CONFIG, 256), await hex(PV_INFO, 64)]).toEqual(before);
    expect(await client.word(PV_INFO + 0x808)).toBe(0);
    expect(await client.word(BAR0 + 8 * MB + (LOW / 4096) * 8)).toBe(0);
    expect(await client.word(BAR0 + 0x10_0000)).toBe(0);
    expect(await client.status()).toMatchObject({ attached: 1, active: 1, failsafe: 0, pvNotified: 0 });
    expect([await mdev.showAttribute('intel_vgpu/vgpu_id'), await stage.available()]).toEqual(['1\n', left]);
    await client.write(CONFIG + 0xae, 1, 2);
    await client.command('interrupt');
    expect(counter.take()).toBe(1);
  });

  test('a reset of a guest that sleeps keeps what it has agreed on with the host', async () => {
    await client.command('notify');
    await client.write(CONFIG + 0xd4, 3, 2);
    expect(await client.status()).toMatchObject({ sleeping: 1 });
    await file.ioctl(DEVICE_RESET);
    expect(await client.status()).toMatchObject({ sleeping: 0, pvNotified: 1 });
    await file.ioctl(DEVICE_RESET);
    expect(await client.status()).toMatchObject({ pvNotified: 0 });
    await client.write(CONFIG + 0xd4, 3, 2);
    await file.close();
    file = await stage.open(mdev, 7);
    expect(await new GvtClient(file).status()).toMatchObject({ sleeping: 0 });
  });

  test('engines that the guest resets: all of them take their registers and the PV page along', async () => {
    await client.write(BAR0 + 0x5000, 1);
    await client.write(BAR0 + 0x5_0000, 2);
    await client.command('engines', 0);
    expect(await client.word(BAR0 + 0x5000)).toBe(1);
    await client.command('engines', 1);
    expect([await client.word(BAR0 + 0x5000), await client.word(BAR0 + 0x5_0000)]).toEqual([0, 2]);
    expect(await client.word(PV_INFO + 0xc)).toBe(1);
  });
});

describe('regions', () => {
  test('GET_INFO: PCI and RESET, eleven regions, five interrupt indexes', async () => {
    const info = deviceInfo.bytes({ argsz: 24, cap_offset: 9 });
    await file.ioctl(DEVICE_GET_INFO, info);
    expect(deviceInfo.decode(info)).toMatchObject({ flags: 3, num_regions: 11, num_irqs: 5, cap_offset: 9 });
    await expect(file.ioctl(DEVICE_GET_INFO, deviceInfo.bytes({ argsz: 15 }))).rejects.toEqual(code('EINVAL'));
    await expect(file.ioctl(0x3b64)).rejects.toEqual(code('ENOTTY'));
  });

  test('gvt 11: sizes, flags and offsets; there is none behind the tenth', async () => {
    const infos = [];
    for (let index = 0; index < 11; index++) infos.push((await client.region(index)).info);
    expect(infos.map(({ size }) => Number(size))).toEqual([16 * MB, 0, 512 * MB, 0, 0, 0, 0, 4096, 0, 8192, 128]);
    expect(infos.map(({ flags }) => flags)).toEqual([3, 0, 15, 0, 0, 0, 0, 3, 0, 9, 11]);
    for (const [index, { offset }] of infos.entries()) expect(offset).toBe(BigInt(index) << 40n);
    await expect(client.region(11)).rejects.toEqual(code('EINVAL'));
    await expect(file.ioctl(0x3b6c, regionInfo.bytes({ argsz: 31 }))).rejects.toEqual(code('EINVAL'));
  });

  test.each([
    [2, 64, '0100010000000000010000000000000000000008000000000000000400000000'],
    [9, 48, '02000100000000008680008001000000'],
    [10, 48, '02000100000000000100000001000000'],
  ])('capabilities of region %i take %i bytes', async (index, needed, chain) => {
    const short = await client.region(index, needed - 1);
    expect(short.info).toMatchObject({ argsz: needed, cap_offset: 0 });
    const { info, bytes } = await client.region(index, needed);
    expect(info).toMatchObject({ argsz: needed, cap_offset: 32 });
    expect(Buffer.from(bytes.subarray(32, 32 + chain.length / 2)).toString('hex')).toBe(chain);
  });

  test('gvt 11: the OpRegion is read-only and says what firmware would', async () => {
    expect(Buffer.from(await file.read(OPREGION, 16)).toString()).toBe('IntelGraphicsMem');
    expect([await client.word(OPREGION + 16), await client.word(OPREGION + 20)]).toEqual([8, 0x02000000]);
    expect([await client.word(OPREGION + 88), (await file.read(OPREGION + 0x1ac, 1))[0]]).toEqual([8, 3]);
    const table = await file.read(OPREGION + 0x400, 256);
    const view = new DataView(table.buffer, table.byteOffset);
    expect(Buffer.from(table.subarray(0, 4)).toString()).toBe('$VBT');
    expect([view.getUint16(20, true), view.getUint16(48 + 16, true)]).toEqual([155, 186]);
    const size = view.getUint16(24, true);
    expect(table.subarray(0, size).reduce((sum, byte) => sum + byte, 0) & 0xff).toBe(0);
    // Behind the header of the definitions: bytes of a child, then four of them.
    expect(table[48 + 22 + 3 + 4]).toBe(33);
    expect((size - (48 + 22 + 3 + 5)) / 33).toBe(4);
    await expect(client.write(OPREGION, 0)).rejects.toEqual(code('EFAULT'));
    await expect(file.read(OPREGION + 8190, 4)).rejects.toEqual(code('EFAULT'));
  });

  test('accesses to regions that are not there, or behind the end, are EFAULT; no bytes at all are none', async () => {
    for (const index of [1, 3, 4, 5, 6, 8, 11, 200]) {
      await expect(file.read(region(index), 4)).rejects.toEqual(code('EFAULT'));
      await expect(client.write(region(index), 0)).rejects.toEqual(code('EFAULT'));
    }
    await expect(file.read(CONFIG + 4094, 4)).rejects.toEqual(code('EFAULT'));
    await expect(file.read(BAR0 + 4 * MB, 4)).rejects.toEqual(code('EFAULT'));
    expect((await file.read(region(1), 0)).length).toBe(0);
    expect((await file.read(CONFIG, 4096)).length).toBe(4096);
  });

  test('the PV page tells the guest what is its own', async () => {
    expect(await hex(PV_INFO, 8)).toBe('7647547647547647');
    expect([await client.word(PV_INFO + 8), await client.word(PV_INFO + 0xc)]).toEqual([1, 1]);
    expect(await client.word(PV_INFO + 0x10)).toBe(0x1c);
    const own = [];
    for (let offset = 0x40; offset < 0x54; offset += 4) own.push(await client.word(PV_INFO + offset));
    expect(own).toEqual([LOW, LOW_SIZE, HIGH, 384 * MB, 4]);
    expect([await client.word(PV_INFO + 0x830), await client.word(PV_INFO + 0x834)]).toEqual([0xffffffff, 0xffffffff]);
  });

  test('registers are memory, but for those that a hook emulates, until the guest breaks the protocol', async () => {
    await client.write(BAR0 + 0x1000, 0xdead_beef);
    expect(await client.word(BAR0 + 0x1000)).toBe(0xdead_beef);
    expect([await client.word(BAR0 + COUNTING_REGISTER), await client.word(BAR0 + COUNTING_REGISTER)]).toEqual([1, 2]);
    await expect(file.read(BAR0 + REFUSING_REGISTER, 4)).rejects.toEqual(code('EFAULT'));
    for (const offset of [0x804, 0x818]) await client.write(PV_INFO + offset, 1);
    expect(await client.status()).toMatchObject({ failsafe: 0 });
    await client.write(PV_INFO + 0x814, 1);
    expect(await client.status()).toMatchObject({ failsafe: 1 });
    expect([await client.word(BAR0 + COUNTING_REGISTER), await client.word(BAR0 + REFUSING_REGISTER)]).toEqual([2, 0]);
  });

  test('the page table keeps entries of the vGPU’s own memory, in halves of 4 bytes', async () => {
    const entry = (address: number) => BAR0 + 8 * MB + (address / 4096) * 8;
    for (const address of [LOW, LOW + LOW_SIZE - 4096, HIGH, HIGH + 384 * MB - 4096]) {
      await client.write(entry(address), 0x8000_1001);
      await client.write(entry(address) + 4, 0x7);
      expect([await client.word(entry(address)), await client.word(entry(address) + 4)]).toEqual([0x8000_1001, 7]);
    }
    for (const address of [0, LOW - 4096, LOW + LOW_SIZE, HIGH - 4096, 4095 * MB]) {
      await client.write(entry(address), 1);
      expect(await client.word(entry(address))).toBe(0);
    }
    await expect(file.read(entry(LOW), 2)).rejects.toEqual(code('EFAULT'));
    await expect(client.word(BAR0 + 16 * MB)).rejects.toEqual(code('EFAULT'));
  });

  test('gvt 6: of the aperture only the vGPU’s slice can be read, written and mapped', async () => {
    const mapped = await file.mmap(BAR2 + LOW + 4096, 8192);
    await client.write(BAR2 + LOW + 4096, 0x0403_0201);
    expect([mapped.length, ...mapped.subarray(0, 4)]).toEqual([8192, 1, 2, 3, 4]);
    expect((await file.mmap(BAR2 + LOW, LOW_SIZE)).length).toBe(LOW_SIZE);
    for (const [offset, length] of [
      [LOW - 4096, 4096],
      [LOW, LOW_SIZE + 4096],
      [LOW + LOW_SIZE, 4096],
      [0, 4096],
    ]) {
      await expect(file.mmap(BAR2 + offset, length)).rejects.toEqual(code('EINVAL'));
    }
    await expect(file.mmap(BAR0, 4096)).rejects.toEqual(code('EINVAL'));
    await expect(file.mmap(BAR2 + LOW, 4096, { shared: false })).rejects.toEqual(code('EINVAL'));
    await expect(file.read(BAR2 + LOW - 4, 4)).rejects.toEqual(code('EFAULT'));
    expect((await file.read(BAR2 + LOW + LOW_SIZE - 8, 4)).length).toBe(4);
    // The piece that ends where the slice ends (quirk).
    await expect(file.read(BAR2 + LOW + LOW_SIZE - 4, 4)).rejects.toEqual(code('EFAULT'));
  });
});

describe('EDID', () => {
  test('gvt 11, 12: the blob lies behind the region’s size; a bad checksum is not brought up', async () => {
    const registers = [];
    for (let offset = 0; offset < 24; offset += 4) registers.push(await client.word(EDID + offset));
    expect(registers).toEqual([2048, 128, 128, 1024, 768, 0]);
    const blob = await file.read(EDID + 2048, 128);
    expect(blob.reduce((sum, byte) => sum + byte, 0) & 0xff).toBe(0);
    await client.write(EDID + 20, 1);
    expect([await client.word(EDID + 20), (await client.status()).connected]).toEqual([1, 1]);
    await client.write(EDID + 20, 2);
    expect([await client.word(EDID + 20), (await client.status()).connected]).toEqual([2, 0]);
    await file.write(EDID + 2048 + 127, Uint8Array.of((blob[127] + 1) & 0xff));
    await expect(client.write(EDID + 20, 1)).rejects.toEqual(code('EFAULT'));
    expect([await client.word(EDID + 20), (await client.status()).connected]).toEqual([2, 0]);
    await file.write(EDID + 2048, blob);
    await client.write(EDID + 20, 1);
  });

  test('registers take 4 bytes, sizes up to 128, states 1 and 2; others cannot be written', async () => {
    for (const offset of [0, 4, 12, 16]) await expect(client.write(EDID + offset, 1)).rejects.toEqual(code('EFAULT'));
    await expect(client.write(EDID + 8, 129)).rejects.toEqual(code('EFAULT'));
    await expect(client.write(EDID + 20, 3)).rejects.toEqual(code('EFAULT'));
    await expect(client.write(EDID + 20, 0)).rejects.toEqual(code('EFAULT'));
    await expect(file.read(EDID + 20, 2)).rejects.toEqual(code('EFAULT'));
    await expect(file.read(EDID + 24, 4)).rejects.toEqual(code('EFAULT'));
    await expect(file.read(EDID + 2044, 4)).rejects.toEqual(code('EFAULT'));
    await client.write(EDID + 8, 64);
    expect((await file.read(EDID + 2048, 64)).length).toBe(64);
    await expect(file.read(EDID + 2048 + 62, 4)).rejects.toEqual(code('EFAULT'));
    await expect(client.write(EDID + 2048 + 64, 0)).rejects.toEqual(code('EFAULT'));
  });
});

describe('interrupts', () => {
  test('GET_IRQ_INFO: INTx and MSI', async () => {
    for (const [index, flags] of [
      [0, 7],
      [1, 9],
    ]) {
      const argument = irqInfo.bytes({ argsz: 16, index });
      await file.ioctl(DEVICE_GET_IRQ_INFO, argument);
      expect(irqInfo.decode(argument)).toMatchObject({ flags, count: 1 });
    }
    for (const index of [2, 4, 5, 0xffffffff]) {
      await expect(file.ioctl(DEVICE_GET_IRQ_INFO, irqInfo.bytes({ argsz: 16, index }))).rejects.toEqual(
        code('EINVAL'),
      );
    }
  });

  test('gvt 13: INTx takes everything that is well formed and never signals', async () => {
    const counter = InterruptCounter.create();
    const files = new Map([[0, counter.passed]]);
    for (const action of [mask, unmask, trigger]) {
      expect(await client.setIrqs(0, dataNone | action, 77)).toBe(0);
      expect(await client.setIrqs(0, dataBool | action, 1, 1)).toBe(0);
      expect(await client.setIrqs(0, dataEventfd | action, 1, 0, files)).toBe(0);
    }
    await client.write(CONFIG + 0xae, 1, 2);
    await client.command('interrupt');
    expect(counter.take()).toBe(0);
  });

  test('gvt 13: MSI signals only when it is enabled, bound and attached', async () => {
    const counter = InterruptCounter.create();
    await client.bindMsi(new Map([[0, counter.passed]]));
    await client.command('interrupt');
    expect(counter.take()).toBe(0);
    await client.write(CONFIG + 0xae, 1, 2);
    await client.command('interrupt');
    expect(counter.take()).toBe(1);
    await client.setIrqs(1, dataNone | trigger, 0);
    await client.command('interrupt');
    expect(counter.take()).toBe(0);
    await client.bindMsi(new Map([[0, counter.passed]]));
    await file.close();
    file = await stage.open(mdev, 7);
    await new GvtClient(file).command('interrupt');
    expect(counter.take()).toBe(0);
  });

  test('what SET_IRQS refuses, and with which error', async () => {
    const files = new Map([[4, { kind: 'other' as const }]]);
    const outcome = (asked: Promise<number>) => asked.catch((error: { code: string }) => error.code);
    expect(await outcome(client.bindMsi(undefined, -1))).toBe('EBADF');
    expect(await outcome(client.bindMsi(undefined, 3))).toBe('EBADF');
    expect(await outcome(client.bindMsi(files, 4))).toBe('EINVAL');
    expect(await outcome(client.setIrqs(1, dataEventfd | trigger, 0, 3))).toBe('EINVAL');
    expect(await outcome(client.setIrqs(1, dataNone | mask))).toBe('ENOTTY');
    expect(await outcome(client.setIrqs(1, dataBool | unmask, 1, 1))).toBe('ENOTTY');
    expect(await outcome(client.setIrqs(1, dataBool | trigger, 1, 1))).toBe(0);
    expect(await outcome(client.setIrqs(1, dataNone | trigger, 9))).toBe(0);
    for (const index of [2, 3, 4]) {
      expect(await outcome(client.setIrqs(index, dataNone | trigger))).toBe('ENOTTY');
      expect(await outcome(client.setIrqs(index, dataBool | trigger, 1, 1))).toBe('EINVAL');
    }
    expect(await outcome(client.setIrqs(1, dataNone | dataEventfd | trigger, 1, 0))).toBe('EINVAL');
    expect(await outcome(client.setIrqs(1, dataEventfd | trigger, 2, 0))).toBe('EINVAL');
    expect(await outcome(client.setIrqs(0, trigger))).toBe('EINVAL');
    expect(await outcome(file.ioctl(0x3b6e, new Uint8Array(8)))).toBe('EFAULT');
  });
});

describe('mapped guest pages', () => {
  test('gvt 9: one mapping is counted, another size replaces it, the last unmap unpins', async () => {
    const address = await client.map(1);
    expect(await client.map(1)).toBe(address);
    expect([stage.pinned, (await client.status()).cached]).toEqual([1, 1]);
    await client.unmap(address);
    expect(stage.pinned).toBe(1);
    const larger = await client.map(1, 3);
    expect([larger === address, stage.pinned, (await client.status()).cached]).toEqual([false, 3, 1]);
    await client.unmap(address);
    await client.unmap(larger);
    await client.unmap(larger);
    expect([stage.pinned, (await client.status()).cached]).toEqual([0, 0]);
  });

  test('several pages that do not adjoin each other are EINVAL and stay unpinned, and so is memory that is none', async () => {
    await expect(client.map(LONELY_PAGE - 1, 2)).rejects.toEqual(code('EINVAL'));
    await expect(client.map(99)).rejects.toEqual(code('EINVAL'));
    expect([stage.pinned, (await client.status()).cached]).toEqual([0, 0]);
    await client.map(LONELY_PAGE);
  });

  test('memory that goes takes the entries that begin there along, however often they were mapped', async () => {
    await client.map(1);
    await client.map(1);
    await client.map(2, 2);
    await client.map(5);
    await client.command('unmapMemory', 2 * 4096, 4096);
    expect([stage.pinned, (await client.status()).cached]).toEqual([2, 2]);
    await client.command('unmapMemory', 0, 5 * 4096);
    expect([stage.pinned, (await client.status()).cached]).toEqual([1, 1]);
  });
});

describe('planes', () => {
  const show = (address: number, width: number, height: number, stride = 4 * width) =>
    client.command('show', address, width, height, stride);

  test('a query gives size, place and an id, which a get turns into a file of just these pixels', async () => {
    expect(await client.plane()).toMatchObject({ width: 0, region_index: 0 });
    await show(LOW + 4096, 64, 16);
    const plane = await client.plane();
    expect(plane).toMatchObject({ width: 64, height: 16, stride: 256, size: 4096, region_index: 1, x_hot: 0xffffffff });
    await client.write(BAR2 + LOW + 4096, 0x1234);
    const pixels = file.anonymous(await client.dmaBuf(1));
    const view = await pixels.mmap(0, 4096, { write: false });
    expect([view.length, view[0], view[1]]).toEqual([4096, 0x34, 0x12]);
    await pixels.close();
    expect((await client.status()).pictures).toBe(0);
  });

  test('ids are those of pictures: the same one again, the next for another, reused when nobody has it', async () => {
    await show(LOW, 64, 16);
    expect((await client.plane()).region_index).toBe(1);
    expect((await client.plane()).region_index).toBe(1);
    await show(HIGH, 64, 32);
    expect((await client.plane()).region_index).toBe(2);
    const first = file.anonymous(await client.dmaBuf(1));
    const again = file.anonymous(await client.dmaBuf(1));
    await first.close();
    await again.close();
    await expect(client.dmaBuf(1)).rejects.toEqual(code('EINVAL'));
    await show(LOW, 64, 64);
    expect((await client.plane()).region_index).toBe(1);
    // Asked for again while a file is open, it stays until the get.
    const open = file.anonymous(await client.dmaBuf(2));
    await show(HIGH, 64, 32);
    expect((await client.plane()).region_index).toBe(2);
    await open.close();
    await file.anonymous(await client.dmaBuf(2)).close();
    expect((await client.status()).pictures).toBe(1);
  });

  test('gvt 15: an unknown id is EINVAL; an exported file survives the close of the device', async () => {
    await expect(client.dmaBuf(1)).rejects.toEqual(code('EINVAL'));
    await show(LOW, 64, 16);
    await client.plane();
    await client.write(BAR2 + LOW, 0x42);
    const pixels = file.anonymous(await client.dmaBuf(1));
    await file.close();
    file = await stage.open(mdev, 7);
    client = new GvtClient(file);
    await expect(client.dmaBuf(1)).rejects.toEqual(code('EINVAL'));
    expect((await pixels.mmap(0, 4096, { write: false }))[0]).toBe(0x42);
    await client.plane();
    expect((await client.plane()).region_index).toBe(1);
    // The old file's end does not touch the new picture of that number.
    await pixels.close();
    expect((await client.status()).pictures).toBe(1);
  });

  test('what a query refuses', async () => {
    expect(await client.plane(1, 3)).toMatchObject({ width: 0 });
    for (const flags of [0, 1, 4, 5, 6]) await expect(client.plane(1, flags)).rejects.toEqual(code('EINVAL'));
    for (const type of [0, 3]) await expect(client.plane(type)).rejects.toEqual(code('EINVAL'));
    expect(await client.plane(2)).toMatchObject({ width: 0 });
    await show(LOW, 64, 0);
    await expect(client.plane()).rejects.toEqual(code('EINVAL'));
    for (const [address, height] of [
      [LOW + 1, 16],
      [LOW - 4096, 16],
      [LOW + LOW_SIZE - 4096, 17],
      [0, 16],
    ]) {
      await show(address, 64, height);
      await expect(client.plane()).rejects.toEqual(code('EFAULT'));
    }
  });
});
