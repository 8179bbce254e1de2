/** mbochs as a driver on a running bus: its answers to ioctls as a kernel gave them, its registers, EDID and memory. */
import { type Parent, Runtime } from '@mediated/core';
import { mbochsUrl } from '@mediated/vendors';
import { openDevice } from '@mediated/vfio';
import { DEVICE_RESET } from '@mediated/vfio/uapi';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DisplayClient } from '../../dist-fixtures/framebuffer/display-client.fixture.js';

const REGISTERS = 0x1000;
const DISPI = REGISTERS + 0x500;
const EDID = 0x2000;
const BLOB = EDID + 0x800;
const MEMORY = 0x3000;
const { code } = DisplayClient;

const TYPES = [
  ['mbochs-small', 4, 800, 600, '0800c0ff'],
  ['mbochs-medium', 16, 1920, 1440, '080000ff'],
  ['mbochs-large', 64, 0, 0, '080000fc'],
] as const;

let runtime: Runtime;
let mended: Runtime;
let parent: Parent;

beforeAll(async () => {
  runtime = Runtime.start();
  mended = Runtime.start({ quirks: 'mended' });
  await runtime.loadDriver(mbochsUrl, { threads: 2, parents: [{ name: 'mbochs', threads: 2 }] });
  await mended.loadDriver(mbochsUrl, { parents: [{ name: 'mbochs' }] });
  parent = runtime.bus.parent('mbochs');
});

afterAll(async () => {
  await runtime.close();
  await mended.close();
});

async function withDisplay(
  type: string,
  body: (client: DisplayClient) => Promise<void>,
  bus = runtime.bus,
): Promise<void> {
  const mdev = await bus.parent('mbochs').create(type);
  const file = await openDevice(bus, mdev);
  try {
    await body(new DisplayClient(file));
  } finally {
    await file.close();
    await mdev.remove();
  }
}

test('types, descriptions and the memory attribute are those of the module', async () => {
  for (const [type, megabytes] of TYPES) {
    expect(await parent.description(type)).toBe(`virtual display, ${megabytes} MB video memory\n`);
    const mdev = await parent.create(type);
    expect(await mdev.showAttribute('vendor/memory')).toBe(`${megabytes} MB\n`);
    await mdev.remove();
  }
  expect(parent.types.map(({ id, name }) => [id, name])).toEqual([
    ['mbochs-small', 'mbochs-small'],
    ['mbochs-medium', 'mbochs-medium'],
    ['mbochs-large', 'mbochs-large'],
  ]);
});

test('the load option count is the megabytes of all displays, on however many threads', async () => {
  await using own = Runtime.start();
  await own.loadDriver(mbochsUrl, { options: { count: 100 }, threads: 2, parents: [{ name: 'mbochs', threads: 2 }] });
  const limited = own.bus.parent('mbochs');
  const available = () => Promise.all(TYPES.map(([type]) => limited.availableInstances(type)));
  expect(await available()).toEqual([25, 6, 1]);
  await limited.create('mbochs-large');
  expect(await available()).toEqual([9, 2, 0]);
  expect(await code(limited.create('mbochs-large'))).toBe('ENOSPC');
});

test('a create can be told to fail; it leaves nothing', async () => {
  await parent.storeAttribute('faults/fail_create', '2 EBUSY');
  for (const type of ['mbochs-large', 'mbochs-small']) expect(await code(parent.create(type))).toBe('EBUSY');
  expect(await parent.availableInstances('mbochs-small')).toBe(64);
});

describe('ioctls', () => {
  test('GET_INFO: PCI, ten regions, five interrupt indexes', () =>
    withDisplay('mbochs-small', async (client) => {
      expect(await client.info(16)).toMatchObject({ argsz: 16, flags: 2, num_regions: 10, num_irqs: 5, cap_offset: 0 });
      expect(await code(client.info(15))).toBe('EINVAL');
    }));

  test.each(TYPES)('the regions of %s', (type, megabytes) =>
    withDisplay(type, async (client) => {
      expect(await client.region(0)).toMatchObject({ flags: 7, size: BigInt(megabytes) << 20n, offset: 0x3000n });
      expect(await client.region(2)).toMatchObject({ flags: 3, size: 4096n, offset: 0x1000n });
      expect(await client.region(7)).toMatchObject({ flags: 3, size: 255n, offset: 0n });
      for (const index of [1, 3, 4, 5, 6, 8]) {
        expect(await client.region(index)).toMatchObject({ argsz: 32, flags: 0, size: 0n, offset: 0n, cap_offset: 0 });
      }
    }),
  );

  test('mbochs 6: the EDID region has a capability, of which as much comes back as argsz has room for', () =>
    withDisplay('mbochs-small', async (client) => {
      expect(await client.region(9)).toMatchObject({
        argsz: 48,
        flags: 0xb,
        cap_offset: 32,
        size: 4096n,
        offset: 0x2000n,
      });
      const whole = '300000000b00000009000000200000000010000000000000002000000000000002000100000000000100000001000000';
      for (const argsz of [32, 33, 40, 47, 48]) {
        expect(Buffer.from(await client.regionBytes(9, argsz)).toString('hex')).toBe(whole.slice(0, 2 * argsz));
        const other = await client.regionBytes(7, argsz);
        expect([...other.subarray(32)]).toEqual(Array(argsz - 32).fill(0));
      }
      for (const argsz of [0, 31, 49, 64, 2 ** 20]) expect(await code(client.region(9, argsz))).toBe('EINVAL');
      for (const index of [10, 16, 2 ** 32 - 1]) expect(await code(client.region(index))).toBe('EINVAL');
    }));

  test('mbochs 16: GET_IRQ_INFO works at once and counts none, SET_IRQS is always EINVAL', () =>
    withDisplay('mbochs-small', async (client) => {
      for (const index of [0, 4])
        expect(await client.irq(index)).toEqual({ argsz: 16, flags: 0xdead, index, count: 0 });
      expect(await code(client.irq(5))).toBe('EINVAL');
      for (let flags = 0; flags < 64; flags++) expect(await code(client.setIrqs(flags, 0, 1))).toBe('EINVAL');
    }));

  test('everything else is ENOTTY, arguments that are too short are EFAULT', () =>
    withDisplay('mbochs-small', async ({ file }) => {
      for (const command of [0, 0x5401, 0x3b64, 0x3b79]) {
        expect(await code(file.ioctl(command, new Uint8Array(64)))).toBe('ENOTTY');
      }
      for (const command of [0x3b6b, 0x3b6c, 0x3b6d, 0x3b72, 0x3b73])
        expect(await code(file.ioctl(command))).toBe('EFAULT');
      const announced = new Uint8Array(40);
      announced[0] = 48;
      expect(await code(file.ioctl(0x3b6c, announced))).toBe('EFAULT');
    }));
});

describe('registers', () => {
  test.each(TYPES)('the base addresses of %s tell their size', (type, _megabytes, _width, _height, sizing) =>
    withDisplay(type, async (client) => {
      expect((await client.read(0, 64)).slice(0, 64)).toBe(
        '3412111103000000010080030000000008000000000000000000000000000000',
      );
      await client.write32(0x10, 0xffffffff);
      expect(await client.read(0x10, 4)).toBe(sizing);
      await client.write32(0x18, 0xffffffff);
      expect(await client.read(0x18, 4)).toBe('00f0ffff');
      await client.write(0x14, 'ffffffff');
      expect(await client.read(0x14, 4)).toBe('00000000');
    }),
  );

  test.each(TYPES)('mbochs 4: RESET gives the registers of %s back their values, and nothing else', (type, megabytes) =>
    withDisplay(type, async (client) => {
      const size = Buffer.from(Uint16Array.of(megabytes * 16).buffer).toString('hex');
      const fresh = ['c5b0', ...Array(9).fill('0000'), size];
      const registers = () => Promise.all(fresh.map((_, register) => client.read(DISPI + 2 * register, 2)));
      expect(await registers()).toEqual(fresh);
      for (const [register] of fresh.entries()) await client.write16(DISPI + 2 * register, 0x1200 + register);
      expect(await client.read(DISPI, 2)).toBe('0012');
      expect(await client.read(DISPI + 20, 2)).toBe('0a12');
      await client.write32(0x10, 0xfebf0000);
      await client.write(MEMORY, '11223344');
      await client.write32(EDID + 8, 128);
      expect(await client.file.ioctl(DEVICE_RESET)).toBe(0);
      expect(await registers()).toEqual(fresh);
      expect(await client.read(0x10, 4)).toBe('0800bffe');
      expect(await client.read(MEMORY, 4)).toBe('11223344');
      expect(await client.read(EDID + 8, 4)).toBe('80000000');
    }),
  );

  test('mbochs 5: only two bytes at once reach a DISPI register', () =>
    withDisplay('mbochs-small', async (client) => {
      expect(await client.read(DISPI, 2)).toBe('c5b0');
      expect(await client.read(DISPI, 4)).toBe('00000000');
      expect(await client.read(DISPI, 1)).toBe('00');
      await client.write(DISPI + 4, 'ffffffff');
      await client.write(DISPI + 2, 'ff');
      expect(await client.read(DISPI + 2, 2)).toBe('0000');
      await client.write(DISPI + 2, '01020304');
      expect(await client.read(DISPI + 2, 2)).toBe('0102');
      expect(await client.read(DISPI + 4, 2)).toBe('0304');
    }));

  test('nothing lies between the areas, nor behind the memory', () =>
    withDisplay('mbochs-small', async (client) => {
      for (const [position, length] of [
        [255, 1],
        [256, 4],
        [4095, 1],
        [MEMORY + 2 ** 22, 1],
        [2 ** 40, 8],
      ]) {
        expect(await code(client.read(position, length))).toBe('EFAULT');
        expect(await code(client.file.write(position, new Uint8Array(length)))).toBe('EFAULT');
      }
      expect(await client.read(252, 4)).toBe('00000000');
      expect(await client.read(REGISTERS + 0x600, 4)).toBe('00000000');
      expect(await client.read(REGISTERS + 0xffc, 8)).toBe(`00000000${'00080000'}`);
    }));
});

describe('EDID', () => {
  test('mbochs 7: the guest sees it while the link is up, and as far as it goes', () =>
    withDisplay('mbochs-small', async (client) => {
      await client.write(BLOB, '00ffffffffffff00aabbccdd');
      const seen = () => client.read(REGISTERS, 12);
      expect(await seen()).toBe('00'.repeat(12));
      await client.write32(EDID + 20, 1);
      expect(await seen()).toBe('00'.repeat(12));
      await client.write32(EDID + 8, 6);
      // An access that begins before the end reads on behind it.
      expect(await seen()).toBe('00ffffffffffff0000000000');
      await client.write32(EDID + 8, 128);
      expect(await seen()).toBe('00ffffffffffff00aabbccdd');
      await client.write(REGISTERS, '12345678');
      expect(await seen()).toBe('00ffffffffffff00aabbccdd');
      await client.write32(EDID + 20, 2);
      expect(await seen()).toBe('00'.repeat(12));
    }));

  test.each(TYPES)('mbochs 8: what %s can do cannot be written', (type, _megabytes, width, height) =>
    withDisplay(type, async (client) => {
      const u32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer).toString('hex');
      for (let offset = 0; offset < 24; offset += 4) await client.write32(EDID + offset, 77);
      expect(await client.read(EDID, 24)).toBe([0x800, 0x400, 77, width, height, 77].map(u32).join(''));
    }),
  );

  test('accesses that fit no register are ignored and read 0; the blob ends after 1024 bytes', () =>
    withDisplay('mbochs-small', async (client) => {
      await client.write(EDID + 8, 'ffff');
      await client.write(EDID + 9, '01020304');
      expect(await client.read(EDID + 8, 4)).toBe('00000000');
      expect(await client.read(EDID + 1, 2)).toBe('0000');
      expect(await client.read(EDID + 24, 8)).toBe('0000000000000000');
      await client.write(BLOB + 1020, '0102030405060708');
      expect(await client.read(BLOB + 1020, 8)).toBe('0102030400000000');
    }));
});

describe('video memory', () => {
  test('mbochs 17: only the beginning can be mapped, and no more than there is', () =>
    withDisplay('mbochs-small', async ({ file }) => {
      for (const [offset, length] of [
        [0, 4096],
        [0x1000, 4096],
        [0x2000, 4096],
        [0x4000, 4096],
        [MEMORY, 2 ** 22 + 4096],
        [MEMORY, 0],
      ]) {
        expect(await code(file.mmap(offset, length))).toBe('EINVAL');
      }
      const whole = await file.mmap(MEMORY, 2 ** 22);
      expect(whole.byteLength).toBe(2 ** 22);
      whole[77] = 0x5a;
      const first = await file.mmap(MEMORY, 4096, { write: false });
      expect([first.length, first[77]]).toEqual([4096, 0x5a]);
      for (const write of [true, false])
        expect(await code(file.mmap(MEMORY, 4096, { write, shared: false }))).toBe('EINVAL');
    }));

  test('as in Linux, a read or write of the file reaches 8 KiB further; what would lie behind the end is EFAULT', () =>
    withDisplay('mbochs-small', async (client) => {
      const memory = await client.file.mmap(MEMORY, 2 ** 22);
      await client.write(MEMORY + 0x101, 'a3a2a1');
      expect(Buffer.from(memory.subarray(0x2100, 0x2105)).toString('hex')).toBe('00a3a2a100');
      const end = MEMORY + 2 ** 22 - 8192;
      memory.fill(0x5a, 2 ** 22 - 4);
      expect(await client.read(end - 4, 4)).toBe('5a5a5a5a');
      for (const [position, length] of [
        [end, 1],
        [end - 2, 4],
        [MEMORY + 2 ** 22 - 4, 4],
      ]) {
        expect(await code(client.read(position, length))).toBe('EFAULT');
        expect(await code(client.file.write(position, new Uint8Array(length)))).toBe('EFAULT');
      }
    }));

  test('mended, it reaches what it names, to the last byte', () =>
    withDisplay(
      'mbochs-small',
      async (client) => {
        const memory = await client.file.mmap(MEMORY, 2 ** 22);
        await client.write(MEMORY + 0x101, 'a3a2a1');
        expect(Buffer.from(memory.subarray(0x100, 0x105)).toString('hex')).toBe('00a3a2a100');
        await client.write(MEMORY + 2 ** 22 - 4, '01020304');
        expect([...memory.subarray(-4)]).toEqual([1, 2, 3, 4]);
        expect(await code(client.read(MEMORY + 2 ** 22 - 2, 4))).toBe('EFAULT');
      },
      mended.bus,
    ));

  test('no access reaches anything else, and none kills the device', () =>
    withDisplay('mbochs-small', async (client) => {
      const position = fc.oneof(
        fc.nat(0x3100),
        fc.integer({ min: 2 ** 22 - 8192, max: 2 ** 22 + 0x3100 }),
        fc.maxSafeNat(),
      );
      await fc.assert(
        fc.asyncProperty(position, fc.uint8Array({ maxLength: 40 }), async (at, bytes) => {
          const outcome = await code(client.file.write(at, bytes));
          expect(['ok', 'EFAULT']).toContain(outcome);
          expect(await code(client.file.read(at, bytes.length))).toBe(outcome);
          expect(await client.read(0, 4)).toBe('34121111');
        }),
        { numRuns: 100 },
      );
    }));
});
