/** The driver in docs/writing-a-driver.md is the one that is compiled and run here. */
import { readFileSync } from 'node:fs';
import { Runtime } from '@mediated/core';
import { openDevice } from '@mediated/vfio';
import { DEVICE_GET_REGION_INFO, regionInfo } from '@mediated/vfio/uapi';
import { expect, test } from 'vitest';

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');

test('the guide shows the driver that this test runs', () => {
  const [, shown] = /```ts\n(\/\*\* A scratchpad[\s\S]*?)```/.exec(read('../../docs/writing-a-driver.md')) ?? [];
  expect(shown).toBe(read('./tours/scratchpad-driver.fixture.ts'));
});

test("the guide's driver does what the guide says", async () => {
  const runtime = Runtime.start();
  await using _ = runtime;
  const module = new URL('../dist-fixtures/tours/scratchpad-driver.fixture.js', import.meta.url);
  await runtime.loadDriver(module, { threads: 2, parents: [{ name: 'pads', threads: 2 }] });
  const parent = runtime.bus.parent('pads');
  const made = await Promise.allSettled(Array.from({ length: 5 }, () => parent.create('scratchpad-large')));
  const pads = made.filter((result) => result.status === 'fulfilled').map(({ value }) => value);
  expect(made.filter((result) => result.status === 'rejected').map(({ reason }) => reason.code)).toEqual(['ENOSPC']);
  expect(await parent.availableInstances('scratchpad-small')).toBe(0);
  expect(await pads[0].showAttribute('scratchpad/bytes')).toBe('65536\n');

  const file = await openDevice(runtime.bus, pads[0]);
  const argument = regionInfo.bytes({ argsz: regionInfo.size, index: 0 });
  await file.ioctl(DEVICE_GET_REGION_INFO, argument);
  expect(regionInfo.decode(argument).size).toBe(65_536n);
  await file.write(4090, new TextEncoder().encode('across pages'));
  const memory = await file.mmap(0, 65_536);
  expect(Buffer.from(memory.subarray(4090, 4102)).toString()).toBe('across pages');
  await expect(file.write(65_530, new Uint8Array(8))).rejects.toMatchObject({ code: 'EFAULT' });
  expect((await file.read(65_530, 8)).length).toBe(6);

  const removal = pads[0].remove();
  await expect(openDevice(runtime.bus, pads[0])).rejects.toMatchObject({ code: 'ENODEV' });
  await file.close();
  await removal;
  expect(await parent.availableInstances('scratchpad-small')).toBe(16);
});
