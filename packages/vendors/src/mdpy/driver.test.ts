/** mdpy as a driver on a running bus: its limit, its answers to ioctls as a kernel gave them, its framebuffer. */
import { type Parent, Runtime } from '@mediated/core';
import { mdpyUrl } from '@mediated/vendors';
import { openDevice } from '@mediated/vfio';
import { DEVICE_GET_GFX_DMABUF, DEVICE_RESET, GFX_PLANE_FLAGS } from '@mediated/vfio/uapi';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DisplayClient } from '../../dist-fixtures/framebuffer/display-client.fixture.js';
import { AT_INIT, AT_REGISTRATION } from '../../dist-fixtures/framebuffer/faulty.fixture.js';

const FRAMEBUFFER = 4096;
const { code } = DisplayClient;

const TYPES = [
  ['mdpy-vga', 640, 480, 2 ** 21, 'ffe00008'],
  ['mdpy-xga', 1024, 768, 2 ** 22, 'ffc00008'],
  ['mdpy-hd', 1920, 1080, 2 ** 23, 'ff800008'],
] as const;

let runtime: Runtime;
let mended: Runtime;
let parent: Parent;

beforeAll(async () => {
  runtime = Runtime.start();
  mended = Runtime.start({ quirks: 'mended' });
  await runtime.loadDriver(mdpyUrl, { threads: 2, parents: [{ name: 'mdpy', threads: 2 }] });
  await mended.loadDriver(mdpyUrl, { parents: [{ name: 'mdpy' }] });
  parent = runtime.bus.parent('mdpy');
});

afterAll(async () => {
  await runtime.close();
  await mended.close();
});

/** Runs `body` with a fresh display, opened. */
async function withDisplay(
  type: string,
  body: (client: DisplayClient) => Promise<void>,
  bus = runtime.bus,
): Promise<void> {
  const mdev = await bus.parent('mdpy').create(type);
  const file = await openDevice(bus, mdev);
  try {
    await body(new DisplayClient(file));
  } finally {
    await file.close();
    await mdev.remove();
  }
}

const available = () => Promise.all(TYPES.map(([type]) => parent.availableInstances(type)));

describe('types', () => {
  test('descriptions and resolutions are those of the module', async () => {
    for (const [type, width, height] of TYPES) {
      expect(await parent.description(type)).toBe(`virtual display, ${width}x${height} framebuffer\n`);
      const mdev = await parent.create(type);
      expect(await mdev.showAttribute('vendor/resolution')).toBe(`${width}x${height}\n`);
      expect(await code(mdev.storeAttribute('vendor/resolution', 'x'))).toBe('EACCES');
      await mdev.remove();
    }
    expect(parent.types.map(({ id, name }) => [id, name])).toEqual([
      ['mdpy-vga', 'mdpy-vga'],
      ['mdpy-xga', 'mdpy-xga'],
      ['mdpy-hd', 'mdpy-hd'],
    ]);
    expect(parent.deviceApi).toBe('vfio-pci');
  });

  test('mdpy 1, 2: four displays of all types together; all types tell the same number', async () => {
    const made = [];
    for (const [at, type] of ['mdpy-vga', 'mdpy-hd', 'mdpy-vga', 'mdpy-xga'].entries()) {
      expect(await available()).toEqual([4 - at, 4 - at, 4 - at]);
      made.push(await parent.create(type));
    }
    expect(await available()).toEqual([0, 0, 0]);
    for (const [type] of TYPES) expect(await code(parent.create(type))).toBe('EUSERS');
    for (const [type] of TYPES) {
      await made.pop()?.remove();
      expect(await available()).toEqual([1, 1, 1]);
      made.push(await parent.create(type));
    }
    await Promise.all(made.map((mdev) => mdev.remove()));
    expect(await available()).toEqual([4, 4, 4]);
  });

  test('mdpy 3: of eight concurrent creates on two threads four succeed', async () => {
    for (let round = 0; round < 3; round++) {
      const types = Array.from({ length: 8 }, (_, at) => TYPES[at % 3][0]);
      const results = await Promise.allSettled(types.map((type) => parent.create(type)));
      const made = results.filter((result) => result.status === 'fulfilled').map(({ value }) => value);
      const refused = results.filter((result) => result.status === 'rejected').map(({ reason }) => reason.code);
      expect([made.length, refused]).toEqual([4, Array(4).fill('EUSERS')]);
      await Promise.all(made.map((mdev) => mdev.remove()));
      expect(await available()).toEqual([4, 4, 4]);
    }
  });
});

test('mdpy 4: a probe that fails gives its instance back', async () => {
  await using faulty = Runtime.start();
  const failures = new Int32Array(new SharedArrayBuffer(8));
  const module = new URL('../../dist-fixtures/mdpy/faulty.fixture.js', import.meta.url);
  await faulty.loadDriver(module, { options: { failures }, threads: 2, parents: [{ name: 'mdpy', threads: 2 }] });
  const limited = faulty.bus.parent('mdpy');
  for (const step of [AT_INIT, AT_REGISTRATION]) {
    Atomics.store(failures, step, 3);
    const results = await Promise.all(Array.from({ length: 7 }, () => code(limited.create('mdpy-vga'))));
    // Those that fail take an instance for a moment; whoever comes then is refused.
    expect(results.filter((result) => result === 'ENOMEM')).toHaveLength(3);
    expect(results.filter((result) => result === 'ok')).toHaveLength(4 - (await limited.availableInstances('mdpy-hd')));
    for (const mdev of faulty.bus.mdevs()) await mdev.remove();
    expect(await limited.availableInstances('mdpy-hd')).toBe(4);
  }
});

test('the load option count is the number of displays; anything else is EINVAL', async () => {
  await using own = Runtime.start();
  await own.loadDriver(mdpyUrl, { options: { count: 2 }, parents: [{ name: 'mdpy' }] });
  for (const [type] of TYPES) expect(await own.bus.parent('mdpy').availableInstances(type)).toBe(2);
  await own.unloadDriver('mdpy');
  for (const options of [{ count: -1 }, { count: 1.5 }, { count: '4' }, { counts: 4 }, 4, null]) {
    expect(await code(own.loadDriver(mdpyUrl, { options }))).toBe('EINVAL');
  }
});

test('a create can be told to fail; it leaves nothing', async () => {
  await parent.storeAttribute('faults/fail_create', '1 ENOSPC');
  expect(await code(parent.create('mdpy-vga'))).toBe('ENOSPC');
  expect(await available()).toEqual([4, 4, 4]);
});

describe('configuration space', () => {
  test.each(TYPES)(
    'mdpy 5, 6: %s tells its format, its size and the size of its memory',
    (type, width, height, _, sizing) =>
      withDisplay(type, async (client) => {
        const config = new DataView((await client.file.read(0, 255)).slice().buffer);
        expect(config.getUint32(0x44, true)).toBe(0x34325258);
        expect([config.getUint32(0x48, true), config.getUint32(0x4c, true)]).toEqual([width, height]);
        expect(await client.file.mdev.showAttribute('vendor/resolution')).toBe(`${width}x${height}\n`);
        await client.write32(0x10, 0xffffffff);
        expect(
          Buffer.from(await client.read(0x10, 4), 'hex')
            .readUInt32LE()
            .toString(16),
        ).toBe(sizing);
        await client.write32(0x10, 0);
        expect(await client.read(0x10, 4)).toBe('08000000');
      }),
  );

  test('an address shorter than its register counts as filled up with zeros', () =>
    withDisplay('mdpy-vga', async (client) => {
      for (const [bytes, register] of [
        ['ff', 'f8000000'],
        ['78', '78000000'],
        ['ffff', 'f8ff0000'],
        ['7856', '78560000'],
        ['00', '08000000'],
      ] as const) {
        await client.write(0x10, bytes);
        expect(await client.read(0x10, 4)).toBe(register);
      }
    }));

  test('survives closing; a new device of the same UUID starts fresh', async () => {
    const uuid = crypto.randomUUID();
    let mdev = await parent.create('mdpy-vga', uuid);
    let client = new DisplayClient(await openDevice(runtime.bus, mdev));
    await client.write32(0x10, 0xfebf0000);
    await client.info();
    await client.file.close();
    client = new DisplayClient(await openDevice(runtime.bus, mdev));
    expect(await client.read(0x10, 4)).toBe('0800bffe');
    expect(await client.irq(0)).toMatchObject({ count: 0 });
    await client.file.close();
    await mdev.remove();
    mdev = await parent.create('mdpy-vga', uuid);
    client = new DisplayClient(await openDevice(runtime.bus, mdev));
    expect(await client.read(0x10, 4)).toBe('08000000');
    expect(await code(client.irq(0))).toBe('EINVAL');
    await client.file.close();
    await mdev.remove();
  });
});

describe('ioctls', () => {
  test.each(TYPES)('mdpy 7: the regions of %s', (type, _width, _height, memory) =>
    withDisplay(type, async (client) => {
      expect(await client.info(16)).toMatchObject({ argsz: 16, flags: 2, num_regions: 9, num_irqs: 5, cap_offset: 0 });
      const framebuffer = { flags: 7, size: BigInt(memory), offset: 4096n, cap_offset: 0 };
      expect(await client.region(0)).toMatchObject(framebuffer);
      expect(await client.region(16)).toMatchObject(framebuffer);
      expect(await client.region(7)).toMatchObject({ flags: 3, size: 255n, offset: 0n });
      for (const index of [1, 2, 3, 4, 5, 6, 8]) {
        expect(await client.region(index, 200)).toMatchObject({ argsz: 200, flags: 0, size: 0n, offset: 0n });
      }
      for (const index of [9, 15, 17, 2 ** 32 - 1]) expect(await code(client.region(index))).toBe('EINVAL');
    }),
  );

  test('mdpy 8: GET_IRQ_INFO is EINVAL before GET_INFO and counts none after it; SET_IRQS is always EINVAL', () =>
    withDisplay('mdpy-vga', async (client) => {
      expect(await code(client.irq(0))).toBe('EINVAL');
      expect(await code(client.info(15))).toBe('EINVAL');
      expect(await code(client.irq(0))).toBe('EINVAL');
      await client.info();
      for (const index of [0, 4])
        expect(await client.irq(index)).toEqual({ argsz: 16, flags: 0xdead, index, count: 0 });
      expect(await code(client.irq(5))).toBe('EINVAL');
      for (let flags = 0; flags < 64; flags++) expect(await code(client.setIrqs(flags, 0, 1))).toBe('EINVAL');
    }));

  test.each(TYPES)('mdpy 9: the plane of %s is in region 16', (type, width, height, memory) =>
    withDisplay(type, async (client) => {
      const { probe, dmabuf, region } = GFX_PLANE_FLAGS;
      expect(await client.plane(probe | region)).toMatchObject({ width: 0, size: 0 });
      for (const plane of [0, 1, 2, 3]) {
        expect(await client.plane(region, plane)).toMatchObject({
          drm_format: 0x34325258,
          width,
          height,
          stride: width * 4,
          size: memory,
          region_index: 16,
        });
      }
      for (let flags = 0; flags < 16; flags++) {
        if (flags !== region && flags !== (probe | region)) expect(await code(client.plane(flags))).toBe('EINVAL');
      }
      expect(await code(client.plane(dmabuf | region))).toBe('EINVAL');
      expect(await code(client.plane(region, 0, 8))).toBe('EINVAL');
      expect(Math.log2(memory) % 1).toBe(0);
      expect(memory).toBeGreaterThanOrEqual(width * 4 * height);
    }),
  );

  test('everything else is ENOTTY, arguments that are too short are EFAULT', () =>
    withDisplay('mdpy-vga', async ({ file }) => {
      for (const command of [0, 0x5401, 0x3b64, 0x3b79, DEVICE_GET_GFX_DMABUF]) {
        expect(await code(file.ioctl(command, new Uint8Array(64)))).toBe('ENOTTY');
      }
      for (const command of [0x3b6b, 0x3b6c, 0x3b72]) expect(await code(file.ioctl(command))).toBe('EFAULT');
    }));
});

describe('framebuffer', () => {
  test('mdpy 10: RESET paints grey rows; what lies behind the picture and the configuration stay', () =>
    withDisplay('mdpy-xga', async (client) => {
      const memory = await client.file.mmap(FRAMEBUFFER, 2 ** 22);
      await client.write32(0x10, 0xfebc1230);
      memory.fill(0xaa);
      expect(await client.file.ioctl(DEVICE_RESET)).toBe(0);
      for (const row of [0, 1, 3, 4, 500, 767]) {
        const bytes = memory.subarray(row * 4096, (row + 1) * 4096);
        expect(new Set(bytes)).toEqual(new Set([Math.floor((row * 255) / 768)]));
      }
      expect(new Set(memory.subarray(768 * 4096))).toEqual(new Set([0xaa]));
      expect(await client.read(0x10, 4)).toBe('3812bcfe');
    }));

  test('mdpy 11: nothing lies between the configuration and the framebuffer, nor behind it', () =>
    withDisplay('mdpy-vga', async (client) => {
      for (const [position, length] of [
        [255, 1],
        [256, 4],
        [1020, 4],
        [4095, 1],
        [FRAMEBUFFER + 2 ** 21 - 2, 4],
        [FRAMEBUFFER + 2 ** 21, 1],
        [2 ** 40, 8],
      ]) {
        expect(await code(client.read(position, length))).toBe('EFAULT');
        expect(await code(client.file.write(position, new Uint8Array(length)))).toBe('EFAULT');
      }
      expect((await client.read(252, 4)).length).toBe(8);
      expect(await client.read(FRAMEBUFFER + 2 ** 21 - 4, 4)).toBe('00000000');
      expect(await client.read(300, 0)).toBe('');
    }));

  test('mdpy 12: only the beginning can be mapped, and no more than there is', () =>
    withDisplay('mdpy-vga', async ({ file }) => {
      for (const [offset, length] of [
        [0, 4096],
        [8192, 4096],
        [2 ** 21, 4096],
        [FRAMEBUFFER, 2 ** 21 + 4096],
        [FRAMEBUFFER, 0],
      ]) {
        expect(await code(file.mmap(offset, length))).toBe('EINVAL');
      }
      const whole = await file.mmap(FRAMEBUFFER, 2 ** 21);
      expect(whole.byteLength).toBe(2 ** 21);
      const first = await file.mmap(FRAMEBUFFER, 4096);
      first[77] = 0x5a;
      expect([first.length, whole[77]]).toEqual([4096, 0x5a]);
      for (const write of [true, false]) {
        expect(await code(file.mmap(FRAMEBUFFER, 4096, { write, shared: false }))).toBe('EINVAL');
      }
    }));

  test('mdpy 13: two files see the same framebuffer, and closing one changes nothing', async () => {
    const mdev = await parent.create('mdpy-vga');
    const [first, second] = [await openDevice(runtime.bus, mdev), await openDevice(runtime.bus, mdev)];
    await first.write(FRAMEBUFFER, Uint8Array.of(1, 2, 3, 4));
    expect([...(await second.read(FRAMEBUFFER, 4))]).toEqual([1, 2, 3, 4]);
    await first.close();
    expect([...(await second.read(FRAMEBUFFER, 4))]).toEqual([1, 2, 3, 4]);
    await second.close();
    const third = await openDevice(runtime.bus, mdev);
    expect([...(await third.read(FRAMEBUFFER, 4))]).toEqual([1, 2, 3, 4]);
    await third.close();
    await mdev.remove();
  });

  test('as in Linux, a read or write of the file reaches the first bytes, whatever it names', () =>
    withDisplay('mdpy-vga', async (client) => {
      const memory = await client.file.mmap(FRAMEBUFFER, 2 ** 21);
      await client.write(FRAMEBUFFER + 0x100, 'a3a2a1a0');
      expect(Buffer.from(memory.subarray(0, 4)).toString('hex')).toBe('a3a2a1a0');
      expect(memory[0x100]).toBe(0);
      expect(await client.read(FRAMEBUFFER + 12291, 7)).toBe('a3a3a2a1a0a3a2');
    }));

  test('mended, it reaches what it names', () =>
    withDisplay(
      'mdpy-vga',
      async (client) => {
        const memory = await client.file.mmap(FRAMEBUFFER, 2 ** 21);
        await client.write(FRAMEBUFFER + 0x101, 'a3a2a1a0b7');
        expect(Buffer.from(memory.subarray(0x100, 0x107)).toString('hex')).toBe('00a3a2a1a0b700');
        expect(await client.read(FRAMEBUFFER + 0x101, 5)).toBe('a3a2a1a0b7');
        expect(await client.read(FRAMEBUFFER, 4)).toBe('00000000');
      },
      mended.bus,
    ));

  test('no access changes more than it says, and none kills the device', () =>
    withDisplay('mdpy-vga', async (client) => {
      const memory = await client.file.mmap(FRAMEBUFFER, 2 ** 21);
      const position = fc.oneof(fc.nat(300), fc.nat(2 ** 22), fc.maxSafeNat());
      await fc.assert(
        fc.asyncProperty(position, fc.uint8Array({ maxLength: 40 }), async (at, bytes) => {
          const before = memory.slice(4, 4096);
          const outcome = await code(client.file.write(at, bytes));
          expect(['ok', 'EFAULT']).toContain(outcome);
          expect(await code(client.file.read(at, bytes.length))).toBe(outcome);
          expect(Buffer.compare(memory.slice(4, 4096), before)).toBe(0);
          expect(await client.read(0, 4)).toBe('361b0f00');
        }),
        { numRuns: 100 },
      );
    }));
});
