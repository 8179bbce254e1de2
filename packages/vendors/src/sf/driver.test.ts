/** Subfunctions that exchange frames: across the driver's threads and those of programs, with all that can go wrong. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type Mdev, type Parent, Runtime } from '@mediated/core';
import { sfUrl } from '@mediated/vendors';
import { NicClient, SF_REGISTERS } from '@mediated/vendors/sf';
import { type DeviceFile, openDevice } from '@mediated/vfio';
import * as uapi from '@mediated/vfio/uapi';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { BROADCAST, frameOf, readFrame } from '../../dist-fixtures/sf/frames.fixture.js';
import type { SenderTask } from '../../dist-fixtures/sf/sender.fixture.js';

const SENDER = new URL('../../dist-fixtures/sf/sender.fixture.js', import.meta.url);
const THREADS = 3;
const RINGS = 2 * 2 ** 40;

async function start(options: unknown = {}, parents = ['nic']): Promise<{ runtime: Runtime; parent: Parent }> {
  const runtime = Runtime.start({ closeDeadline: 0, maxDevices: 256, maxParents: 4 });
  onTestFinished(() => runtime.close());
  const specs = parents.map((name) => ({ name, threads: THREADS }));
  await runtime.loadDriver(sfUrl, { threads: THREADS, options, parents: specs });
  return { runtime, parent: runtime.bus.parent(parents[0] as string) };
}

interface Station {
  readonly mdev: Mdev;
  readonly file: DeviceFile;
  readonly nic: NicClient;
}

async function station(runtime: Runtime, parent: Parent): Promise<Station> {
  const mdev = await parent.create('sf-nic');
  const file = await openDevice(runtime.bus, mdev);
  return { mdev, file, nic: await NicClient.open(file) };
}

/** Stations of which each thread of the driver has one. */
async function stations(runtime: Runtime, parent: Parent): Promise<Station[]> {
  const found = new Map<number, Station>();
  while (found.size < THREADS) {
    const made = await station(runtime, parent);
    if (found.has(made.mdev.shard)) {
      await made.file.close();
      await made.mdev.remove();
    } else found.set(made.mdev.shard, made);
  }
  return [...found.values()];
}

function drain(nic: NicClient): { source: string; number: number; length: number }[] {
  const frames: ReturnType<typeof drain> = [];
  for (let frame = nic.receive(); frame !== undefined; frame = nic.receive()) frames.push(readFrame(frame));
  return frames;
}

const count = async (mdev: Mdev, name: string) => Number(await mdev.showAttribute(`statistics/${name}`));
const code = (promise: Promise<unknown>) =>
  promise.then(
    () => 'ok',
    (error: { code: string }) => error.code,
  );

describe('frames', () => {
  test('reach the function with their address, whatever its thread, and nobody else', async () => {
    const { runtime, parent } = await start();
    const all = await stations(runtime, parent);
    for (const [from, sender] of all.entries()) {
      for (const [to, receiver] of all.entries()) {
        if (from !== to) await sender.nic.send(frameOf(receiver.nic.mac, sender.nic.mac, 10 * from + to));
      }
    }
    for (const [to, { nic, mdev }] of all.entries()) {
      const others = [...all.keys()].filter((from) => from !== to);
      const heard = drain(nic).map(({ source, number }) => `${source} ${number}`);
      expect(heard.toSorted()).toEqual(others.map((from) => `${all[from]?.nic.address} ${10 * from + to}`).toSorted());
      expect([await count(mdev, 'rx_frames'), await count(mdev, 'tx_frames')]).toEqual([2, 2]);
      expect([await count(mdev, 'rx_bytes'), await count(mdev, 'tx_bytes')]).toEqual([120, 120]);
    }
  });

  test('for many reach all that are open but the sender', async () => {
    const { runtime, parent } = await start({}, ['nic', 'other']);
    const [first, second, third] = (await stations(runtime, parent)) as [Station, Station, Station];
    const elsewhere = await station(runtime, runtime.bus.parent('other'));
    const shut = await station(runtime, parent);
    await shut.file.close();
    await first.nic.send(frameOf(BROADCAST, first.nic.mac, 7));
    await first.nic.send(frameOf(Uint8Array.of(0x33, 0x33, 0, 0, 0, 1), first.nic.mac, 8));
    for (const { nic } of [second, third]) expect(drain(nic).map(({ number }) => number)).toEqual([7, 8]);
    expect([drain(first.nic), drain(elsewhere.nic)]).toEqual([[], []]);
    expect(await count(shut.mdev, 'rx_frames')).toBe(0);
  });

  test('for nobody, or for a function that is not open, are counted at the switch', async () => {
    const { runtime, parent } = await start();
    const { nic, mdev } = await station(runtime, parent);
    const shut = await station(runtime, parent);
    await shut.file.close();
    await nic.send(frameOf(shut.nic.mac, nic.mac, 1));
    await nic.send(frameOf(Uint8Array.of(2, 0, 0, 0, 0, 9), nic.mac, 2));
    const strange = nic.mac.slice();
    strange[5] = 200;
    await nic.send(frameOf(strange, nic.mac, 3));
    await nic.send(frameOf(nic.mac, nic.mac, 4));
    expect(await parent.showAttribute('switch/unknown')).toBe('3\n');
    expect(await count(mdev, 'tx_frames')).toBe(4);
    expect(await parent.showAttribute('switch/ports')).toBe(`${nic.address} up\n${shut.nic.address} down\n`);
  });

  test('that find a full ring are dropped and counted; the others are whole', async () => {
    const { runtime, parent } = await start({ slots: 8 });
    const [a, b] = [await station(runtime, parent), await station(runtime, parent)];
    for (let number = 0; number < 20; number++) await a.nic.send(frameOf(b.nic.mac, a.nic.mac, number, 1518));
    expect(drain(b.nic)).toEqual(
      Array.from({ length: 8 }, (_, number) => ({ source: a.nic.address, number, length: 1518 })),
    );
    expect([await count(b.mdev, 'rx_frames'), await count(b.mdev, 'rx_dropped')]).toEqual([8, 12]);
    await a.nic.send(frameOf(b.nic.mac, a.nic.mac, 99));
    expect(drain(b.nic).map(({ number }) => number)).toEqual([99]);
  });

  test('are many more than a ring holds, each once and in order, when the receiver keeps up', async () => {
    const { runtime, parent } = await start({ slots: 8 });
    const [a, b] = (await stations(runtime, parent)) as [Station, Station];
    const heard: number[] = [];
    for (let number = 0; number < 1000; number++) {
      while (!a.nic.queue(frameOf(b.nic.mac, a.nic.mac, number))) {
        await a.nic.send();
        heard.push(...drain(b.nic).map((frame) => frame.number));
      }
    }
    await a.nic.send();
    heard.push(...drain(b.nic).map((frame) => frame.number));
    expect(heard).toEqual([...Array(1000).keys()]);
  });

  test('from programs on several threads: what is sent is received or counted as dropped, in order for each sender', async () => {
    const { runtime, parent } = await start({ slots: 16 });
    const receiver = await station(runtime, parent);
    const senders: Mdev[] = [];
    for (let i = 0; i < 3; i++) senders.push(await parent.create('sf-nic'));
    const frames = 3000;
    const ends = senders.map(({ uuid }) => {
      const { ticket, transfer } = runtime.invite();
      const task: SenderTask = { ticket, uuid, destination: receiver.nic.mac, frames };
      const worker = new Worker(SENDER, { workerData: task, transferList: transfer });
      runtime.watch(worker);
      return once(worker, 'message');
    });
    const heard = new Map<string, number[]>();
    let running = true;
    const ended = Promise.all(ends).then((messages) => {
      running = false;
      return messages;
    });
    const note = () => {
      for (const { source, number, length } of drain(receiver.nic)) {
        expect(length).toBe(60 + (number % 1400));
        heard.set(source, [...(heard.get(source) ?? []), number]);
      }
    };
    while (running) {
      note();
      await new Promise((resolve) => setImmediate(resolve));
    }
    const sources = (await ended).map(([source]) => source as string);
    note();
    const received = [...heard.values()].flat().length;
    expect(received).toBe(await count(receiver.mdev, 'rx_frames'));
    expect(received + (await count(receiver.mdev, 'rx_dropped'))).toBe(3 * frames);
    for (const source of sources) {
      const numbers = heard.get(source) ?? [];
      expect(numbers).toEqual(numbers.toSorted((x, y) => x - y));
      expect(new Set(numbers).size).toBe(numbers.length);
    }
  });
});

describe('the interrupt', () => {
  test('is signalled when frames come, from any thread', async () => {
    const { runtime, parent } = await start();
    const all = await stations(runtime, parent);
    const [receiver] = all as [Station];
    const interrupt = await receiver.nic.listen();
    for (const { nic } of all.slice(1)) {
      await nic.send(frameOf(receiver.nic.mac, nic.mac, 5));
      expect(await interrupt.wait()).toBeGreaterThan(0);
      expect(drain(receiver.nic)).toHaveLength(1);
    }
    expect(interrupt.take()).toBe(0);
  });

  test('of a file that was closed says nothing to the next one', async () => {
    const { runtime, parent } = await start();
    const [a, b] = [await station(runtime, parent), await station(runtime, parent)];
    await a.nic.send(frameOf(b.nic.mac, a.nic.mac, 1));
    await b.file.close();
    const again = await openDevice(runtime.bus, b.mdev);
    const nic = await NicClient.open(again);
    const interrupt = await nic.listen();
    expect(nic.receive()).toBeUndefined();
    await a.nic.send(frameOf(nic.mac, a.nic.mac, 2));
    await interrupt.wait();
    expect(drain(nic).map(({ number }) => number)).toEqual([2]);
  });
});

describe('functions', () => {
  test('have addresses of the pool of their parent, and no two the same', async () => {
    const { parent, runtime } = await start({ functions: 8 }, ['nic', 'other']);
    const made = await Promise.all(
      Array.from({ length: 12 }, () => parent.create('sf-nic').catch((error) => error.code)),
    );
    const mdevs = made.filter((mdev): mdev is Mdev => typeof mdev !== 'string');
    expect(made.filter((mdev) => mdev === 'ENOSPC')).toHaveLength(4);
    const macs = await Promise.all(mdevs.map((mdev) => mdev.showAttribute('mac')));
    expect(new Set(macs).size).toBe(8);
    for (const mac of macs) expect(mac).toMatch(/^02:53:46:[0-9a-f]{2}:[0-9a-f]{2}:0[0-7]\n$/);
    expect(await parent.availableInstances('sf-nic')).toBe(0);
    const other = await runtime.bus.parent('other').create('sf-nic');
    expect(macs).not.toContain(await other.showAttribute('mac'));
    await mdevs[3]?.remove();
    expect(await parent.availableInstances('sf-nic')).toBe(1);
    expect(await (await parent.create('sf-nic')).showAttribute('mac')).toBe(macs[3]);
  });

  test('that come after others see nothing of theirs', async () => {
    const { runtime, parent } = await start({ functions: 2 });
    const [a, b] = [await station(runtime, parent), await station(runtime, parent)];
    await a.nic.send(frameOf(b.nic.mac, a.nic.mac, 0xabcdef));
    await b.file.write(RINGS + 5000, Uint8Array.of(1, 2, 3));
    await b.file.close();
    await b.mdev.remove();
    const c = await station(runtime, parent);
    expect(c.nic.address).toBe(b.nic.address);
    const memory = await c.file.mmap(RINGS, 4096 * 8);
    expect(memory.subarray(4096).every((byte) => byte === 0)).toBe(true);
    expect([drain(c.nic), await count(c.mdev, 'rx_frames')]).toEqual([[], 0]);
    await a.nic.send(frameOf(c.nic.mac, a.nic.mac, 9));
    expect(drain(c.nic).map(({ number }) => number)).toEqual([9]);
  });

  test('of a thread that dies are free again; the others go on', async () => {
    const { runtime, parent } = await start({ functions: 3 });
    const all = await stations(runtime, parent);
    const dying = all.find(({ mdev }) => mdev.shard === 1) as Station;
    const left = all.filter((other) => other !== dying) as [Station, Station];
    const died = new Promise<void>((resolve) => runtime.system.events.on('threadDied', () => resolve()));
    const restarted = new Promise<void>((resolve) => runtime.system.events.on('threadRestart', () => resolve()));
    await (await runtime.system.thread('sf/1')).worker.terminate();
    await died;
    await left[0].nic.send(frameOf(left[1].nic.mac, left[0].nic.mac, 1));
    expect(drain(left[1].nic).map(({ number }) => number)).toEqual([1]);
    await restarted;
    const fresh = await station(runtime, parent);
    expect(fresh.nic.address).toBe(dying.nic.address);
    await left[0].nic.send(frameOf(BROADCAST, left[0].nic.mac, 2));
    for (const { nic } of [left[1], fresh]) expect(drain(nic).map(({ number }) => number)).toEqual([2]);
    expect(await parent.availableInstances('sf-nic')).toBe(0);
  });

  test('a reset empties the rings', async () => {
    const { runtime, parent } = await start();
    const [a, b] = [await station(runtime, parent), await station(runtime, parent)];
    await a.nic.send(frameOf(b.nic.mac, a.nic.mac, 1));
    b.nic.queue(frameOf(a.nic.mac, b.nic.mac, 2));
    await b.file.ioctl(uapi.DEVICE_RESET);
    await b.nic.send();
    expect([drain(a.nic), drain(b.nic)]).toEqual([[], []]);
  });

  test.each([
    [{ functions: 0 }, 'functions is 0; it is a whole number from 1 to 256'],
    [{ slots: 48 }, 'slots is 48; it is a power of two from 2 to 1024'],
    [{ function: 1 }, 'there is no option function; sf has functions, slots and faults'],
  ])('options %j are EINVAL', async (options, message) => {
    await expect(start(options)).rejects.toMatchObject({ code: 'EINVAL', message: expect.stringContaining(message) });
  });
});

test('whatever a program writes into its rings, only its own frames suffer', async () => {
  const { runtime, parent } = await start({ slots: 4 });
  const [evil, a, b] = [await station(runtime, parent), await station(runtime, parent), await station(runtime, parent)];
  const words = new Int32Array((await evil.file.mmap(RINGS, 2 ** 15)).buffer);
  const scribble = fc.array(fc.tuple(fc.nat(words.length - 1), fc.integer()), { maxLength: 40 });
  const indexes = fc.array(fc.tuple(fc.constantFrom(0, 16, 32, 48, 64, 80, 1024, 1536), fc.integer()), {
    maxLength: 8,
  });
  await fc.assert(
    fc.asyncProperty(scribble, indexes, async (somewhere, there) => {
      for (const [at, value] of [...somewhere, ...there]) words[at] = value;
      await evil.file.write(SF_REGISTERS.doorbell, Uint8Array.of(1, 0, 0, 0));
      await a.nic.send(frameOf(evil.nic.mac, a.nic.mac, 1));
      await a.nic.send(frameOf(b.nic.mac, a.nic.mac, 2));
      expect(drain(b.nic).filter(({ source }) => source === a.nic.address)).toEqual([
        { source: a.nic.address, number: 2, length: 60 },
      ]);
    }),
    { numRuns: 60 },
  );
  await evil.file.ioctl(uapi.DEVICE_RESET);
  const again = await NicClient.open(evil.file);
  await a.nic.send(frameOf(again.mac, a.nic.mac, 3));
  expect(drain(again).map(({ number }) => number)).toEqual([3]);
});

test('registers take four bytes at a multiple of four', async () => {
  const { runtime, parent } = await start();
  const { file } = await station(runtime, parent);
  expect(await code(file.write(0x21, new Uint8Array(4)))).toBe('EINVAL');
  expect(await code(file.write(0x20, new Uint8Array(2)))).toBe('EINVAL');
  expect(await code(file.read(0x04, 8))).toBe('EINVAL');
  expect(await file.write(4092, new Uint8Array(8))).toBe(4);
  expect(Buffer.from(await file.read(0, 4)).toString()).toBe('SFNC');
});
