/** vfio_ccw on a running bus: its type, its answers to ioctls, its life, what happens to its subchannels. */
import { attributeDirectory, type Mdev, type Parent, Runtime } from '@mediated/core';
import { ccwUrl } from '@mediated/vendors';
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
  readCapabilities,
  regionInfo,
  regionTypeCapability,
} from '@mediated/vfio/uapi';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { CRW, SCHIB } from '#dist/ccw/architected.js';

const SCH = '0.0.0313';
const EINVAL = { code: 'EINVAL' };
const { dataNone, dataBool, dataEventfd, trigger } = IRQ_SET_FLAGS;

async function start(options: unknown = {}, load = {}): Promise<Runtime> {
  const runtime = Runtime.start({ closeDeadline: 0 });
  onTestFinished(() => runtime.close());
  await runtime.loadDriver(ccwUrl, { options, ...load });
  return runtime;
}

interface Opened {
  readonly runtime: Runtime;
  readonly parent: Parent;
  readonly mdev: Mdev;
  readonly file: DeviceFile;
}

let shared: Runtime;
let subchannels = 0;
beforeAll(async () => {
  shared = Runtime.start({ closeDeadline: 0 });
  await shared.loadDriver(ccwUrl, { parents: [] });
});
afterAll(() => shared.close());

/** An mdev on a new subchannel, opened. */
async function open(): Promise<Opened> {
  const name = `0.1.${(++subchannels).toString(16).padStart(4, '0')}`;
  const parent = await shared.registerParent({ name, driver: 'vfio_ccw' });
  const mdev = await parent.create('vfio_ccw-io');
  const file = await openDevice(shared.bus, mdev);
  onTestFinished(() => file.close());
  return { runtime: shared, parent, mdev, file };
}

const available = (parent: Parent) => parent.availableInstances('vfio_ccw-io');
const int32 = (value: number) => new Uint8Array(Int32Array.of(value).buffer);

function setIrqs(
  file: DeviceFile,
  index: number,
  flags: number,
  data = new Uint8Array(0),
  counter?: InterruptCounter,
  count = 1,
) {
  const argument = irqSet.bytes({ argsz: 20 + data.length, flags, index, start: 0, count }, 20 + data.length);
  argument.set(data, 20);
  const files: PassedFiles = new Map(counter === undefined ? [] : [[7, counter.passed]]);
  return file.ioctl(DEVICE_SET_IRQS, argument, files);
}

/** Binds an interrupt to a new counter. */
async function bind(file: DeviceFile, index: number): Promise<InterruptCounter> {
  const counter = InterruptCounter.create();
  await setIrqs(file, index, dataEventfd | trigger, int32(7), counter);
  return counter;
}

const schib = async (file: DeviceFile) => SCHIB.get(await file.read(2 << 10, 52), 'enabled');

describe('type and instances', () => {
  test('the type is that of the kernel', async () => {
    const runtime = await start();
    const parent = runtime.bus.parent(SCH);
    expect(parent.types.map(({ id, name }) => [id, name])).toEqual([['vfio_ccw-io', 'I/O subchannel (Non-QDIO)']]);
    expect([parent.deviceApi, parent.describes]).toEqual(['vfio-ccw', false]);
    expect(attributeDirectory(runtime.bus, `/devices/css0/${SCH}`)).toBeDefined();
  });

  test('ccw 2: one instance, back only when the last file is closed; a second create is EUSERS', async () => {
    const { runtime, parent, mdev, file } = await open();
    expect(await available(parent)).toBe(0);
    await expect(parent.create('vfio_ccw-io')).rejects.toMatchObject({ code: 'EUSERS' });
    const removal = mdev.remove();
    await expect(openDevice(runtime.bus, mdev)).rejects.toMatchObject({ code: 'ENODEV' });
    expect(await available(parent)).toBe(0);
    await file.close();
    await removal;
    expect(await available(parent)).toBe(1);
  });

  test('a subchannel for queued direct I/O is left alone, and refuses mdevs when it is a parent all the same', async () => {
    const runtime = await start({ subchannels: { [SCH]: {}, '0.0.0400': { qdio: true } } });
    expect(runtime.bus.parents().map(({ name }) => name)).toEqual([SCH]);
    const parent = await runtime.registerParent({ name: '0.0.0400', driver: 'vfio_ccw' });
    await expect(parent.create('vfio_ccw-io')).rejects.toMatchObject({ code: 'ENODEV' });
    expect(await available(parent)).toBe(1);
  });

  test('subchannels are spread over threads, each of them lives on one', async () => {
    const names = ['0.0.0001', '0.0.0002', '0.0.0003', '0.0.0004'];
    const runtime = await start({ subchannels: Object.fromEntries(names.map((name) => [name, {}])) }, { threads: 2 });
    const mdevs = await Promise.all(names.map((name) => runtime.bus.parent(name).create('vfio_ccw-io')));
    expect(mdevs.map(({ parent }) => parent.name)).toEqual(names);
    const wide = await runtime.registerParent({ name: '0.0.0005', driver: 'vfio_ccw', threads: 2 });
    const first = await wide.create('vfio_ccw-io', undefined, 1);
    await first.remove();
    const elsewhere = expect.objectContaining({ code: 'EINVAL', message: expect.stringContaining('lives on another') });
    await expect(wide.create('vfio_ccw-io', undefined, 0)).rejects.toEqual(elsewhere);
    await expect(wide.showAttribute('chpids')).rejects.toEqual(elsewhere);
    expect(await available(wide)).toBe(1);
  });

  test('wrong options fail the load and say what is wrong', async () => {
    const runtime = Runtime.start({ closeDeadline: 0 });
    onTestFinished(() => runtime.close());
    const loaded = runtime.loadDriver(ccwUrl, { options: { cylinders: 0 } });
    await expect(loaded).rejects.toMatchObject({
      code: 'EINVAL',
      message: expect.stringContaining('cylinders is a whole'),
    });
  });

  test('faults can be injected', async () => {
    const runtime = await start();
    const parent = runtime.bus.parent(SCH);
    await parent.storeAttribute('faults/fail_create', '1 ENOMEM');
    await expect(parent.create('vfio_ccw-io')).rejects.toMatchObject({ code: 'ENOMEM' });
    await parent.create('vfio_ccw-io');
  });
});

describe('ioctls', () => {
  test('GET_INFO: channel I/O, reset, four regions, three interrupts', async () => {
    const { file } = await open();
    const argument = deviceInfo.bytes({ argsz: 16 });
    await file.ioctl(DEVICE_GET_INFO, argument);
    expect(deviceInfo.decode(argument)).toMatchObject({ flags: 0x11, num_regions: 4, num_irqs: 3, cap_offset: 0 });
    await expect(file.ioctl(DEVICE_GET_INFO, deviceInfo.bytes({ argsz: 15 }))).rejects.toMatchObject(EINVAL);
  });

  test('GET_REGION_INFO: the first has no capability, the others say their kind when there is room', async () => {
    const { file } = await open();
    const ask = async (index: number, argsz: number) => {
      const argument = regionInfo.bytes({ argsz, index }, Math.max(argsz, 32));
      await file.ioctl(DEVICE_GET_REGION_INFO, argument);
      const { cap_offset, ...info } = regionInfo.decode(argument);
      const [type] = readCapabilities(argument, cap_offset).map(({ bytes }) => regionTypeCapability.decode(bytes));
      return { ...info, cap_offset, type };
    };
    expect(await ask(0, 48)).toEqual({
      argsz: 48,
      flags: 3,
      index: 0,
      size: 124n,
      offset: 0n,
      cap_offset: 0,
      type: undefined,
    });
    for (const [index, size, flags, subtype] of [
      [1, 8n, 11, 1],
      [2, 52n, 9, 2],
      [3, 8n, 9, 3],
    ] as const) {
      const info = { index, size, flags, offset: BigInt(index) << 10n };
      expect(await ask(index, 47)).toEqual({ ...info, argsz: 48, cap_offset: 0, type: undefined });
      expect(await ask(index, 48)).toEqual({
        ...info,
        argsz: 48,
        cap_offset: 32,
        type: { id: 2, version: 1, next: 0, type: 2, subtype },
      });
    }
    await expect(ask(4, 48)).rejects.toMatchObject(EINVAL);
    await expect(ask(0, 31)).rejects.toMatchObject(EINVAL);
  });

  test('GET_IRQ_INFO: one of each, by eventfd', async () => {
    const { file } = await open();
    for (const index of [0, 1, 2]) {
      const argument = irqInfo.bytes({ argsz: 16, index });
      await file.ioctl(DEVICE_GET_IRQ_INFO, argument);
      expect(irqInfo.decode(argument)).toMatchObject({ flags: 1, count: 1 });
    }
    await expect(file.ioctl(DEVICE_GET_IRQ_INFO, irqInfo.bytes({ argsz: 16, index: 3 }))).rejects.toMatchObject(EINVAL);
  });

  test('everything else is ENOTTY; there is no mmap', async () => {
    const { file } = await open();
    await expect(file.ioctl(0x3b72, new Uint8Array(64))).rejects.toMatchObject({ code: 'ENOTTY' });
    await expect(file.mmap(0, 4096)).rejects.toMatchObject(EINVAL);
  });

  test('ccw 21: SET_IRQS without data signals, also with count 0; -1 unbinds, -2 is EINVAL', async () => {
    const { file } = await open();
    const counter = await bind(file, 0);
    await setIrqs(file, 0, dataNone | trigger);
    await setIrqs(file, 0, dataNone | trigger, undefined, undefined, 0);
    expect(counter.take()).toBe(2);
    await setIrqs(file, 0, dataBool | trigger, Uint8Array.of(0));
    await setIrqs(file, 0, dataBool | trigger, Uint8Array.of(9));
    expect(counter.take()).toBe(1);
    await expect(setIrqs(file, 0, dataEventfd | trigger, int32(-2))).rejects.toMatchObject(EINVAL);
    await expect(setIrqs(file, 0, dataEventfd | trigger, int32(7))).rejects.toMatchObject({ code: 'EBADF' });
    await setIrqs(file, 0, dataNone | trigger);
    expect(counter.take()).toBe(1);
    await setIrqs(file, 0, dataEventfd | trigger, int32(-1));
    await setIrqs(file, 0, dataNone | trigger);
    expect(counter.take()).toBe(0);
  });

  test.each([
    ['index 3', 3, dataNone | trigger, 0, 1, 'EINVAL'],
    ['two interrupts', 0, dataBool | trigger, 2, 2, 'EINVAL'],
    ['no action', 0, dataNone, 0, 1, 'EINVAL'],
    ['mask', 0, dataNone | IRQ_SET_FLAGS.mask, 0, 1, 'EINVAL'],
    ['two kinds of data', 0, dataNone | dataBool | trigger, 1, 1, 'EINVAL'],
    ['too little data', 0, dataEventfd | trigger, 3, 1, 'EINVAL'],
    ['no data, and none announced', 0, dataBool | trigger, 0, 0, 'EFAULT'],
  ] as const)('SET_IRQS with %s is refused', async (_, index, flags, bytes, count, code) => {
    const { file } = await open();
    await expect(setIrqs(file, index, flags, new Uint8Array(bytes), undefined, count)).rejects.toMatchObject({ code });
  });
});

describe('life', () => {
  test('ccw 3, 5: enabled from the first open to the last close; of two files the first close changes nothing', async () => {
    const { runtime, mdev, file } = await open();
    const second = await openDevice(runtime.bus, mdev);
    await file.close();
    expect(await schib(second)).toBe(1);
    await second.close();
    const third = await openDevice(runtime.bus, mdev);
    expect(await schib(third)).toBe(1);
  });

  test('what is bound to an interrupt stays so when the device is closed and opened', async () => {
    const { runtime, mdev, file } = await open();
    const counter = await bind(file, 1);
    await file.close();
    const again = await openDevice(runtime.bus, mdev);
    await setIrqs(again, 1, dataNone | trigger);
    expect(counter.take()).toBe(1);
  });

  test('a start without a container is refused by the errno of reading guest memory', async () => {
    const { file } = await open();
    const region = new Uint8Array(124);
    region[14] = 0x40;
    await expect(file.write(0, region)).rejects.toMatchObject(EINVAL);
    expect([...(await file.read(120, 4))]).toEqual([0xff, 0xff, 0xff, 0xea]);
  });

  test('RESET succeeds', async () => {
    const { file } = await open();
    expect(await file.ioctl(DEVICE_RESET)).toBe(0);
    expect(await schib(file)).toBe(1);
  });

  test('ccw 23: unregistering the parent of a device in use signals the request at once, and waits', async () => {
    const { runtime, parent, file } = await open();
    const counter = await bind(file, 2);
    let done = false;
    const unregistered = runtime.unregisterParent(parent).then(() => {
      done = true;
    });
    expect(await counter.wait()).toBe(1);
    expect([done, await schib(file)]).toEqual([false, 1]);
    await file.close();
    await unregistered;
  });
});

describe('the subchannel', () => {
  test('what lscss shows', async () => {
    const runtime = await start({ subchannels: { [SCH]: { paths: [0x5a, 0x5b, 0x70] } } });
    const parent = runtime.bus.parent(SCH);
    expect(await parent.showAttribute('chpids')).toBe('5a 5b 70 00 00 00 00 00 \n');
    expect(await parent.showAttribute('pimpampom')).toBe('e0 e0 ff\n');
    await parent.storeAttribute('machine/path', 'offline 5b');
    expect(await parent.showAttribute('pimpampom')).toBe('e0 a0 ff\n');
  });

  test.each(['', 'offline', 'offline 123', 'up 40', 'offline 4g'])(
    'what is no event of a path is EINVAL: %j',
    async (text) => {
      const runtime = await start();
      await expect(runtime.bus.parent(SCH).storeAttribute('machine/path', text)).rejects.toMatchObject(EINVAL);
    },
  );

  test('ccw 19: a path that goes and comes is reported to the guest', async () => {
    const { parent, file } = await open();
    const counter = await bind(file, 1);
    await parent.storeAttribute('machine/path', 'offline 40\n');
    await parent.storeAttribute('machine/path', 'online 40\n');
    expect(counter.take()).toBeGreaterThan(0);
    const reports = [await file.read(3 << 10, 8), await file.read(3 << 10, 8), await file.read(3 << 10, 8)];
    expect(reports.map((report) => [CRW.get(report, 'recovery'), CRW.get(report, 'id')])).toEqual([
      [6, 0x40],
      [2, 0x40],
      [0, 0],
    ]);
  });

  test('attention of the device interrupts', async () => {
    const { parent, file } = await open();
    const counter = await bind(file, 0);
    await parent.storeAttribute('machine/attention', '1');
    await counter.wait();
    expect((await file.read(24, 12))[8]).toBe(0x80);
    await expect(parent.storeAttribute('machine/attention', '2')).rejects.toMatchObject(EINVAL);
  });

  test('ccw 4, 23: a device that is taken away loses its mdev, when its users have let go of it', async () => {
    const { runtime, parent, mdev, file } = await open();
    const counter = await bind(file, 2);
    await parent.storeAttribute('machine/detach', '1');
    await counter.wait();
    await expect(file.read(2 << 10, 52)).rejects.toMatchObject({ code: 'ENODEV' });
    await expect(file.ioctl(DEVICE_RESET)).rejects.toMatchObject(EINVAL);
    await expect(file.write(0, new Uint8Array(124))).rejects.toMatchObject({ code: 'EIO' });
    await expect(openDevice(runtime.bus, mdev)).rejects.toMatchObject({ code: 'ENODEV' });
    const gone = runtime.unregisterParent(parent);
    await file.close();
    await gone;
    expect(runtime.bus.parents().map(({ name }) => name)).not.toContain(parent.name);
  });
});
