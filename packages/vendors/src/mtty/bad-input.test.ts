/** What no program should send: the errno of the specification, and a card that is as before. */
import { Runtime } from '@mediated/core';
import { mttyUrl } from '@mediated/vendors';
import { type DeviceFile, InterruptCounter, openDevice } from '@mediated/vfio';
import * as uapi from '@mediated/vfio/uapi';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const CONFIG = 7 * 2 ** 40;
const ERRORS = ['EFAULT', 'EINVAL', 'ENOTTY', 'EBADF', 'E2BIG', 'EOVERFLOW'];

let runtime: Runtime;
let file: DeviceFile;
const counter = InterruptCounter.create();

beforeAll(async () => {
  runtime = Runtime.start();
  await runtime.loadDriver(mttyUrl, { parents: [{ name: 'mtty' }] });
  file = await openDevice(runtime.bus, await runtime.bus.parent('mtty').create('mtty-2'));
  await file.info();
  await file.setIrqs({ index: uapi.PCI_IRQS.intx, action: 'trigger', counters: [counter] });
  await file.write(7, Uint8Array.of(0x5a));
});

afterAll(async () => {
  await file.close();
  await runtime.close();
});

/** What can be seen of the card without changing it. */
async function state() {
  const registers: number[] = [];
  for (const register of [1, 2, 3, 4, 5, 6, 7]) registers.push((await file.read(register, 1))[0] as number);
  return { registers, config: [...(await file.read(CONFIG, 255))], migration: await file.migrationState() };
}

const outcome = async (operation: Promise<unknown>) =>
  operation.then(
    () => 0,
    (error: { code?: string }) => error.code ?? String(error),
  );

/** Each command with an argument that is accepted, and the bytes that are read of it. */
const COMMANDS: readonly (readonly [name: string, command: number, argument: Uint8Array, bytes: number])[] = [
  ['GET_INFO', uapi.DEVICE_GET_INFO, uapi.deviceInfo.bytes({ argsz: 24 }), uapi.DEVICE_INFO_BYTES],
  ['GET_REGION_INFO', uapi.DEVICE_GET_REGION_INFO, uapi.regionInfo.bytes({ argsz: 32 }), uapi.REGION_INFO_BYTES],
  ['GET_IRQ_INFO', uapi.DEVICE_GET_IRQ_INFO, uapi.irqInfo.bytes({ argsz: 16 }), uapi.IRQ_INFO_BYTES],
  ['SET_IRQS', uapi.DEVICE_SET_IRQS, uapi.irqSet.bytes({ argsz: 21, flags: 0x22, count: 1 }, 21), 21],
  [
    'FEATURE',
    uapi.DEVICE_FEATURE,
    uapi.deviceFeature.bytes({ argsz: 16, flags: uapi.FEATURES.migration | uapi.FEATURE_FLAGS.get }, 16),
    16,
  ],
];

describe.each(COMMANDS)('%s', (_, command, whole, bytes) => {
  test('truncated at every length: EFAULT; with an honest argsz EINVAL, if that is there', async () => {
    const before = await state();
    for (let length = 0; length < bytes; length++) {
      expect(await outcome(file.ioctl(command, whole.slice(0, length))), `${length} bytes`).toBe('EFAULT');
      const honest = whole.slice();
      new DataView(honest.buffer).setUint32(0, length, true);
      expect(await outcome(file.ioctl(command, honest)), `argsz ${length}`).toBe('EINVAL');
    }
    expect(await outcome(file.ioctl(command, whole.slice()))).toBe(0);
    expect(await state()).toEqual(before);
  });

  test('any bytes: accepted, or refused and the card as before', async () => {
    const word = fc.oneof(fc.nat(40), fc.integer({ min: 0, max: 0xffffffff }), fc.constantFrom(0x21, 0x24, 0x20002));
    const words = fc.array(word, { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(words, fc.nat(3), async (values, cut) => {
        const before = await state();
        const argument = new Uint8Array(Uint32Array.from(values).buffer);
        const result = await outcome(file.ioctl(command, argument.slice(0, Math.max(0, argument.length - cut))));
        if (result === 0) return file.reset();
        expect(ERRORS).toContain(result);
        expect(await state()).toEqual(before);
      }),
      { numRuns: 60 },
    );
  });
});

test('every index out of range, every flag that there is not', async () => {
  const before = await state();
  for (const index of [9, 10, 255, 0x7fffffff, 0xffffffff]) {
    expect(await outcome(file.regionInfo(index))).toBe('EINVAL');
    expect(await outcome(file.irqInfo(index))).toBe('EINVAL');
    expect(await outcome(file.setIrqs({ index, action: 'trigger', count: 1 }))).toBe('EINVAL');
  }
  for (let bit = 6; bit < 32; bit++) {
    const argument = uapi.irqSet.bytes({ argsz: 20, flags: (0x21 | (1 << bit)) >>> 0, count: 1 });
    expect(await outcome(file.ioctl(uapi.DEVICE_SET_IRQS, argument)), `bit ${bit}`).toBe('EINVAL');
  }
  expect(await state()).toEqual(before);
});

test('positions that wrap or lie nowhere, and lengths of every kind', async () => {
  const before = await state();
  for (const position of [9 * 2 ** 40, 2 ** 52, Number.MAX_SAFE_INTEGER - 8]) {
    expect(await outcome(file.read(position, 4))).toBe('EFAULT');
    expect(await outcome(file.write(position, new Uint8Array(4)))).toBe('EFAULT');
  }
  for (const position of [-1, -(2 ** 40), 2 ** 63, Number.NaN, 0.5]) {
    expect(await outcome(file.read(position, 4))).toBe('EINVAL');
    expect(await outcome(file.write(position, new Uint8Array(4)))).toBe('EINVAL');
  }
  const position = fc.oneof(
    fc.nat(0x200),
    fc.tuple(fc.nat(12), fc.nat(0x20000)).map(([at, low]) => at * 2 ** 40 + low),
  );
  await fc.assert(
    fc.asyncProperty(position, fc.nat(40), async (at, length) => {
      const region = Math.floor(at / 2 ** 40);
      const answers = length === 0 || region === 0 || region === 1 || region === 7;
      // Register 0 of a port is not read: that takes a byte.
      fc.pre(!(region < 2 && at % 0x10000 < 8 && length > 0));
      expect(await outcome(file.read(at, length))).toBe(answers ? 0 : 'EFAULT');
    }),
    { numRuns: 100 },
  );
  expect(await state()).toEqual(before);
});

test('a closed file is EBADF, whatever is asked', async () => {
  const other = await openDevice(runtime.bus, file.mdev);
  await other.close();
  const asked = [
    other.info(),
    other.setIrqs({ index: 0, action: 'mask', count: 1 }),
    other.migrationState(),
    other.reset(),
  ];
  for (const answer of asked) expect(await outcome(answer)).toBe('EBADF');
});
