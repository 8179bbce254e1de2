/** Channel programs of a guest in its own memory, through a container, run by disks on other threads. */
import { type Parent, Runtime } from '@mediated/core';
import { ccwUrl } from '@mediated/vendors';
import { DEVICE_RESET } from '@mediated/vfio/uapi';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { SCHIB } from '#dist/ccw/architected.js';
import { CC, type CcwValues, IDA, SLI } from '../../dist-fixtures/ccw/guest.fixture.js';
import { DATA, find, type GuestDisk, Machine, PROGRAM } from '../../dist-fixtures/ccw/machine.fixture.js';

const READ = 0x06;
const WRITE = 0x05;
const DONE = { device: 0x0c, channel: 0 };
/** Does nothing, for ever, over a page of data. */
const ENDLESS: CcwValues[] = [
  { command: 0x04, flags: CC | SLI, address: DATA, count: 32 },
  { command: 0x08, address: PROGRAM },
];

let runtime: Runtime;
let parents: Parent[];

beforeAll(async () => {
  runtime = Runtime.start({ closeDeadline: 0 });
  const subchannels = { '0.0.0001': {}, '0.0.0002': {} };
  await runtime.loadDriver(ccwUrl, { threads: 2, options: { subchannels } });
  parents = runtime.bus.parents();
});
afterAll(() => runtime.close());

/** A machine with the first so many disks. */
async function boot(count = 1): Promise<{ machine: Machine; disks: GuestDisk[] }> {
  const booted = await Machine.boot(runtime, parents.slice(0, count));
  onTestFinished(async () => {
    for (const disk of booted.disks) await disk.detach();
    await booted.machine.container.close();
  });
  return booted;
}

const pattern = (length: number, seed: number) => Uint8Array.from({ length }, (_, index) => (index * seed) % 253);
const activity = async ({ file }: GuestDisk) => SCHIB.get(await file.read(2 << 10, 52), 'activity');

describe('a disk of a guest', () => {
  test('ccw 24: a record is written and read back; the address is the guest’s', async () => {
    const { machine, disks } = await boot();
    const { guest } = machine;
    guest.bytes.set(pattern(4096, 7), DATA + 0x123);
    const write = [...find(guest, 5), { command: WRITE, address: DATA + 0x123, count: 4096 }];
    expect(await disks[0].run(write)).toMatchObject({ ...DONE, ccws: 4 });
    guest.list(0x20000, [DATA + 0x5ffe, DATA + 0x9000], 64);
    const read = [...find(guest, 5), { command: READ, flags: IDA, address: 0x20000, count: 4096 }];
    expect(await disks[0].run(read)).toMatchObject({ ...DONE, ccws: 4 });
    expect(guest.bytes.subarray(DATA + 0x5ffe, DATA + 0x6000)).toEqual(pattern(2, 7));
    expect(guest.bytes.subarray(DATA + 0x9000, DATA + 0x9ffe)).toEqual(pattern(4096, 7).subarray(2));
  });

  test('what it holds outlives the mdev', async () => {
    const first = await Machine.boot(runtime, parents.slice(0, 1));
    first.machine.guest.bytes.set(pattern(100, 11), DATA);
    await first.disks[0].run([
      ...find(first.machine.guest, 9),
      { command: WRITE, flags: SLI, address: DATA, count: 100 },
    ]);
    await first.disks[0].detach();
    await first.machine.container.close();
    const { machine, disks } = await boot();
    await disks[0].run([...find(machine.guest, 9), { command: READ, flags: SLI, address: DATA, count: 100 }]);
    expect(machine.guest.bytes.subarray(DATA, DATA + 100)).toEqual(pattern(100, 11));
  });

  test('two disks on two threads work in one memory at once', async () => {
    const { machine, disks } = await boot(2);
    const { guest } = machine;
    const programs = [PROGRAM, PROGRAM + 0x4000];
    const areas = [DATA, DATA + 0x10000];
    for (let round = 0; round < 5; round++) {
      for (const [index, area] of areas.entries()) guest.bytes.set(pattern(4096, 3 + index + round), area);
      const work = (command: number, from: number[]) =>
        Promise.all(
          disks.map((disk, index) => {
            const at = programs[index];
            const ccws = find(guest, 1 + round, at, at + 0x1000);
            return disk.run([...ccws, { command, address: from[index], count: 4096 }], at);
          }),
        );
      expect(await work(WRITE, areas)).toMatchObject([DONE, DONE]);
      expect(await work(READ, [...areas].reverse())).toMatchObject([DONE, DONE]);
      for (const [index, area] of areas.entries()) {
        expect(guest.bytes.subarray(area, area + 4096)).toEqual(pattern(4096, 4 - index + round));
      }
    }
  });

  test('a long program is translated by the workqueue and moves the same data', async () => {
    const { machine, disks } = await boot();
    const { guest } = machine;
    guest.bytes.set(pattern(4096, 5), DATA);
    await disks[0].run([...find(guest, 3), { command: WRITE, address: DATA, count: 4096 }]);
    const segments = 8;
    for (let segment = 0; segment < segments; segment++) {
      const at = PROGRAM + segment * 0x800;
      const reads = Array.from({ length: 190 }, (_, index) => ({
        command: READ,
        flags: CC | SLI,
        address: DATA + 0x10000 + (segment * 190 + index) * 16,
        count: 16,
      }));
      const last = segment === segments - 1 ? { command: 0x03 } : { command: 0x08, address: at + 0x800 };
      guest.program(at, [...reads, last]);
    }
    guest.bytes.fill(0, DATA + 0x10000, DATA + 0x20000);
    await disks[0].start();
    expect(await disks[0].ending(PROGRAM + 7 * 0x800)).toMatchObject({ ...DONE, ccws: 191 });
    // Every twelfth read meets the record that was written.
    const third = DATA + 0x10000 + 2 * 16;
    expect(guest.bytes.subarray(third, third + 16)).toEqual(pattern(16, 5));
    expect(guest.bytes.subarray(third + 12 * 16 * 100, third + 12 * 16 * 100 + 16)).toEqual(pattern(16, 5));
  });
});

describe('what a guest may do wrong', () => {
  test.each([
    ['a program where nothing is mapped', 0x900000, [], 'EINVAL'],
    ['data where nothing is mapped', PROGRAM, [{ command: WRITE, address: 0x900000, count: 8 }], 'EINVAL'],
  ])('%s is %s', async (_, at, ccws, code) => {
    const { machine, disks } = await boot();
    if (at === PROGRAM) machine.guest.program(at, ccws);
    await expect(disks[0].start(at)).rejects.toMatchObject({ code });
    expect(await disks[0].run([{ command: 0x03 }])).toMatchObject({ ...DONE, ccws: 1 });
  });

  test('ccw 13: data in a mapping that is only read is EPERM, and nothing stays pinned', async () => {
    const { machine, disks } = await boot();
    const memory = new SharedArrayBuffer(0x10000);
    await machine.container.map({ memory, iova: 0x900000n, write: false });
    machine.guest.program(PROGRAM, [
      { command: WRITE, flags: CC, address: DATA, count: 4096 },
      { command: WRITE, address: 0x900000, count: 8 },
    ]);
    await expect(disks[0].start()).rejects.toMatchObject({ code: 'EPERM' });
    // An unmap that meets pins would have the program ended; this one meets none.
    expect(await machine.container.unmap({ iova: 0x900000n, size: 0x10000n })).toBe(0x10000n);
    expect(await disks[0].run([{ command: 0x03 }])).toMatchObject(DONE);
  });
});

describe('a program that does not end', () => {
  async function endless(): Promise<{ machine: Machine; disk: GuestDisk }> {
    const { machine, disks } = await boot();
    machine.guest.program(PROGRAM, ENDLESS);
    await disks[0].start();
    return { machine, disk: disks[0] };
  }

  test('ccw 15: is halted, and a new one can be started', async () => {
    const { disk } = await endless();
    await expect(disk.start()).rejects.toMatchObject({ code: 'EBUSY' });
    await disk.file.write(1 << 10, Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 0));
    expect(await disk.ending()).toMatchObject({ functions: 6 });
    expect(await disk.run([{ command: 0x03 }])).toMatchObject({ ...DONE, ccws: 1 });
  });

  test('is cleared', async () => {
    const { disk } = await endless();
    await disk.file.write(1 << 10, Uint8Array.of(0, 0, 0, 2, 0, 0, 0, 0));
    expect(await disk.ending()).toMatchObject({ functions: 1 });
    expect(await disk.run([{ command: 0x03 }])).toMatchObject(DONE);
  });

  test('RESET ends it', async () => {
    const { disk } = await endless();
    expect(await disk.file.ioctl(DEVICE_RESET)).toBe(0);
    expect(await activity(disk)).toBe(0);
    disk.interrupt.take();
    expect(await disk.run([{ command: 0x03 }])).toMatchObject(DONE);
  });

  test('ccw 18: unmapping other memory leaves it alone, unmapping its data ends it', async () => {
    const { machine, disk } = await endless();
    await machine.container.map({ memory: new SharedArrayBuffer(0x1000), iova: 0x900000n });
    await machine.container.unmap({ iova: 0x900000n, size: 0x1000n });
    expect(await activity(disk)).not.toBe(0);
    expect(await machine.container.unmap({ iova: 0n, size: BigInt(machine.memory.byteLength) })).toBe(2n ** 22n);
    expect(await activity(disk)).toBe(0);
    disk.interrupt.take();
    machine.guest.bytes.fill(0xaa, DATA, DATA + 32);
    await expect(disk.start()).rejects.toMatchObject({ code: 'EINVAL' });
    expect(machine.guest.bytes[DATA]).toBe(0xaa);
    await machine.container.map({ memory: machine.memory, iova: 0n });
    expect(await disk.run([{ command: 0x03 }])).toMatchObject(DONE);
  });

  test('the last close ends it', async () => {
    const { machine, disk } = await endless();
    await disk.file.close();
    const again = await disk.group.openDevice(disk.mdev.uuid);
    expect(SCHIB.get(await again.read(2 << 10, 52), 'activity')).toBe(0);
    machine.guest.bytes.fill(0xaa, DATA, DATA + 32);
    await again.close();
    expect(machine.guest.bytes[DATA]).toBe(0xaa);
  });
});
