import { MediatedError } from '@mediated/core';
import { IRQ_SET_BYTES, irqSet } from '@mediated/vfio/uapi';
import { INTX, IRQ_INDEXES, MSI, MttyInterrupts } from '#dist/mtty/interrupts.js';
import { beforeEach, describe, expect, test } from 'vitest';

const [NONE, BOOL, EVENTFD, MASK, UNMASK, TRIGGER] = [1, 2, 4, 8, 16, 32] as const;
const BAD_FD = 99;

let interrupts: MttyInterrupts;
/** The descriptors whose eventfds were signalled, in order. */
let log: number[];

beforeEach(() => {
  interrupts = new MttyInterrupts(IRQ_INDEXES);
  log = [];
});

const lookup = {
  eventfd(descriptor: number) {
    if (descriptor === BAD_FD) throw new MediatedError('EBADF', 'no such descriptor');
    return { signal: () => void log.push(descriptor) };
  },
};

/** SET_IRQS; returns 0 or the errno name. */
function set(index: number, flags: number, count = 1, datum = 0, start = 0): string | number {
  const each = (flags & EVENTFD) !== 0 ? 4 : (flags & BOOL) !== 0 ? 1 : 0;
  const data = new Uint8Array(Int32Array.of(datum).buffer).slice(0, each * Math.min(count, 1));
  const argsz = IRQ_SET_BYTES + each * Math.min(count, 8);
  const argument = irqSet.bytes({ argsz, flags, index, start, count }, argsz);
  argument.set(data, IRQ_SET_BYTES);
  try {
    interrupts.set(argument, lookup);
    return 0;
  } catch (error) {
    return (error as MediatedError).code;
  }
}

const bind = (index: number, fd = 3) => set(index, EVENTFD | TRIGGER, 1, fd);
const trigger = (index: number) => set(index, NONE | TRIGGER);

describe('interrupts of the card', () => {
  test('mtty 5: everything is EINVAL before GET_INFO told their number', () => {
    interrupts.told = 0;
    expect([bind(INTX), bind(MSI), set(INTX, NONE), set(2, NONE | TRIGGER)]).toEqual(Array(4).fill('EINVAL'));
    interrupts.told = IRQ_INDEXES;
    expect(bind(INTX)).toBe(0);
  });

  test('mtty 11: INTx masks itself, MSI does not', () => {
    bind(MSI);
    interrupts.raise();
    interrupts.raise();
    expect(log).toEqual([3, 3]);
    set(MSI, NONE | TRIGGER, 0);
    bind(INTX, 4);
    interrupts.raise();
    interrupts.raise();
    expect(log).toEqual([3, 3, 4]);
    expect(interrupts.masked).toBe(true);
  });

  test('mtty 13: no signal while INTx is masked, and unmasking does not make up for it', () => {
    bind(INTX);
    expect(set(INTX, NONE | MASK)).toBe(0);
    interrupts.raise();
    expect(set(INTX, NONE | UNMASK)).toBe(0);
    expect(log).toEqual([]);
    interrupts.raise();
    expect(log).toEqual([3]);
  });

  test('a boolean mask acts when it is not 0', () => {
    bind(INTX);
    expect([set(INTX, BOOL | MASK, 1, 0), interrupts.masked]).toEqual([0, false]);
    expect([set(INTX, BOOL | MASK, 1, 1), interrupts.masked]).toEqual([0, true]);
    expect([set(INTX, BOOL | UNMASK, 1, 0), interrupts.masked]).toEqual([0, true]);
    expect([set(INTX, BOOL | UNMASK, 1, 2), interrupts.masked]).toEqual([0, false]);
  });

  test('mtty 14: MSI does not replace INTx', () => {
    bind(INTX);
    expect(bind(MSI, 4)).toBe('EINVAL');
    expect([interrupts.bound, log]).toEqual([INTX, []]);
  });

  test('mtty 15: disabling twice is 0, then EINVAL', () => {
    bind(INTX);
    const disable = () => set(INTX, NONE | TRIGGER, 0, 0, 1);
    expect([disable(), disable(), interrupts.bound]).toEqual([0, 'EINVAL', undefined]);
  });

  test('a new eventfd replaces the old; a bad one, or fd -1, leaves none', () => {
    bind(INTX);
    interrupts.raise();
    expect([bind(INTX, 4), interrupts.masked]).toEqual([0, false]);
    expect([trigger(INTX), bind(INTX, BAD_FD), interrupts.bound]).toEqual([0, 'EBADF', undefined]);
    expect([bind(INTX, 5), bind(INTX, -1), trigger(INTX)]).toEqual([0, 0, 'EINVAL']);
    expect(log).toEqual([3, 4]);
  });

  test('a trigger needs a binding of its own index, exactly interrupt 0, and a byte that is not 0', () => {
    expect([trigger(INTX), bind(MSI), trigger(INTX), trigger(MSI)]).toEqual(['EINVAL', 0, 'EINVAL', 0]);
    expect([set(MSI, BOOL | TRIGGER, 1, 0), set(MSI, BOOL | TRIGGER, 1, 1)]).toEqual([0, 0]);
    expect([set(MSI, NONE | TRIGGER, 2), set(MSI, NONE | TRIGGER, 1, 0, 1)]).toEqual(['EINVAL', 'EINVAL']);
    expect([set(MSI, BOOL | TRIGGER, 0), set(MSI, EVENTFD | TRIGGER, 0)]).toEqual(['EINVAL', 'EINVAL']);
    expect(log).toEqual([3, 3]);
  });

  test('what cannot be masked is ENOTTY: MSI, INTx by eventfd, and the indexes that are not there', () => {
    bind(INTX);
    expect([set(INTX, EVENTFD | MASK), set(INTX, EVENTFD | UNMASK)]).toEqual(['ENOTTY', 'ENOTTY']);
    expect([set(MSI, NONE | MASK), set(MSI, NONE | UNMASK)]).toEqual(['ENOTTY', 'ENOTTY']);
    expect([2, 3, 4, 5].map((index) => set(index, NONE | TRIGGER))).toEqual(['ENOTTY', 'ENOTTY', 'ENOTTY', 'EINVAL']);
  });

  test('masking INTx needs INTx bound, and exactly interrupt 0', () => {
    expect(set(INTX, NONE | MASK)).toBe('EINVAL');
    bind(MSI);
    expect(set(INTX, NONE | UNMASK)).toBe('EINVAL');
    set(MSI, NONE | TRIGGER, 0);
    bind(INTX);
    expect([set(INTX, NONE | MASK, 0), set(INTX, NONE | MASK, 2)]).toEqual(['EINVAL', 'EINVAL']);
  });

  test('no action, or several, do nothing and are no error', () => {
    bind(INTX);
    for (const flags of [NONE, BOOL, EVENTFD, NONE | MASK | UNMASK, EVENTFD | MASK | TRIGGER]) {
      expect(set(INTX, flags, 1, 1)).toBe(0);
    }
    expect([interrupts.masked, log]).toEqual([false, []]);
  });

  test('a malformed header is EINVAL', () => {
    bind(INTX);
    for (const flags of [0, NONE | BOOL, TRIGGER, NONE | TRIGGER | 64]) expect(set(INTX, flags)).toBe('EINVAL');
    expect(set(INTX, NONE | TRIGGER, 0xffffffff)).toBe('EINVAL');
    expect(set(INTX, NONE | TRIGGER, 2, 0, 0xffffffff)).toBe('EINVAL');
    expect(set(INTX, NONE | TRIGGER, 6)).toBe('EINVAL');
    const short = irqSet.bytes({ argsz: 23, flags: EVENTFD | TRIGGER, index: INTX, start: 0, count: 1 }, 24);
    expect(() => interrupts.set(short, lookup)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
    expect(interrupts.bound).toBe(INTX);
  });
});
