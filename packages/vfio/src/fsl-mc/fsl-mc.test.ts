/** Containers and their objects as programs use them, on two threads of their driver. */
import { once } from 'node:events';
import { type DeviceFile, InterruptCounter } from '@mediated/vfio';
import { DEVICE_FLAGS, DEVICE_SET_IRQS, IRQ_SET_FLAGS, irqSet, REGION_FLAGS } from '@mediated/vfio/uapi';
import type { McSpec } from '@mediated/vfio/fsl-mc';
import { IrqPool } from '#dist/fsl-mc/irq-pool.js';
import { McRecords } from '#dist/fsl-mc/mc-records.js';
import { COMMANDS, newTrace, type ObjectOptions, traced } from '../../dist-fixtures/fsl-mc/mc-model.fixture.js';
import { Complex, command, dpni, MODEL, wordsOf } from '../../dist-fixtures/fsl-mc/stage.fixture.js';
import { describe, expect, test } from 'vitest';

const PAGE = { start: 0x8_1000_0000, size: 0x1000 };
const { read, write, mmap } = REGION_FLAGS;
const refused = (code: string) => ({ code });

/** Two containers: 0 with the objects 1, 2 and 3, and 10 with 11. Those of a container share a group. */
function twoContainers(modelOptions: ObjectOptions, irqPool = 8): McSpec {
  const container = { irqs: 1, regions: [PAGE], model: MODEL, modelOptions, irqPool };
  return {
    containers: [
      { ...container, id: 0, group: 4, objects: [1, 2, 3].map((id) => dpni(id, 2, modelOptions)) },
      { ...container, id: 10, group: 5, objects: [dpni(11, 2, modelOptions)] },
    ],
  };
}

/** Key of a device's set, how many members it has, and how often its mutex was taken. */
async function lookAtSet(file: DeviceFile) {
  await file.write(0, command(COMMANDS.members));
  const words = wordsOf(await file.read(0, 64));
  const key = Buffer.from(words.buffer, 16, 40).toString().replaceAll('\0', '');
  return { key, members: Number(words[1]), taken: Number(words[7]) };
}

async function setOf(file: DeviceFile): Promise<string> {
  const { key, members } = await lookAtSet(file);
  return `${key}: ${members}`;
}

const fire = (file: DeviceFile, irq: number) => file.write(0, command(COMMANDS.raise, BigInt(irq)));
const loopback = (index: number) => ({ index, action: 'trigger', count: 1 }) as const;

describe('device sets', () => {
  test('platform-fsl 13, pci 28: a container and its objects are one set, those of another container another', async () => {
    await using complex = await Complex.set(twoContainers({ trace: newTrace() }), 2);
    await complex.bind('dprc.0');
    await complex.bind('dprc.10');
    const names = ['dprc.0', 'dpni.1', 'dpni.2', 'dpni.3', 'dprc.10', 'dpni.11'];
    const files = await Promise.all(names.map((name) => complex.open(name)));
    const [first, other] = ['fsl-mc/dprc.0: 4', 'fsl-mc/dprc.10: 2'];
    expect(await Promise.all(files.map(setOf))).toEqual([first, first, first, first, other, other]);
    for (const file of files) await file.close();
    await complex.unbind('dpni.2');
    await using file = await complex.open('dpni.3');
    expect(await setOf(file)).toBe('fsl-mc/dprc.0: 3');
  });

  test('platform-fsl 13: the set goes with its last member, whoever came first', async () => {
    await using complex = await Complex.set(twoContainers({ trace: newTrace() }), 2);
    // An object may be bound while the host has its container.
    await complex.bind('dpni.1');
    await complex.bind('dpni.2');
    await complex.unbind('dpni.1');
    const file = await complex.open('dpni.2');
    const old = await lookAtSet(file);
    expect(old).toMatchObject({ key: 'fsl-mc/dprc.0', members: 1 });
    await file.close();
    await complex.unbind('dpni.2');
    await complex.bind('dpni.11');
    await using other = await complex.open('dpni.11');
    // What the set had is the next one's, and its mutex counts on.
    const next = await lookAtSet(other);
    expect(next).toMatchObject({ key: 'fsl-mc/dprc.10', members: 1 });
    expect(next.taken).toBeGreaterThan(old.taken);
  });

  test('platform-fsl 14: while an object is closed its siblings wait, other containers do not', async () => {
    const hold = new Int32Array(new SharedArrayBuffer(8));
    await using complex = await Complex.set(twoContainers({ trace: newTrace(), hold }), 2);
    await complex.bind('dprc.0');
    await complex.bind('dprc.10');
    const closing = await complex.open('dpni.1');
    const sibling = await complex.open('dpni.2');
    Atomics.store(hold, 0, 1);
    const done: string[] = [];
    const noted = async (name: string, promise: Promise<unknown>) => {
      await promise;
      done.push(name);
    };
    const closed = noted('close', closing.close());
    for (let inside = Atomics.load(hold, 1); inside === 0; inside = Atomics.load(hold, 1)) {
      const { async, value } = Atomics.waitAsync(hold, 1, 0);
      if (async) await value;
    }
    let opened: DeviceFile | undefined;
    const waiting = [
      noted(
        'open',
        complex.open('dpni.3').then((file) => (opened = file)),
      ),
      noted('irqs', sibling.setIrqs(loopback(0))),
    ];
    await using elsewhere = await complex.open('dpni.11');
    await elsewhere.setIrqs(loopback(0));
    // What needs no set mutex goes on.
    await sibling.write(0, command(COMMANDS.add));
    expect(done).toEqual([]);
    Atomics.store(hold, 0, 0);
    Atomics.notify(hold, 0);
    await Promise.all([closed, ...waiting]);
    expect(done[0]).toBe('close');
    await opened?.close();
    await sibling.close();
  });
});

describe('open and close', () => {
  test('platform-fsl 15: the last close of an object resets it and nothing else', async () => {
    const trace = newTrace();
    await using complex = await Complex.set(twoContainers({ trace }), 2);
    await complex.bind('dprc.0');
    const [first, second] = [await complex.open('dpni.2'), await complex.open('dpni.2')];
    const container = await complex.open('dprc.0');
    expect(traced(trace)).toEqual([]);
    await first.close();
    expect(traced(trace)).toEqual([]);
    await second.close();
    expect(traced(trace)).toEqual(['open 2', 'reset 2', 'close 2']);
    await container.close();
    expect(traced(trace)).toEqual(['reset 0']);
  });

  test('platform-fsl 18: only the container tells of its reset and has no mapping; an object can be reset all the same', async () => {
    const trace = newTrace();
    await using complex = await Complex.set(twoContainers({ trace }), 2);
    await complex.bind('dprc.0');
    await using container = await complex.open('dprc.0');
    await using object = await complex.open('dpni.1');
    const { fslMc, reset } = DEVICE_FLAGS;
    expect(await container.info()).toMatchObject({ flags: fslMc | reset, regions: 1, irqs: 1 });
    expect(await object.info()).toMatchObject({ flags: fslMc, regions: 1, irqs: 2 });
    expect((await container.regionInfo(0)).flags).toBe(read | write);
    expect((await object.regionInfo(0)).flags).toBe(read | write | mmap);
    await expect(container.mmap(0, 0x1000)).rejects.toMatchObject(refused('EINVAL'));
    await object.reset();
    expect(traced(trace)).toEqual(['open 1', 'reset 1', 'close 1']);
    await expect(object.ioctl(1)).rejects.toMatchObject(refused('ENOTTY'));
    await expect(object.regionInfo(1)).rejects.toMatchObject(refused('EINVAL'));
    await expect(object.irqInfo(2)).rejects.toMatchObject(refused('EINVAL'));
  });
});

describe('regions', () => {
  test('a command goes through the region; a mapping shows the same bytes, cached only where it may be', async () => {
    const trace = newTrace();
    const regions = [
      PAGE,
      { ...PAGE, cacheable: true, shareable: true },
      { ...PAGE, cacheable: true },
      { ...PAGE, readOnly: true },
      { start: 0, size: 0x800 },
    ];
    const objects = [{ type: 'dpio', id: 1, regions, model: MODEL, modelOptions: { trace } }];
    await using complex = await Complex.set({ containers: [{ id: 0, group: 1, objects }] });
    await complex.bind('dprc.0');
    await using file = await complex.open('dpio.1');
    expect(await file.write(0, command(COMMANDS.add, 41n))).toBe(64);
    expect(wordsOf(await file.read(0, 64))[1]).toBe(42n);
    await expect(file.write(8, new Uint8Array(64))).rejects.toMatchObject(refused('EINVAL'));
    await expect(file.read(0, 63)).rejects.toMatchObject(refused('EINVAL'));
    for (const index of [0, 1, 2]) await file.mmap(index * 2 ** 40, 0x1000);
    expect(traced(trace)).toEqual(['uncached 1', 'write-back 1', 'uncached 1']);
    const flags = await Promise.all(regions.map(async (_, index) => (await file.regionInfo(index)).flags));
    expect(flags).toEqual([7, 7, 7, read | mmap, read | write]);
    await expect(file.write(3 * 2 ** 40, command(1))).rejects.toMatchObject(refused('EINVAL'));
    await expect(file.read(5 * 2 ** 40, 64)).rejects.toMatchObject(refused('EINVAL'));
    await expect(file.mmap(4 * 2 ** 40, 0x800)).rejects.toMatchObject(refused('EINVAL'));
  });
});

describe('interrupts', () => {
  test('platform-fsl 16: the pool is emptied when its last holder closes, and populated again when it is needed', async () => {
    await using complex = await Complex.set(twoContainers({ trace: newTrace() }), 2);
    await complex.bind('dprc.0');
    const records = McRecords.from(complex.mc.handle);
    const pool = new IrqPool(records, records.nodes[0]);
    const sizes = () => [pool.size, pool.free];
    const [one, two, idle] = [await complex.open('dpni.1'), await complex.open('dpni.2'), await complex.open('dpni.3')];
    expect(sizes()).toEqual([0, 0]);
    // A loopback does.
    await one.setIrqs(loopback(0));
    expect(sizes()).toEqual([8, 6]);
    await two.setIrqs(loopback(1));
    await two.setIrqs(loopback(0));
    expect(sizes()).toEqual([8, 4]);
    await idle.close();
    await one.close();
    expect(sizes()).toEqual([8, 6]);
    await two.close();
    expect(sizes()).toEqual([0, 0]);
    const again = await complex.open('dpni.1');
    await again.setIrqs(loopback(0));
    expect(sizes()).toEqual([8, 6]);
    await again.close();
  });

  test('an object gets all its interrupts or none: ENOSPC', async () => {
    await using complex = await Complex.set(twoContainers({ trace: newTrace() }, 3), 2);
    await complex.bind('dprc.0');
    await using one = await complex.open('dpni.1');
    const two = await complex.open('dpni.2');
    await two.setIrqs(loopback(0));
    await expect(one.setIrqs(loopback(0))).rejects.toMatchObject(refused('ENOSPC'));
    // Nothing was kept: the container still gets the one that is left.
    await using container = await complex.open('dprc.0');
    await container.setIrqs(loopback(0));
    await expect(one.setIrqs(loopback(0))).rejects.toMatchObject(refused('ENOSPC'));
    await two.close();
    await one.setIrqs(loopback(0));
  });

  test('the interrupts of a thread that dies come back, and its members leave the set', async () => {
    await using complex = await Complex.set(twoContainers({ trace: newTrace() }, 2), 2);
    await complex.bind('dprc.0');
    const doomed = await complex.open('dpni.1');
    const survivor = await complex.open('dpni.2');
    await doomed.setIrqs(loopback(0));
    await expect(survivor.setIrqs(loopback(0))).rejects.toMatchObject(refused('ENOSPC'));
    const restarted = once(complex.runtime.system.events, 'threadRestart');
    await expect(doomed.write(0, command(COMMANDS.die))).rejects.toMatchObject(refused('EIO'));
    await restarted;
    await survivor.setIrqs(loopback(0));
    expect(await setOf(survivor)).toBe('fsl-mc/dprc.0: 2');
    await survivor.close();
  });

  test('platform-fsl 20: without TRIGGER it is EINVAL, unbinding what was never bound is nothing', async () => {
    await using complex = await Complex.set(twoContainers({ trace: newTrace() }));
    await complex.bind('dprc.0');
    await using file = await complex.open('dpni.1');
    await file.setIrqs({ index: 1, action: 'trigger', count: 0 });
    for (const action of ['mask', 'unmask'] as const) {
      await expect(file.setIrqs({ index: 0, action, count: 1 })).rejects.toMatchObject(refused('EINVAL'));
    }
    const set = (flags: number, count: number, start = 0) =>
      file.ioctl(DEVICE_SET_IRQS, irqSet.bytes({ argsz: 20, flags, index: 0, start, count }));
    await expect(set(IRQ_SET_FLAGS.dataNone, 1)).rejects.toMatchObject(refused('EINVAL'));
    // Other actions besides are ignored.
    expect(await set(IRQ_SET_FLAGS.dataNone | IRQ_SET_FLAGS.trigger | IRQ_SET_FLAGS.mask, 1)).toBe(0);
    for (const [count, start] of [[2], [1, 1], [3]] as const) {
      await expect(set(IRQ_SET_FLAGS.dataNone | IRQ_SET_FLAGS.trigger, count, start)).rejects.toMatchObject(
        refused('EINVAL'),
      );
    }
    expect(await file.irqInfo(0)).toMatchObject({ flags: 1, count: 1 });
  });

  test('an interrupt signals its counter until it is unbound, a failed binding leaves it unbound', async () => {
    const modelOptions = { trace: newTrace() };
    const irqs = [{}, { requestError: 'EBUSY' }] as const;
    const objects = [{ ...dpni(1, 0, modelOptions), irqs }];
    await using complex = await Complex.set({ containers: [{ id: 0, group: 1, objects }] });
    await complex.bind('dprc.0');
    await using file = await complex.open('dpni.1');
    const counter = InterruptCounter.create();
    const bind = (index: number) => file.setIrqs({ index, action: 'trigger', counters: [counter] });
    await bind(0);
    await fire(file, 0);
    await file.setIrqs({ index: 0, action: 'trigger', values: [true] });
    await file.setIrqs({ index: 0, action: 'trigger', values: [false] });
    expect(counter.take()).toBe(2);
    await expect(bind(1)).rejects.toMatchObject(refused('EBUSY'));
    await fire(file, 1);
    const flags = IRQ_SET_FLAGS.dataEventfd | IRQ_SET_FLAGS.trigger;
    const bad = irqSet.bytes({ argsz: 24, flags, index: 0, start: 0, count: 1 }, 24).fill(7, 20);
    await expect(file.ioctl(DEVICE_SET_IRQS, bad)).rejects.toMatchObject(refused('EBADF'));
    await fire(file, 0);
    expect(counter.take()).toBe(0);
    await bind(0);
    await file.setIrqs({ index: 0, action: 'trigger', counters: [undefined] });
    await fire(file, 0);
    expect(counter.take()).toBe(0);
  });

  test('a pool that cannot be populated says why', async () => {
    const objects = [dpni(1, 1, { trace: newTrace() })];
    const containers = [{ id: 0, group: 1, objects, faults: { irqPool: 'ENOMEM' } as const }];
    await using complex = await Complex.set({ containers });
    await complex.bind('dprc.0');
    await using file = await complex.open('dpni.1');
    await expect(file.setIrqs(loopback(0))).rejects.toMatchObject(refused('ENOMEM'));
  });
});
