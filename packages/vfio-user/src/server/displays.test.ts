/** Displays whose memory a machine maps: what it draws is in the screenshot, and without a message. */
import { mbochsUrl, mdpyUrl } from '@mediated/vendors';
import { openDevice } from '@mediated/vfio';
import { expect, test } from 'vitest';
import { Stage } from '../../dist-fixtures/stage.fixture.js';

test('mdpy: the framebuffer that the device has painted is the machine’s, and what the machine draws the device’s', async () => {
  const stage = await Stage.set(mdpyUrl, 'mdpy-vga');
  const client = await stage.connect();
  const { size, flags, memory } = await client.regionInfo(0);
  expect([size, flags]).toEqual([2 ** 21, 7]);
  // The middle of the picture is grey.
  expect(memory?.bytes[240 * 640 * 4]).toBe(127);
  memory?.bytes.fill(0x42, 100_000, 100_100);
  const program = await openDevice(stage.runtime.bus, stage.mdev);
  const picture = await program.mmap(4096, 2 ** 21);
  expect([picture[99_999], picture[100_000], picture[100_099]]).toEqual([20, 0x42, 0x42]);
  picture[5] = 99;
  expect(memory?.bytes[5]).toBe(99);
  expect((await client.read(7, 0, 256)).length).toBe(256);
  await program.close();
  memory?.close();
  await client.close();
  await stage.close();
});

test('mbochs: each machine has memory of its own, from open to close', async () => {
  const stage = await Stage.set(mbochsUrl, 'mbochs-small');
  for (let machine = 0; machine < 2; machine++) {
    const client = await stage.connect();
    const { flags, memory } = await client.regionInfo(0);
    expect([flags, memory?.bytes[1_000_000]]).toEqual([7, 0]);
    memory?.bytes.set([7], 1_000_000);
    const program = await openDevice(stage.runtime.bus, stage.mdev);
    expect((await program.mmap(0x3000, 2 ** 20))[1_000_000]).toBe(7);
    await program.close();
    memory?.close();
    await client.close();
  }
  await stage.close();
});
