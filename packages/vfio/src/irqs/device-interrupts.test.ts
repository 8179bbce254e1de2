import { DeviceInterrupts, InterruptCounter, InterruptLine } from '@mediated/vfio';
import { IRQ_SET_BYTES, irqInfo, irqSet } from '@mediated/vfio/uapi';
import { MediatedError } from '@mediated/core';
import { beforeEach, describe, expect, test } from 'vitest';

const [NONE, BOOL, EVENTFD, MASK, UNMASK, TRIGGER] = [1, 2, 4, 8, 16, 32] as const;
const LEVEL = 0;
const MESSAGES = 1;

let interrupts: DeviceInterrupts;
let counters: InterruptCounter[];
let failures: unknown[];

beforeEach(() => {
  failures = [];
  interrupts = new DeviceInterrupts(
    [
      { count: 1, automasked: true },
      { count: 3, noresize: true },
      { count: 2, maskable: true, keepsPending: true },
      { count: 0 },
    ],
    (error) => failures.push(error),
  );
  counters = [0, 1, 2, 3].map(() => InterruptCounter.create());
});

const call = {
  eventfd(descriptor: number) {
    const counter = counters[descriptor];
    if (counter === undefined) throw new MediatedError('EBADF', `descriptor ${descriptor}`);
    return counter;
  },
};

/** SET_IRQS from `start` on; data: a descriptor or a byte per interrupt. Returns 0 or the errno's name. */
async function set(index: number, flags: number, data: readonly number[], start = 0, count = data.length) {
  const bytes = (flags & EVENTFD) !== 0 ? new Uint8Array(Int32Array.from(data).buffer) : Uint8Array.from(data);
  const size = (flags & NONE) !== 0 ? 0 : bytes.length;
  const argument = irqSet.bytes({ argsz: IRQ_SET_BYTES + size, flags, index, start, count }, IRQ_SET_BYTES + size);
  argument.set(bytes.subarray(0, size), IRQ_SET_BYTES);
  try {
    await interrupts.set(argument, call);
    return 0;
  } catch (error) {
    return (error as MediatedError).code;
  }
}

/** Resolves when the line has been unmasked. */
function afterNextUnmask(line: InterruptLine): Promise<void> {
  return new Promise((resolve) => {
    const unmask = line.unmask.bind(line);
    line.unmask = () => {
      unmask();
      resolve();
    };
  });
}

const taken = () => counters.map((counter) => counter.take());

describe('interrupts declared as data', () => {
  test('GET_IRQ_INFO: count and flags of each index', () => {
    const info = (index: number) => {
      const argument = irqInfo.bytes({ argsz: 16, index });
      interrupts.info(argument);
      const { flags, count } = irqInfo.decode(argument);
      return [flags, count];
    };
    expect([0, 1, 2, 3].map(info)).toEqual([
      [7, 1],
      [9, 3],
      [3, 2],
      [1, 0],
    ]);
    expect(() => info(4)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
    for (let length = 0; length < 16; length++) {
      const truncated = irqInfo.bytes({ argsz: 16 }, length);
      expect(() => interrupts.info(truncated)).toThrow(expect.objectContaining({ code: 'EFAULT' }));
    }
  });

  test('EVENTFD|TRIGGER binds from start on, -1 unbinds', async () => {
    expect(await set(MESSAGES, EVENTFD | TRIGGER, [0, 1], 1)).toBe(0);
    for (const number of [0, 1, 2]) interrupts.raise(MESSAGES, number);
    expect(taken()).toEqual([1, 1, 0, 0]);
    expect(await set(MESSAGES, EVENTFD | TRIGGER, [-1], 2)).toBe(0);
    for (const number of [0, 1, 2]) interrupts.raise(MESSAGES, number);
    expect(taken()).toEqual([1, 0, 0, 0]);
  });

  test('a bad descriptor changes nothing', async () => {
    await set(MESSAGES, EVENTFD | TRIGGER, [0, 0, 0]);
    expect(await set(MESSAGES, EVENTFD | TRIGGER, [1, 99, 1])).toBe('EBADF');
    for (const number of [0, 1, 2]) interrupts.raise(MESSAGES, number);
    expect(taken()).toEqual([3, 0, 0, 0]);
  });

  test('NONE and BOOL with TRIGGER fire; count 0 with NONE disables the index', async () => {
    await set(MESSAGES, EVENTFD | TRIGGER, [0, 1, 2]);
    expect(await set(MESSAGES, BOOL | TRIGGER, [1, 0, 7])).toBe(0);
    expect(taken()).toEqual([1, 0, 1, 0]);
    expect(await set(MESSAGES, NONE | TRIGGER, [0, 0], 1)).toBe(0);
    expect(taken()).toEqual([0, 1, 1, 0]);
    expect(await set(MESSAGES, NONE | TRIGGER, [])).toBe(0);
    expect(interrupts.line(MESSAGES, 1).bound).toBe(false);
  });

  test('an automasked line signals once until it is unmasked', async () => {
    await set(LEVEL, EVENTFD | TRIGGER, [0]);
    interrupts.raise(LEVEL);
    interrupts.raise(LEVEL);
    expect(taken()[0]).toBe(1);
    expect(await set(LEVEL, NONE | UNMASK, [0])).toBe(0);
    expect(taken()[0]).toBe(0);
    interrupts.raise(LEVEL);
    expect(taken()[0]).toBe(1);
  });

  test('what comes while masked is kept for one signal where the index says so', async () => {
    await set(2, EVENTFD | TRIGGER, [0, 1]);
    expect(await set(2, BOOL | MASK, [1, 0])).toBe(0);
    interrupts.raise(2, 0);
    interrupts.raise(2, 0);
    interrupts.raise(2, 1);
    expect(taken()).toEqual([0, 1, 0, 0]);
    expect(await set(2, NONE | UNMASK, [0, 0])).toBe(0);
    expect(taken()).toEqual([1, 0, 0, 0]);
  });

  test('masking what cannot be masked, and no or several actions, are ENOTTY', async () => {
    expect(await set(MESSAGES, NONE | MASK, [0])).toBe('ENOTTY');
    expect(await set(MESSAGES, EVENTFD | UNMASK, [0])).toBe('ENOTTY');
    expect(await set(LEVEL, NONE, [0])).toBe('ENOTTY');
    expect(await set(LEVEL, NONE | MASK | UNMASK, [0])).toBe('ENOTTY');
    expect(await set(3, NONE | TRIGGER, [])).toBe('EINVAL');
  });

  test('a program masks and unmasks by counters of its own, until they are taken away', async () => {
    await set(LEVEL, EVENTFD | TRIGGER, [0]);
    expect(await set(LEVEL, EVENTFD | UNMASK, [1])).toBe(0);
    expect(await set(LEVEL, EVENTFD | UNMASK, [2])).toBe('EBUSY');
    interrupts.raise(LEVEL);
    expect(interrupts.line(LEVEL).masked).toBe(true);
    const unmasked = afterNextUnmask(interrupts.line(LEVEL));
    counters[1]?.signal();
    await unmasked;
    expect(interrupts.line(LEVEL).masked).toBe(false);
    expect(await set(LEVEL, EVENTFD | UNMASK, [-1])).toBe(0);
    expect(await set(LEVEL, EVENTFD | UNMASK, [2])).toBe(0);
    await interrupts.close();
    expect([interrupts.line(LEVEL).bound, interrupts.line(LEVEL).masked, failures]).toEqual([false, false, []]);
    expect(await set(LEVEL, EVENTFD | UNMASK, [2])).toBe(0);
    await interrupts.close();
  });

  test('counters of a program are taken all or none', async () => {
    expect(await set(2, EVENTFD | MASK, [1], 1)).toBe(0);
    expect(await set(2, EVENTFD | MASK, [2, 3])).toBe('EBUSY');
    expect(await set(2, EVENTFD | MASK, [2, 99])).toBe('EBADF');
    expect(await set(2, EVENTFD | MASK, [2])).toBe(0);
    await interrupts.close();
  });

  test('a line by itself: unbound it swallows, reset makes it as new', () => {
    const line = new InterruptLine({ automasked: true });
    line.raise();
    expect(line.masked).toBe(false);
    const counter = InterruptCounter.create();
    line.bind(counter);
    line.raise();
    line.reset();
    expect([line.bound, line.masked, counter.take()]).toEqual([false, false, 1]);
  });
});
