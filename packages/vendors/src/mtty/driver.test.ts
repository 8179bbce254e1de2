/** mtty as a driver on a running bus: its ports, its answers to ioctls as a kernel gave them, its interrupts. */
import { type Parent, Runtime } from '@mediated/core';
import { mttyUrl } from '@mediated/vendors';
import { type DeviceFile, InterruptCounter, openDevice, type PassedFiles } from '@mediated/vfio';
import {
  DEVICE_GET_INFO,
  DEVICE_GET_IRQ_INFO,
  DEVICE_GET_REGION_INFO,
  DEVICE_RESET,
  DEVICE_SET_IRQS,
  deviceInfo,
  IRQ_SET_FLAGS,
  irqInfo,
  irqSet,
  PCI_IRQS,
  regionInfo,
} from '@mediated/vfio/uapi';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const CONFIG = 7 * 2 ** 40;
const EINVAL = { code: 'EINVAL', errno: -22 };

let runtime: Runtime;
let parent: Parent;

beforeAll(async () => {
  runtime = Runtime.start();
  await runtime.loadDriver(mttyUrl, { threads: 2, parents: [{ name: 'mtty', threads: 2 }] });
  parent = runtime.bus.parent('mtty');
});

afterAll(() => runtime.close());

/** Runs `body` with a fresh card, opened. */
async function withCard(type: 'mtty-1' | 'mtty-2', body: (file: DeviceFile) => Promise<void>): Promise<void> {
  const mdev = await parent.create(type);
  const file = await openDevice(runtime.bus, mdev);
  try {
    await body(file);
  } finally {
    await file.close();
    await mdev.remove();
  }
}

async function getInfo(file: DeviceFile, argsz = 24) {
  const argument = deviceInfo.bytes({ argsz });
  expect(await file.ioctl(DEVICE_GET_INFO, argument)).toBe(0);
  return deviceInfo.decode(argument);
}

async function getIrqInfo(file: DeviceFile, index: number) {
  const argument = irqInfo.bytes({ argsz: 16, index, flags: 0xdead, count: 77 });
  await file.ioctl(DEVICE_GET_IRQ_INFO, argument);
  return irqInfo.decode(argument);
}

function setIrqs(
  file: DeviceFile,
  index: number,
  flags: number,
  count: number,
  data: Uint8Array,
  files?: PassedFiles,
): Promise<number> {
  const argument = irqSet.bytes(
    { argsz: irqSet.size + data.length, flags, index, start: 0, count },
    irqSet.size + data.length,
  );
  argument.set(data, irqSet.size);
  return file.ioctl(DEVICE_SET_IRQS, argument, files);
}

/** Binds a counter as descriptor 5; without one, 5 is no descriptor. */
const bind = (file: DeviceFile, index: number, counter?: InterruptCounter) =>
  setIrqs(
    file,
    index,
    IRQ_SET_FLAGS.dataEventfd | IRQ_SET_FLAGS.trigger,
    1,
    new Uint8Array(Int32Array.of(5).buffer),
    new Map(counter === undefined ? [] : [[5, counter.passed]]),
  );

const available = () => Promise.all(['mtty-1', 'mtty-2'].map((type) => parent.availableInstances(type)));

describe('ports', () => {
  test('the types are those of the module', () => {
    expect(parent.types.map(({ id, name }) => [id, name])).toEqual([
      ['mtty-1', 'Single port serial'],
      ['mtty-2', 'Dual port serial'],
    ]);
    expect([parent.deviceApi, parent.describes]).toEqual(['vfio-pci', false]);
  });

  test('mtty 1, 3: what is free is told per type, and comes back', async () => {
    expect(await available()).toEqual([24, 12]);
    const dual = await parent.create('mtty-2');
    expect(await available()).toEqual([22, 11]);
    const single = await parent.create('mtty-1');
    expect(await available()).toEqual([21, 10]);
    await dual.remove();
    expect(await available()).toEqual([23, 11]);
    await single.remove();
    expect(await available()).toEqual([24, 12]);
  });

  test('mtty 2: of 25 concurrent creates on two threads 24 succeed', async () => {
    const results = await Promise.allSettled(Array.from({ length: 25 }, () => parent.create('mtty-1')));
    const made = results.filter((result) => result.status === 'fulfilled').map(({ value }) => value);
    const refused = results.filter((result) => result.status === 'rejected').map(({ reason }) => reason.code);
    expect([made.length, refused]).toEqual([24, ['ENOSPC']]);
    expect(new Set(made.map(({ shard }) => shard)).size).toBe(2);
    expect(await available()).toEqual([0, 0]);
    await made[0].remove();
    await expect(parent.create('mtty-2')).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(await available()).toEqual([1, 0]);
    await Promise.all(made.slice(1).map((mdev) => mdev.remove()));
    expect(await available()).toEqual([24, 12]);
  });

  test('mtty 4: ports come back with the last reference', async () => {
    const mdev = await parent.create('mtty-2');
    const file = await openDevice(runtime.bus, mdev);
    const removal = mdev.remove();
    await expect(openDevice(runtime.bus, mdev)).rejects.toMatchObject({ code: 'ENODEV' });
    expect(await available()).toEqual([22, 11]);
    await file.close();
    await removal;
    expect(await available()).toEqual([24, 12]);
  });

  test('the vendor attribute tells the UUID', async () => {
    const mdev = await parent.create('mtty-1', '83B8F4F2-509F-382F-3C1E-E6BFE0FA0001');
    const text = 'This is MDEV 83b8f4f2-509f-382f-3c1e-e6bfe0fa0001\n';
    expect(await mdev.showAttribute('vendor/sample_mdev_dev')).toBe(text);
    await expect(mdev.storeAttribute('vendor/sample_mdev_dev', 'x')).rejects.toMatchObject({ code: 'EACCES' });
    await mdev.remove();
  });
});

describe('ioctls', () => {
  test('mtty 5: interrupts are EINVAL until GET_INFO, also when the file is opened anew', () =>
    withCard('mtty-1', async (file) => {
      const none = IRQ_SET_FLAGS.dataNone | IRQ_SET_FLAGS.trigger;
      for (const index of [0, 1, 2, 5, 0xffffffff]) await expect(getIrqInfo(file, index)).rejects.toMatchObject(EINVAL);
      await expect(setIrqs(file, PCI_IRQS.msi, none, 1, new Uint8Array(0))).rejects.toMatchObject(EINVAL);
      await getInfo(file);
      const again = await openDevice(runtime.bus, file.mdev);
      expect(await getIrqInfo(again, 0)).toMatchObject({ flags: 7, count: 1 });
      expect(await getIrqInfo(again, 1)).toMatchObject({ flags: 9, count: 1 });
      for (const index of [2, 4, 5]) await expect(getIrqInfo(again, index)).rejects.toMatchObject(EINVAL);
      await again.close();
    }));

  test('GET_INFO: PCI, nine regions, five interrupts; argsz of 16 suffices', () =>
    withCard('mtty-1', async (file) => {
      expect(await getInfo(file, 16)).toEqual({
        argsz: 16,
        flags: 2,
        num_regions: 9,
        num_irqs: 5,
        cap_offset: 0,
        pad: 0,
      });
      for (const argsz of [0, 4, 15]) {
        await expect(file.ioctl(DEVICE_GET_INFO, deviceInfo.bytes({ argsz }))).rejects.toMatchObject(EINVAL);
      }
      await expect(file.ioctl(DEVICE_GET_INFO)).rejects.toMatchObject({ code: 'EFAULT' });
    }));

  test.each([
    ['mtty-1', 0],
    ['mtty-2', 8],
  ] as const)('regions of %s: BAR1 has %i bytes', (type, bar1) =>
    withCard(type, async (file) => {
      const sizes: bigint[] = [];
      for (let index = 0; index < 9; index++) {
        const argument = regionInfo.bytes({ argsz: 32, index, cap_offset: 5 });
        await file.ioctl(DEVICE_GET_REGION_INFO, argument);
        const info = regionInfo.decode(argument);
        expect(info).toMatchObject({ flags: 3, index, cap_offset: 5, offset: BigInt(index) << 40n });
        sizes.push(info.size);
      }
      expect(sizes).toEqual([8n, BigInt(bar1), 0n, 0n, 0n, 0n, 0n, 255n, 0n]);
      const ninth = file.ioctl(DEVICE_GET_REGION_INFO, regionInfo.bytes({ argsz: 32, index: 9 }));
      await expect(ninth).rejects.toMatchObject(EINVAL);
    }),
  );

  test('everything else is ENOTTY; there is no mmap', () =>
    withCard('mtty-1', async (file) => {
      for (const command of [0, 0x5401, 0x3b64, 0x3b72]) {
        await expect(file.ioctl(command, new Uint8Array(64))).rejects.toMatchObject({ code: 'ENOTTY' });
      }
      await expect(file.mmap(0, 4096)).rejects.toMatchObject(EINVAL);
    }));

  test('mtty 16: RESET keeps what the registers hold', () =>
    withCard('mtty-1', async (file) => {
      await file.write(7, Uint8Array.of(0x5a));
      expect(await file.ioctl(DEVICE_RESET)).toBe(0);
      expect([...(await file.read(7, 1))]).toEqual([0x5a]);
    }));
});

describe('accesses', () => {
  test('mtty 6: the size of a base address register', async () => {
    for (const [type, bar1] of [
      ['mtty-1', 0],
      ['mtty-2', 0xf9],
    ] as const) {
      await withCard(type, async (file) => {
        for (const [offset, low] of [
          [0x10, 0xf9],
          [0x14, bar1],
        ] as const) {
          await file.write(CONFIG + offset, new Uint8Array(4).fill(0xff));
          const [first] = await file.read(CONFIG + offset, 4);
          expect(first).toBe(low);
        }
      });
    }
  });

  test('mtty 21: a piece in a bad region fails the whole call, earlier pieces have taken effect', () =>
    withCard('mtty-1', async (file) => {
      await expect(file.read(6 * 2 ** 40, 1)).rejects.toMatchObject({ code: 'EFAULT' });
      await expect(file.write(2 * 2 ** 40 - 4, new Uint8Array(8).fill(1))).rejects.toMatchObject({ code: 'EFAULT' });
      expect((await file.read(CONFIG, 255)).length).toBe(255);
      expect((await file.read(6 * 2 ** 40, 0)).length).toBe(0);
    }));

  test('the UART survives closing; the state is gone with the device', async () => {
    const uuid = crypto.randomUUID();
    const mdev = await parent.create('mtty-1', uuid);
    const file = await openDevice(runtime.bus, mdev);
    await file.write(7, Uint8Array.of(9));
    await file.close();
    const again = await openDevice(runtime.bus, mdev);
    expect((await again.read(7, 1))[0]).toBe(9);
    await again.close();
    await mdev.remove();
    const other = await parent.create('mtty-1', uuid);
    const fresh = await openDevice(runtime.bus, other);
    expect((await fresh.read(7, 1))[0]).toBe(0);
    await fresh.close();
    await other.remove();
  });
});

describe('interrupts', () => {
  test('mtty 11, 14: MSI signals its counter; INTx cannot replace it', () =>
    withCard('mtty-1', async (file) => {
      await getInfo(file);
      const counter = InterruptCounter.create();
      await bind(file, PCI_IRQS.msi, counter);
      await file.write(1, Uint8Array.of(0x08));
      await file.write(4, Uint8Array.of(0x0b));
      expect(counter.take()).toBe(2);
      await expect(bind(file, PCI_IRQS.intx, counter)).rejects.toMatchObject(EINVAL);
      await file.write(4, Uint8Array.of(0x0b));
      expect(counter.take()).toBe(2);
    }));

  test('a descriptor that is none is EBADF and leaves nothing bound', () =>
    withCard('mtty-1', async (file) => {
      await getInfo(file);
      const counter = InterruptCounter.create();
      await bind(file, PCI_IRQS.intx, counter);
      await expect(bind(file, PCI_IRQS.intx)).rejects.toMatchObject({ code: 'EBADF' });
      const none = IRQ_SET_FLAGS.dataNone | IRQ_SET_FLAGS.trigger;
      await expect(setIrqs(file, PCI_IRQS.intx, none, 1, new Uint8Array(0))).rejects.toMatchObject(EINVAL);
      expect(counter.take()).toBe(0);
    }));

  test('the last close unbinds', async () => {
    const mdev = await parent.create('mtty-1');
    const file = await openDevice(runtime.bus, mdev);
    await getInfo(file);
    const counter = InterruptCounter.create();
    await bind(file, PCI_IRQS.msi, counter);
    await file.close();
    const again = await openDevice(runtime.bus, mdev);
    const none = IRQ_SET_FLAGS.dataNone | IRQ_SET_FLAGS.trigger;
    await expect(setIrqs(again, PCI_IRQS.msi, none, 1, new Uint8Array(0))).rejects.toMatchObject(EINVAL);
    await again.close();
    await mdev.remove();
  });
});
