import { readIrqSet } from '#dist/irqs/irq-set.js';
import { IRQ_SET_BYTES, irqSet } from '@mediated/vfio/uapi';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const [NONE, BOOL, EVENTFD, MASK, TRIGGER] = [1, 2, 4, 8, 32] as const;
const INDEXES = 3;
/** Interrupts of each index. */
const INTERRUPTS = [1, 4, 0];

interface Header {
  argsz?: number;
  flags?: number;
  index?: number;
  start?: number;
  count?: number;
}

const argumentOf = (header: Header, data: readonly number[] = []) => {
  const bytes = irqSet.bytes(
    { argsz: IRQ_SET_BYTES + data.length, flags: NONE | TRIGGER, count: 1, ...header },
    IRQ_SET_BYTES + data.length,
  );
  bytes.set(data, IRQ_SET_BYTES);
  return bytes;
};

const read = (argument: Uint8Array) => readIrqSet(argument, INDEXES, (index) => INTERRUPTS[index] as number);

/** The errno and, to tell the rules apart, the message. */
const refusal = (header: Header, data?: readonly number[]) => {
  try {
    read(argumentOf(header, data));
  } catch (error) {
    return (error as Error).message;
  }
};

describe('vfio-core 23.26: the validation of SET_IRQS', () => {
  /** Each breaks one rule; a header that breaks several is refused by the first. */
  const broken: readonly (readonly [rule: string, header: Header, message: RegExp])[] = [
    ['argsz below 20', { argsz: 19 }, /^EINVAL: argsz is 19; it is at least 20/],
    ['an index out of range', { index: 3 }, /^EINVAL: there are 3 interrupt indexes/],
    ['a count that wraps', { start: 5, count: 0xfffffffa }, /^EINVAL: 4294967290 interrupts from 5/],
    ['an unknown flag', { flags: 0x40 }, /^EINVAL: flags 0x40/],
    ['interrupts out of range', { start: 1 }, /^EINVAL: index 0 has 1 interrupts/],
    ['two kinds of data', { flags: NONE | BOOL }, /^EINVAL: not exactly one kind of data/],
  ];

  test.each(broken)('%s', (_, header, message) => {
    expect(refusal(header)).toMatch(message);
  });

  test('the rules are asked in order', () => {
    for (const [first, [, header, message]] of broken.entries()) {
      for (const [, later] of broken.slice(first + 1)) expect(refusal({ ...later, ...header })).toMatch(message);
    }
  });

  test('NONE|TRIGGER with count 0 is EINVAL on an index with no interrupts, and valid on the others', () => {
    expect(refusal({ index: 2, count: 0 })).toMatch(/^EINVAL/);
    expect(read(argumentOf({ index: 1, start: 3, count: 0 }))).toMatchObject({ count: 0, kind: 'none' });
    expect(refusal({ index: 1, start: 4, count: 0 })).toMatch(/^EINVAL/);
  });

  test('data of count times 0, 1 or 4 bytes is within argsz', () => {
    expect(refusal({ index: 1, flags: EVENTFD | TRIGGER, count: 2 }, [0, 0, 0, 0, 0, 0, 0])).toMatch(/^EINVAL/);
    expect(refusal({ index: 1, flags: BOOL | TRIGGER, count: 2 }, [1])).toMatch(/^EINVAL/);
    const { data } = read(argumentOf({ index: 1, flags: BOOL | MASK, start: 2, count: 2 }, [1, 0, 9]));
    expect([...data]).toEqual([1, 0]);
    expect(read(argumentOf({ flags: EVENTFD | TRIGGER, count: 0 })).data.length).toBe(0);
  });

  test('the action is not validated: none and several are no action', () => {
    expect(read(argumentOf({ flags: NONE })).action).toBeUndefined();
    expect(read(argumentOf({ flags: NONE | MASK | TRIGGER })).action).toBeUndefined();
    expect(read(argumentOf({ flags: NONE | MASK })).action).toBe('mask');
  });

  test('truncated at every length: EFAULT, or EINVAL when argsz tells the truth', () => {
    const whole = argumentOf({ index: 1, flags: EVENTFD | TRIGGER, count: 2 }, [1, 0, 0, 0, 2, 0, 0, 0]);
    for (let length = 0; length < whole.length; length++) {
      expect(() => read(whole.slice(0, length))).toThrow(expect.objectContaining({ code: 'EFAULT' }));
      if (length < IRQ_SET_BYTES) continue;
      const honest = whole.slice(0, length);
      irqSet.encode(honest, { argsz: length });
      expect(() => read(honest)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
    }
    expect(read(whole).count).toBe(2);
  });

  test('whatever is passed: EFAULT, EINVAL, or interrupts that exist', () => {
    const word = fc.oneof(fc.nat(6), fc.integer({ min: 0, max: 0x7f }), fc.integer({ min: 0, max: 0xffffffff }));
    const header = fc.record({ argsz: word, flags: word, index: word, start: word, count: word });
    fc.assert(
      fc.property(header, fc.nat(32), (values, room) => {
        const argument = irqSet.bytes(values, IRQ_SET_BYTES + room);
        try {
          const { index, start, count, kind, data } = read(argument);
          expect(index).toBeLessThan(INDEXES);
          expect(start).toBeLessThan(INTERRUPTS[index] as number);
          expect(start + count).toBeLessThanOrEqual(INTERRUPTS[index] as number);
          expect(data.length).toBe(count * { none: 0, bool: 1, eventfd: 4 }[kind]);
        } catch (error) {
          expect(['EFAULT', 'EINVAL']).toContain((error as { code?: string }).code);
        }
      }),
    );
  });
});
