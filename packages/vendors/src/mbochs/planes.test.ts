/** The pictures of an mbochs display: modes, ids, dma-bufs, and what is left of them when the device is closed. */
import { Runtime } from '@mediated/core';
import { mbochsUrl } from '@mediated/vendors';
import { openDevice } from '@mediated/vfio';
import { DEVICE_RESET, GFX_PLANE_FLAGS } from '@mediated/vfio/uapi';
import { Dispi } from '#dist/mbochs/dispi.js';
import { Planes } from '#dist/mbochs/planes.js';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DisplayClient } from '../../dist-fixtures/framebuffer/display-client.fixture.js';

const MEMORY = 0x3000;
const MEMORY_BYTES = 2 ** 22;
const { probe, dmabuf, region } = GFX_PLANE_FLAGS;
const { code } = DisplayClient;

const REGISTERS = { xres: 1, yres: 2, bpp: 3, enable: 4, virtWidth: 6, xOffset: 8, yOffset: 9 } as const;
type Settings = Partial<Record<keyof typeof REGISTERS, number>>;
const VGA: Settings = { xres: 640, yres: 480, bpp: 32, enable: 1, virtWidth: 0, xOffset: 0, yOffset: 0 };

const NOTHING = { drm_format: 0, width: 0, height: 0, stride: 0, size: 0, region_index: 0 };

let runtime: Runtime;
let mended: Runtime;

beforeAll(async () => {
  runtime = Runtime.start();
  mended = Runtime.start({ quirks: 'mended' });
  await runtime.loadDriver(mbochsUrl, { threads: 2, parents: [{ name: 'mbochs', threads: 2 }] });
  await mended.loadDriver(mbochsUrl, { parents: [{ name: 'mbochs' }] });
});

afterAll(async () => {
  await runtime.close();
  await mended.close();
});

async function open(bus = runtime.bus) {
  const mdev = await bus.parent('mbochs').create('mbochs-small');
  return { mdev, client: new DisplayClient(await openDevice(bus, mdev)) };
}

async function withDisplay(body: (client: DisplayClient) => Promise<void>, bus = runtime.bus): Promise<void> {
  const { mdev, client } = await open(bus);
  try {
    await body(client);
  } finally {
    await client.file.close();
    await mdev.remove();
  }
}

async function set(client: DisplayClient, settings: Settings): Promise<void> {
  for (const [name, value] of Object.entries({ ...VGA, ...settings })) {
    await client.write16(0x1500 + 2 * REGISTERS[name as keyof typeof REGISTERS], value);
  }
}

/** Sets a mode and asks until there is an answer: a new mode is refused once. Returns its id. */
async function show(client: DisplayClient, settings: Settings = {}): Promise<number> {
  await set(client, settings);
  await client.plane(dmabuf).catch(() => {});
  return (await client.plane(dmabuf)).region_index;
}

/** The bytes of a dma-buf, as a program that maps it sees them. */
async function mapped(client: DisplayClient, id: number) {
  const file = await client.dmaBuf(id);
  return { file, bytes: await file.mmap(0, await file.size(), { write: false }) };
}

describe('queries', () => {
  test('flags: what can be asked for is a dma-buf', () =>
    withDisplay(async (client) => {
      expect(await code(client.plane(probe | dmabuf))).toBe('ok');
      expect(await code(client.plane(dmabuf))).toBe('ok');
      for (let flags = 0; flags < 16; flags++) {
        if (flags !== dmabuf && flags !== (probe | dmabuf)) expect(await code(client.plane(flags))).toBe('EINVAL');
      }
      expect(await code(client.plane(region))).toBe('EINVAL');
      expect(await code(client.plane(dmabuf, 1, 8))).toBe('EINVAL');
    }));

  test('mbochs 9: registers that describe no picture show nothing', () =>
    withDisplay(async (client) => {
      for (const settings of [{ xres: 63 }, { yres: 63 }, { bpp: 24 }, { bpp: 16 }, { enable: 0 }, { enable: 64 }]) {
        await set(client, settings);
        expect(await client.plane(dmabuf)).toMatchObject(NOTHING);
      }
      await show(client);
      for (const type of [0, 2, 3]) expect(await client.plane(dmabuf, type)).toMatchObject(NOTHING);
    }));

  test('mbochs 10: a new mode is ENOMEM once; its id comes back with it, and never stands for another', () =>
    withDisplay(async (client) => {
      await set(client, {});
      expect(await code(client.plane(dmabuf))).toBe('ENOMEM');
      const first = await client.plane(dmabuf);
      expect(first).toMatchObject({ drm_format: 0x34325258, width: 640, height: 480, stride: 2560, size: 1228800 });
      expect(first.region_index).toBe(1);
      expect(await show(client, { xres: 64, yres: 64 })).toBe(2);
      expect(await show(client, { virtWidth: 1024 })).toBe(3);
      expect((await client.plane(dmabuf)).stride).toBe(4096);
      await set(client, { virtWidth: 320, enable: 65 });
      expect((await client.plane(dmabuf)).region_index).toBe(1);
      await client.file.ioctl(DEVICE_RESET);
      expect(await client.plane(dmabuf)).toMatchObject(NOTHING);
      expect(await show(client)).toBe(1);
    }));

  test('mended, a new mode is there at once', () =>
    withDisplay(async (client) => {
      await set(client, {});
      expect((await client.plane(dmabuf)).region_index).toBe(1);
    }, mended.bus));

  test('mbochs 11: a picture that would end behind the memory is none', () =>
    withDisplay(async (client) => {
      for (const settings of [
        { xres: 1024, yres: 1025 },
        { yOffset: 1200 },
        { xres: 1024, yres: 1024, xOffset: 1 },
        { xres: 65535, yres: 65535, virtWidth: 65535, xOffset: 65535, yOffset: 65535 },
        { xres: 4096, yres: 4096 },
      ]) {
        await set(client, settings);
        expect(await client.plane(dmabuf)).toMatchObject(NOTHING);
      }
      expect(await show(client, { xres: 1024, yres: 1024 })).toBe(1);
    }));

  test('whatever the registers hold, a picture lies in the memory', () => {
    const value = fc.oneof(fc.nat(0xffff), fc.constantFrom(0, 1, 32, 63, 64, 640, 1024, 0xffff));
    fc.assert(
      fc.property(fc.array(value, { minLength: 11, maxLength: 11 }), (values) => {
        const dispi = new Dispi(MEMORY_BYTES);
        for (const [register, content] of values.entries()) dispi.write(register, content);
        dispi.write(3, 32);
        dispi.write(4, 1);
        const { mode } = dispi;
        if (mode === undefined) return;
        expect(mode.stride).toBeGreaterThanOrEqual(mode.width * 4);
        expect(mode.size).toBe(mode.stride * mode.height);
        expect(mode.offset + mode.size).toBeLessThanOrEqual(MEMORY_BYTES);
      }),
    );
  });

  test('modes that are recorded are bounded; closing forgets them', () => {
    const planes = new Planes();
    const memory = new SharedArrayBuffer(8);
    const mode = (height: number) => ({ width: 64, height, stride: 256, offset: 0, size: 256 * height });
    for (let height = 0; height < 16_384; height++) planes.add(mode(height), () => memory);
    expect(() => planes.add(mode(16_384), () => memory)).toThrow(expect.objectContaining({ code: 'ENOMEM' }));
    planes.clear();
    expect(planes.add(mode(1), () => memory)).toBe(16_386);
    expect(planes.find(mode(2))).toBeUndefined();
  });
});

describe('dma-bufs', () => {
  test('a dma-buf is the picture in the video memory, from its first pixel', () =>
    withDisplay(async (client) => {
      const memory = new Uint32Array((await client.file.mmap(MEMORY, MEMORY_BYTES)).buffer);
      const id = await show(client, { yOffset: 480 });
      const { bytes } = await mapped(client, id);
      expect(bytes.length).toBe(1228800);
      memory[(480 * 2560) / 4] = 0x11223344;
      expect([...bytes.subarray(0, 4)]).toEqual([0x44, 0x33, 0x22, 0x11]);
      bytes[4] = 9;
      expect(memory[(480 * 2560) / 4 + 1]).toBe(9);
    }));

  test('mbochs 12: closing one of two files changes nothing, closing the last ends ids and memory', async () => {
    const { mdev, client: a } = await open();
    const b = new DisplayClient(await openDevice(runtime.bus, mdev));
    const id = await show(a);
    await a.write(MEMORY, 'cafebabe');
    await a.file.close();
    expect(await b.read(MEMORY, 4)).toBe('cafebabe');
    expect(await code(b.dmaBuf(id))).toBe('ok');
    expect((await b.plane(dmabuf)).region_index).toBe(id);
    await b.file.close();
    const again = new DisplayClient(await openDevice(runtime.bus, mdev));
    expect(await code(again.dmaBuf(id))).toBe('ENOENT');
    expect(await again.read(MEMORY, 4)).toBe('00000000');
    // Registers survive; the id does not.
    expect(await code(again.plane(dmabuf))).toBe('ENOMEM');
    expect((await again.plane(dmabuf)).region_index).toBe(id + 1);
    await again.file.close();
    await mdev.remove();
  });

  test('mbochs 13: a dma-buf shows the old pixels after the last close, and after the device is gone', async () => {
    const { mdev, client } = await open();
    (await client.file.mmap(MEMORY, MEMORY_BYTES)).fill(0x77, 0, 16);
    const { file, bytes } = await mapped(client, await show(client));
    await client.file.close();
    const again = await openDevice(runtime.bus, mdev);
    (await again.mmap(MEMORY, MEMORY_BYTES)).fill(0x11, 0, 16);
    expect(new Set(bytes.subarray(0, 16))).toEqual(new Set([0x77]));
    await again.close();
    await mdev.remove();
    expect((await file.mmap(0, 4096, { write: false }))[0]).toBe(0x77);
    await file.close();
  });

  test('mbochs 14: a picture that begins inside a page has an id, but no dma-buf', () =>
    withDisplay(async (client) => {
      const id = await show(client, { yOffset: 1 });
      expect(id).toBe(1);
      expect(await code(client.dmaBuf(id))).toBe('EINVAL');
      expect(await code(client.dmaBuf(await show(client, { xOffset: 1 })))).toBe('EINVAL');
      expect(await code(client.dmaBuf(await show(client, { xOffset: 1024 })))).toBe('ok');
    }));

  test('mbochs 15: of two files of one dma-buf one is closed and the other goes on; it can be had again', () =>
    withDisplay(async (client) => {
      const id = await show(client);
      const [first, second] = [await mapped(client, id), await mapped(client, id)];
      first.bytes[0] = 5;
      await first.file.close();
      expect(await code(first.file.mmap(0, 4096))).toBe('EBADF');
      expect((await second.file.mmap(0, 4096, { write: false }))[0]).toBe(5);
      await second.file.close();
      expect((await mapped(client, id)).bytes[0]).toBe(5);
    }));

  test('unknown ids are ENOENT; a dma-buf is mapped within its pages, has no read, write or other commands', () =>
    withDisplay(async (client) => {
      for (const id of [0, 1, 2, 2 ** 32 - 1]) expect(await code(client.dmaBuf(id))).toBe('ENOENT');
      const file = await client.dmaBuf(await show(client, { xres: 65, yres: 65 }));
      const pages = Math.ceil((65 * 65 * 4) / 4096) * 4096;
      const forReading = { write: false };
      expect(await file.size()).toBe(65 * 65 * 4);
      expect(await code(file.mmap(0, pages, forReading))).toBe('ok');
      expect(await code(file.mmap(4096, pages - 4096, forReading))).toBe('ok');
      expect(await code(file.mmap(0, pages))).toBe('EACCES');
      for (const write of [true, false])
        expect(await code(file.mmap(0, 4096, { write, shared: false }))).toBe('EINVAL');
      for (const [offset, length] of [
        [0, pages + 1],
        [4096, pages],
        [1, 100],
        [0, 0],
      ]) {
        expect(await code(file.mmap(offset, length, forReading))).toBe('EINVAL');
      }
      expect(await code(file.read(0, 4))).toBe('EINVAL');
      expect(await code(file.write(0, new Uint8Array(4)))).toBe('EINVAL');
      expect(await code(file.ioctl(0x40086200, new Uint8Array(8)))).toBe('ENOTTY');
    }));
});
