/** Migration of cards: a story of saving and restoring as a kernel told it, and the invariants of mtty section 11. */
import { Runtime } from '@mediated/core';
import { mttyUrl } from '@mediated/vendors';
import { type DeviceFile, InterruptCounter, type MigrationDataFile, openDevice } from '@mediated/vfio';
import { DEVICE_RESET, FEATURES, MIG_GET_PRECOPY_INFO, MIGRATION_STATES, PCI_IRQS } from '@mediated/vfio/uapi';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const { stop, running, stopCopy, resuming, preCopy, preCopyP2p } = MIGRATION_STATES;
const code = (name: string) => expect.objectContaining({ code: name });
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

let runtime: Runtime;

beforeAll(async () => {
  runtime = Runtime.start();
  await runtime.loadDriver(mttyUrl, { threads: 2, parents: [{ name: 'one' }, { name: 'two', threads: 2 }] });
});

afterAll(() => runtime.close());

async function withCard(type: string, body: (file: DeviceFile) => Promise<void>, parent = 'one'): Promise<void> {
  const mdev = await runtime.bus.parent(parent).create(type);
  const file = await openDevice(runtime.bus, mdev);
  try {
    await body(file);
  } finally {
    await file.close();
    await mdev.remove();
  }
}

async function begin(file: DeviceFile, state: 3 | 4 | 6 | 7): Promise<MigrationDataFile> {
  const data = await file.setMigrationState(state);
  if (data === undefined) return expect.fail('no data file');
  return data;
}

async function writeRegisters(file: DeviceFile, writes: readonly (readonly [register: number, byte: number])[]) {
  for (const [register, byte] of writes) await file.write(register, Uint8Array.of(byte));
}

/** The registers that can be read without changing anything. */
async function registers(file: DeviceFile): Promise<number[]> {
  const values: number[] = [];
  for (const register of [1, 2, 3, 4, 5, 6, 7]) values.push((await file.read(register, 1))[0] as number);
  return values;
}

/** As the recording's source: divisor 0x10c, FIFO with A to E, scratch 0xa0. */
const SOURCE = [
  [3, 0x9b],
  [0, 0x0c],
  [1, 0x01],
  [3, 0x1b],
  [2, 0xc1],
  [1, 0x05],
  [4, 0x0b],
  [7, 0xa0],
  ...[0x41, 0x42, 0x43, 0x44, 0x45].map((byte) => [0, byte] as const),
] as const;
const HEADER = '4e2c3e8c89099d7e01000000000000000100000000000000';
const PORT = '0005001b0b0000a0414243444500000000000000000000000501040000000c01c1100100';

describe('saving', () => {
  test('as recorded: pre-copy gives the header, STOP_COPY the port, on one file', () =>
    withCard('mtty-1', async (file) => {
      await writeRegisters(file, SOURCE);
      await file.read(0, 1);
      const before = await registers(file);
      expect(before).toEqual([5, 196, 27, 11, 1, 179, 160]);
      const data = await begin(file, preCopy);
      expect(await data.precopyInfo()).toEqual({ initialBytes: 24, dirtyBytes: 0 });
      await expect(data.ioctl(MIG_GET_PRECOPY_INFO, new Uint8Array(24).fill(8, 0, 1))).rejects.toEqual(code('EINVAL'));
      await expect(data.ioctl(MIG_GET_PRECOPY_INFO)).rejects.toEqual(code('EFAULT'));
      await expect(data.ioctl(DEVICE_RESET)).rejects.toEqual(code('ENOTTY'));
      await expect(data.read(0, 1)).rejects.toEqual(code('ESPIPE'));
      await expect(data.writeNext(Uint8Array.of(1))).rejects.toEqual(code('EBADF'));
      expect(hex(await data.readNext(10))).toBe(HEADER.slice(0, 20));
      expect(await data.precopyInfo()).toEqual({ initialBytes: 14, dirtyBytes: 0 });
      expect(hex(await data.readNext(4096))).toBe(HEADER.slice(20));
      expect(await data.readNext(1)).toHaveLength(0);
      expect(await file.setMigrationState(preCopyP2p)).toBeUndefined();
      expect(await data.precopyInfo()).toEqual({ initialBytes: 0, dirtyBytes: 0 });
      expect(await file.setMigrationState(stopCopy)).toBeUndefined();
      await expect(data.precopyInfo()).rejects.toEqual(code('EINVAL'));
      expect(hex(await data.readNext(4096))).toBe(PORT);
      expect(await data.readNext(1)).toHaveLength(0);
      expect(await file.setMigrationState(stop)).toBeUndefined();
      await expect(data.readNext(1)).rejects.toEqual(code('ENODEV'));
      expect(await file.setMigrationState(running)).toBeUndefined();
      const whole = await begin(file, stopCopy);
      expect(hex(await whole.readToEnd())).toBe(HEADER + PORT);
      expect(await registers(file)).toEqual(before);
      await data.close();
      await whole.close();
    }));

  test.each([
    ['mtty-1', 60],
    ['mtty-2', 96],
  ] as const)('mtty 17: %s gives one file with exactly %i bytes', (type, bytes) =>
    withCard(type, async (file) => {
      const direct = await begin(file, stopCopy);
      expect(await direct.readToEnd()).toHaveLength(bytes);
      await file.setMigrationState(running);
      const data = await begin(file, preCopy);
      expect(await data.readNext(4096)).toHaveLength(24);
      expect(await file.setMigrationState(stopCopy)).toBeUndefined();
      expect(await data.readToEnd()).toHaveLength(bytes - 24);
      expect(await file.migrationDataSize()).toBe(bytes);
    }),
  );

  test('mtty 18: STOP_COPY to PRE_COPY is EINVAL and changes nothing', () =>
    withCard('mtty-1', async (file) => {
      const data = await begin(file, stopCopy);
      await expect(file.setMigrationState(preCopy)).rejects.toEqual(code('EINVAL'));
      await expect(file.setMigrationState(preCopyP2p)).rejects.toEqual(code('EINVAL'));
      expect(await file.migrationState()).toBe(stopCopy);
      expect(await data.readToEnd()).toHaveLength(60);
    }));

  test('a card whose data file was closed, or went with the last close, is saved anew', () =>
    withCard('mtty-1', async (file) => {
      const data = await begin(file, preCopy);
      await data.close();
      expect(await file.setMigrationState(stopCopy)).toBeUndefined();
      await file.reset();
      await begin(file, preCopy);
      await file.close();
      const again = await openDevice(runtime.bus, file.mdev);
      const whole = await begin(again, stopCopy);
      expect(await whole.readToEnd()).toHaveLength(60);
      await again.close();
    }));
});

describe('restoring', () => {
  test('as recorded: another card becomes what the first was; configuration and interrupts are its own', () =>
    withCard('mtty-1', (source) =>
      withCard(
        'mtty-1',
        async (target) => {
          await writeRegisters(source, SOURCE);
          await source.read(0, 1);
          await source.write(7 * 2 ** 40 + 0x3c, Uint8Array.of(9));
          const image = await (await begin(source, stopCopy)).readToEnd();
          await target.info();
          const counter = InterruptCounter.create();
          await target.setIrqs({ index: PCI_IRQS.msi, action: 'trigger', counters: [counter] });
          const data = await begin(target, resuming);
          await expect(data.readNext(1)).rejects.toEqual(code('EBADF'));
          await expect(data.write(0, image)).rejects.toEqual(code('ESPIPE'));
          await expect(data.precopyInfo()).rejects.toEqual(code('ENOTTY'));
          expect(await data.writeNext(image.subarray(0, 5))).toBe(5);
          await expect(target.setMigrationState(stop)).rejects.toEqual(code('EINVAL'));
          expect(await target.migrationState()).toBe(resuming);
          expect(await data.writeNext(image.subarray(5))).toBe(55);
          await expect(data.writeNext(Uint8Array.of(0))).rejects.toEqual(code('ENOMEM'));
          await target.setMigrationState(running);
          await expect(data.writeNext(Uint8Array.of(0))).rejects.toEqual(code('ENODEV'));
          expect(await registers(target)).toEqual([5, 196, 27, 11, 1, 179, 160]);
          expect((await target.read(7 * 2 ** 40 + 0x3c, 1))[0]).toBe(0);
          const received: number[] = [];
          for (let count = 0; count < 5; count++) received.push((await target.read(0, 1))[0] as number);
          expect(received).toEqual([0x42, 0x43, 0x44, 0x45, 0]);
          await target.setIrqs({ index: PCI_IRQS.msi, action: 'trigger', count: 1 });
          expect(counter.take()).toBe(1);
        },
        'two',
      ),
    ));

  test('mtty 19: 95 of 96 bytes are not enough, and the card stays in RESUMING', () =>
    withCard('mtty-2', async (file) => {
      const image = await (await begin(file, stopCopy)).readToEnd();
      const data = await begin(file, resuming);
      await data.writeNext(image.subarray(0, 95));
      await expect(file.setMigrationState(stop)).rejects.toEqual(code('EINVAL'));
      expect(await file.migrationState()).toBe(resuming);
      await data.writeNext(image.subarray(95));
      expect(await file.setMigrationState(stop)).toBeUndefined();
    }));

  test('mtty 20: a dual image does not fit a single card; its header alone is EFAULT', () =>
    withCard('mtty-2', (source) =>
      withCard('mtty-1', async (target) => {
        const image = await (await begin(source, stopCopy)).readToEnd();
        const data = await begin(target, resuming);
        await expect(data.writeNext(image)).rejects.toEqual(code('ENOMEM'));
        await expect(data.writeNext(image.subarray(0, 24))).rejects.toEqual(code('EFAULT'));
      }),
    ));

  test('places in the FIFO wrap whatever an image says, and such a card goes on', () =>
    withCard('mtty-1', async (file) => {
      const image = await (await begin(file, stopCopy)).readToEnd();
      image.fill(0xff, 48, 53);
      const data = await begin(file, resuming);
      await data.writeNext(image);
      await file.setMigrationState(running);
      for (let access = 0; access < 40; access++) {
        await file.read(0, 8);
        await file.write(0, new Uint8Array(8).fill(access));
      }
      expect(await (await begin(file, stopCopy)).readToEnd()).toHaveLength(60);
    }));
});

test('mended: interrupts need no GET_INFO, and an image that was refused cannot be loaded', async () => {
  const mended = Runtime.start({ quirks: 'mended' });
  await using _ = mended;
  await mended.loadDriver(mttyUrl, { parents: [{ name: 'mtty' }] });
  const mdev = await mended.bus.parent('mtty').create('mtty-1');
  await using file = await openDevice(mended.bus, mdev);
  expect(await file.irqInfo(PCI_IRQS.intx)).toMatchObject({ flags: 7, count: 1 });
  const image = await (await begin(file, stopCopy)).readToEnd();
  const wrong = image.slice();
  wrong[0] = 0;
  const data = await begin(file, resuming);
  await expect(data.writeNext(wrong)).rejects.toEqual(code('EFAULT'));
  await expect(file.setMigrationState(running)).rejects.toEqual(code('EINVAL'));
  expect(await file.migrationState()).toBe(resuming);
  await file.reset();
  const again = await begin(file, resuming);
  await again.writeNext(image);
  await file.setMigrationState(running);
});

describe('besides', () => {
  test('mtty 16: RESET makes it RUNNING and ends data files; registers and FIFO stay', () =>
    withCard('mtty-1', async (file) => {
      await writeRegisters(file, SOURCE);
      const saving = await begin(file, stopCopy);
      await file.reset();
      expect(await file.migrationState()).toBe(running);
      await expect(saving.readNext(1)).rejects.toEqual(code('ENODEV'));
      const written = await begin(file, resuming);
      await file.reset();
      await expect(written.writeNext(Uint8Array.of(1))).rejects.toEqual(code('ENODEV'));
      expect((await registers(file)).at(-1)).toBe(0xa0);
      expect((await file.read(0, 1))[0]).toBe(0x41);
    }));

  test('a card does no DMA: its log is empty, and may be started twice, stopped and asked at any time', () =>
    withCard('mtty-1', async (file) => {
      await file.stopDmaLogging();
      const ranges = [{ iova: 0n, length: 0x10000n }];
      expect(await file.startDmaLogging(ranges)).toBe(4096n);
      expect(await file.startDmaLogging(ranges, 256n)).toBe(256n);
      expect(hex(await file.reportDmaLogging({ iova: 0n, length: 0x10000n }))).toBe('0000000000000000');
      await file.stopDmaLogging();
      expect(hex(await file.reportDmaLogging({ iova: 0n, length: 0x1000n }))).toBe('0000000000000000');
    }));

  test('it has migration and logging, and no other feature', () =>
    withCard('mtty-1', async (file) => {
      const probes: [number, boolean, boolean][] = [];
      for (let feature = 0; feature <= 11; feature++) {
        probes.push([feature, await file.probeFeature(feature, 'get'), await file.probeFeature(feature, 'set')]);
      }
      expect(probes.filter(([, get, set]) => get || set)).toEqual([
        [FEATURES.migration, true, false],
        [FEATURES.migDeviceState, true, true],
        [FEATURES.dmaLoggingStart, false, true],
        [FEATURES.dmaLoggingStop, false, true],
        [FEATURES.dmaLoggingReport, true, false],
        [FEATURES.migDataSize, true, false],
      ]);
      expect(await file.migrationFlags()).toBe(7);
    }));
});
