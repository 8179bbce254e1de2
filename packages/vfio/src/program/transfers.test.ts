/** Reads and writes of descriptors: by position, from where the last has ended, into memory that ends too early. */
import { Descriptors, openDevice } from '@mediated/vfio';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { Stage } from '../../dist-fixtures/stage.fixture.js';

const EFAULT = { code: 'EFAULT', errno: -14 };

let stage: Stage;
let program: Descriptors;
let device: number;
let next = 0;

beforeAll(async () => {
  stage = await Stage.set();
});
afterAll(() => stage[Symbol.asyncDispose]());
beforeEach(async () => {
  program = new Descriptors(stage.bus);
  const mdev = await stage.create('solo', ++next);
  device = program.adopt(await openDevice(stage.bus, mdev));
  return async () => {
    await program.closeAll();
    await mdev.remove();
  };
});

test('a file has one position, which reads and writes without one move, and those with one do not', async () => {
  expect(await program.write(device, Uint8Array.of(1, 2, 3, 4))).toBe(4);
  expect(await program.pwrite(device, Uint8Array.of(9), 8)).toBe(1);
  const copy = program.dup(device);
  expect(await program.write(copy, Uint8Array.of(5))).toBe(1);
  expect([...(await program.pread(device, 9, 0))]).toEqual([1, 2, 3, 4, 5, 0, 0, 0, 9]);
  expect([...(await program.read(device, 4))]).toEqual([0, 0, 0, 9]);
  expect((await program.read(copy, 100)).length).toBe(64 - 9);
});

test('where the memory of a transfer ends it is EFAULT; what lies before has been read or written', async () => {
  const bytes = Uint8Array.of(1, 2, 3, 4);
  const address = program.place(bytes);
  await expect(program.pwriteFrom(device, address, 8, 0)).rejects.toMatchObject(EFAULT);
  expect(await program.pwriteFrom(device, address + 2n, 2, 6)).toBe(2);
  expect([...(await program.pread(device, 8, 0))]).toEqual([1, 2, 3, 4, 0, 0, 3, 4]);
  bytes.fill(0);
  await expect(program.preadInto(device, address + 2n, 4, 6)).rejects.toMatchObject(EFAULT);
  expect([...bytes]).toEqual([0, 0, 3, 4]);
  expect(await program.preadInto(device, address, 4, 0)).toBe(4);
  expect([...bytes]).toEqual([1, 2, 3, 4]);
});

test('memory that is nowhere is EFAULT, and nothing is read or written', async () => {
  await expect(program.pwriteFrom(device, 0n, 4, 0)).rejects.toMatchObject(EFAULT);
  await expect(program.preadInto(device, 0n, 4, 0)).rejects.toMatchObject(EFAULT);
  expect([...(await program.pread(device, 4, 0))]).toEqual([0, 0, 0, 0]);
});

test('a device’s file has no end to seek to', async () => {
  await expect(program.size(device)).rejects.toMatchObject({ code: 'ESPIPE' });
});
