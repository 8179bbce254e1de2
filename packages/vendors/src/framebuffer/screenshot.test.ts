/** Pictures of displays as PNG files, decoded again and compared with the pixels that the display has. */
import { Runtime } from '@mediated/core';
import { mbochsUrl, mdpyUrl, mttyUrl } from '@mediated/vendors';
import { screenshot } from '@mediated/vendors/screenshot';
import { openDevice } from '@mediated/vfio';
import { encodePng } from '#dist/framebuffer/encode-png.js';
import { decode } from 'fast-png';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DisplayClient } from '../../dist-fixtures/framebuffer/display-client.fixture.js';

let runtime: Runtime;

beforeAll(async () => {
  runtime = Runtime.start();
  await runtime.loadDriver(mdpyUrl, { parents: [{ name: 'mdpy' }] });
  await runtime.loadDriver(mbochsUrl, { parents: [{ name: 'mbochs' }] });
  await runtime.loadDriver(mttyUrl, { parents: [{ name: 'mtty' }] });
});

afterAll(() => runtime.close());

async function opened(parent: string, type: string): Promise<DisplayClient> {
  return new DisplayClient(await openDevice(runtime.bus, await runtime.bus.parent(parent).create(type)));
}

async function discard({ file }: DisplayClient): Promise<void> {
  await file.close();
  await file.mdev.remove();
}

/** Shows 640 by 480 pixels from row 480 on, in rows of 1024. */
async function showVga(client: DisplayClient): Promise<void> {
  for (const [register, value] of [
    [1, 640],
    [2, 480],
    [3, 32],
    [4, 1],
    [6, 1024],
    [9, 480],
  ]) {
    await client.write16(0x1500 + 2 * register, value);
  }
}

test('mdpy: the gradient, encoded on the workqueue', async () => {
  const client = await opened('mdpy', 'mdpy-vga');
  const png = await screenshot(client.file, { workqueue: runtime.system.workqueue });
  const { width, height, channels, depth, data } = decode(png);
  expect({ width, height, channels, depth }).toEqual({ width: 640, height: 480, channels: 3, depth: 8 });
  for (const row of [0, 1, 2, 240, 479]) {
    const grey = Math.floor((row * 255) / 480);
    expect(new Set(data.subarray(row * 640 * 3, (row + 1) * 640 * 3))).toEqual(new Set([grey]));
  }
  await discard(client);
});

test('mbochs: the dma-buf of the mode, row by row, and red is red', async () => {
  const client = await opened('mbochs', 'mbochs-medium');
  await showVga(client);
  const pixels = new Uint32Array((await client.file.mmap(0x3000, 16 * 2 ** 20)).buffer);
  pixels[480 * 1024] = 0xff_ff0000;
  pixels[480 * 1024 + 639] = 0x00ff00;
  pixels[481 * 1024] = 0x0000ff;
  const { width, height, data } = decode(await screenshot(client.file));
  expect([width, height]).toEqual([640, 480]);
  expect([...data.subarray(0, 6)]).toEqual([255, 0, 0, 0, 0, 0]);
  expect([...data.subarray(639 * 3, 641 * 3)]).toEqual([0, 255, 0, 0, 0, 255]);
  await discard(client);
});

test('a display that shows nothing is ENOENT, a device that has none ENOTTY', async () => {
  const [dark, card] = [await opened('mbochs', 'mbochs-small'), await opened('mtty', 'mtty-1')];
  await expect(screenshot(dark.file)).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(screenshot(card.file)).rejects.toMatchObject({ code: 'ENOTTY' });
  await discard(dark);
  await discard(card);
});

test('any picture comes out as it went in', () => {
  const size = fc.integer({ min: 1, max: 9 });
  fc.assert(
    fc.property(size, size, fc.nat(3), fc.infiniteStream(fc.nat(255)), (width, height, margin, bytes) => {
      const stride = 4 * (width + margin);
      const pixels = Uint8Array.from({ length: stride * height }, () => bytes.next().value as number);
      const { data } = decode(encodePng({ pixels, width, height, stride }));
      for (let at = 0; at < width * height; at++) {
        const from = Math.floor(at / width) * stride + (at % width) * 4;
        expect([...data.subarray(at * 3, at * 3 + 3)]).toEqual([pixels[from + 2], pixels[from + 1], pixels[from]]);
      }
    }),
    { numRuns: 50 },
  );
});
