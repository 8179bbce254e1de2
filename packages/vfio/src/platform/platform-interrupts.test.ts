/** SET_IRQS of platform devices, through their files. */
import { InterruptCounter } from '@mediated/vfio';
import { DEVICE_SET_IRQS, IRQ_SET_FLAGS, irqSet } from '@mediated/vfio/uapi';
import { PlatformInterrupts } from '#dist/platform/platform-interrupts.js';
import { PlatformLine } from '#dist/platform/platform-line.js';
import { ASSERT, newTrace, RAISE, RELEASE } from '../../dist-fixtures/platform/nic-model.fixture.js';
import { Board, nic } from '../../dist-fixtures/platform/stage.fixture.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const EDGE = 0;
const LEVEL = 1;

async function openCard(options: { refuses?: number } = {}) {
  const board = await Board.set({ devices: [nic('eth0', 1, { trace: newTrace(), ...options })] });
  const file = await board.use('eth0');
  const counter = InterruptCounter.create();
  return {
    file,
    counter,
    bind: (index: number) => file.setIrqs({ index, action: 'trigger', counters: [counter] }),
    raise: (irq: number) => file.write(RAISE, Uint8Array.of(irq)),
    async [Symbol.asyncDispose]() {
      await file.close();
      await board.runtime.close();
    },
  };
}

test('platform-fsl 7: a level-triggered line signals once, then is masked; UNMASK arms it again', async () => {
  await using card = await openCard();
  const { file, counter } = card;
  expect(await file.irqInfo(LEVEL)).toMatchObject({ flags: 7, count: 1 });
  await card.bind(LEVEL);
  await card.raise(LEVEL);
  await card.raise(LEVEL);
  expect(counter.take()).toBe(1);
  await file.setIrqs({ index: LEVEL, action: 'trigger', count: 1 });
  expect(counter.take()).toBe(0);
  await file.setIrqs({ index: LEVEL, action: 'unmask', count: 1 });
  await card.raise(LEVEL);
  expect(counter.take()).toBe(1);
  await file.setIrqs({ index: LEVEL, action: 'unmask', values: [false] });
  await card.raise(LEVEL);
  expect(counter.take()).toBe(0);
  await file.setIrqs({ index: LEVEL, action: 'unmask', values: [true] });
  await file.setIrqs({ index: LEVEL, action: 'trigger', values: [true] });
  expect(counter.take()).toBe(1);
});

test('a line that stays at its level interrupts again when it is unmasked, and when it is bound', async () => {
  await using card = await openCard();
  const { file, counter } = card;
  await file.write(ASSERT, Uint8Array.of(LEVEL));
  await card.bind(LEVEL);
  expect(counter.take()).toBe(1);
  await file.setIrqs({ index: LEVEL, action: 'unmask', count: 1 });
  expect(counter.take()).toBe(1);
  await file.write(RELEASE, Uint8Array.of(LEVEL));
  await file.setIrqs({ index: LEVEL, action: 'unmask', count: 1 });
  expect(counter.take()).toBe(0);
});

test('the mask is independent of the counter: it stays when the line is unbound', async () => {
  await using card = await openCard();
  const { file, counter } = card;
  await card.bind(LEVEL);
  await file.setIrqs({ index: LEVEL, action: 'mask', count: 1 });
  await file.setIrqs({ index: LEVEL, action: 'trigger', count: 0 });
  await card.bind(LEVEL);
  await card.raise(LEVEL);
  expect(counter.take()).toBe(0);
  await file.setIrqs({ index: LEVEL, action: 'trigger', counters: [undefined] });
  await file.setIrqs({ index: LEVEL, action: 'unmask', count: 1 });
  await card.raise(LEVEL);
  expect(counter.take()).toBe(0);
});

test('platform-fsl 8: an edge-triggered line has no flag but EVENTFD and cannot be masked', async () => {
  await using card = await openCard();
  const { file, counter } = card;
  expect(await file.irqInfo(EDGE)).toMatchObject({ flags: 1, count: 1 });
  await expect(file.irqInfo(2)).rejects.toMatchObject({ code: 'EINVAL' });
  for (const action of ['mask', 'unmask'] as const) {
    await expect(file.setIrqs({ index: EDGE, action, count: 1 })).rejects.toMatchObject({ code: 'EINVAL' });
  }
  await card.raise(EDGE);
  await card.bind(EDGE);
  await card.raise(EDGE);
  await card.raise(EDGE);
  expect(counter.take()).toBe(2);
});

test('platform-fsl 9: a line that could not be had answers its error to every action; the others work', async () => {
  await using card = await openCard({ refuses: EDGE });
  const { file, counter } = card;
  await expect(card.bind(EDGE)).rejects.toMatchObject({ code: 'EBUSY' });
  for (const action of ['mask', 'unmask', 'trigger'] as const) {
    await expect(file.setIrqs({ index: EDGE, action, count: 1 })).rejects.toMatchObject({ code: 'EBUSY' });
  }
  await card.bind(LEVEL);
  await card.raise(LEVEL);
  expect(counter.take()).toBe(1);
});

test('platform-fsl 10: two actions are ENOTTY, two interrupts EINVAL, a second counter to mask by EBUSY', async () => {
  await using card = await openCard();
  const { file, counter } = card;
  const flags = IRQ_SET_FLAGS.dataNone | IRQ_SET_FLAGS.mask | IRQ_SET_FLAGS.unmask;
  for (const both of [flags, IRQ_SET_FLAGS.dataNone]) {
    const argument = irqSet.bytes({ argsz: 20, flags: both, index: LEVEL, start: 0, count: 1 });
    await expect(file.ioctl(DEVICE_SET_IRQS, argument)).rejects.toMatchObject({ code: 'ENOTTY' });
  }
  for (const wrong of [{ count: 2 }, { count: 1, start: 1 }, { count: 3 }]) {
    for (const action of ['trigger', 'mask'] as const) {
      await expect(file.setIrqs({ index: LEVEL, action, ...wrong })).rejects.toMatchObject({ code: 'EINVAL' });
    }
  }
  const mask = (by: InterruptCounter | undefined) => file.setIrqs({ index: LEVEL, action: 'mask', counters: [by] });
  counter.signal();
  await mask(counter);
  await expect(mask(InterruptCounter.create())).rejects.toMatchObject({ code: 'EBUSY' });
  const signals = InterruptCounter.create();
  await file.setIrqs({ index: LEVEL, action: 'trigger', counters: [signals] });
  // Signalled before it was attached: the line is masked.
  await card.raise(LEVEL);
  expect(signals.take()).toBe(0);
  await mask(undefined);
  await mask(InterruptCounter.create());
});

test('a counter for unmasking arms the line when it is signalled', async () => {
  await using card = await openCard();
  const { file, counter } = card;
  const resume = InterruptCounter.create();
  await card.bind(LEVEL);
  await file.setIrqs({ index: LEVEL, action: 'unmask', counters: [resume] });
  await file.write(ASSERT, Uint8Array.of(LEVEL));
  expect(await counter.wait()).toBe(1);
  resume.signal();
  expect(await counter.wait()).toBe(1);
});

test('a bad descriptor to signal leaves the line unbound; one to mask by changes nothing', async () => {
  await using card = await openCard();
  const { file, counter } = card;
  const bad = (action: number) => {
    const flags = IRQ_SET_FLAGS.dataEventfd | action;
    const argument = irqSet.bytes({ argsz: 24, flags, index: LEVEL, start: 0, count: 1 }, 24);
    argument[20] = 77;
    return file.ioctl(DEVICE_SET_IRQS, argument);
  };
  await card.bind(LEVEL);
  await expect(bad(IRQ_SET_FLAGS.mask)).rejects.toMatchObject({ code: 'EBADF' });
  await card.raise(LEVEL);
  expect(counter.take()).toBe(1);
  await file.setIrqs({ index: LEVEL, action: 'unmask', count: 1 });
  await expect(bad(IRQ_SET_FLAGS.trigger)).rejects.toMatchObject({ code: 'EBADF' });
  await card.raise(LEVEL);
  expect(counter.take()).toBe(0);
});

describe('whatever SET_IRQS is given', () => {
  const word = fc.oneof(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 0xffffffff }));
  const flags = fc.oneof(fc.integer({ min: 0, max: 0x7f }), word);
  const argument = fc
    .record({ argsz: fc.oneof(fc.constantFrom(19, 20, 21, 24), word), flags, index: word, start: word, count: word })
    .chain((values) => fc.integer({ min: 0, max: 28 }).map((length) => irqSet.bytes(values, length)));

  test('it answers 0 or an errno of the page, and a refusal changes no line', () => {
    const eventfd = () => InterruptCounter.create();
    fc.assert(
      fc.property(argument, (bytes) => {
        const lines = [new PlatformLine(false, undefined), new PlatformLine(true, undefined)];
        const interrupts = new PlatformInterrupts(lines, () => {});
        const call = { eventfd };
        try {
          void interrupts.set(bytes, call);
        } catch (error) {
          expect((error as { code: string }).code).toMatch(/^(EFAULT|EINVAL|ENOTTY)$/);
          expect(lines.map(({ masked, virqfds }) => masked || virqfds.mask.enabled)).toEqual([false, false]);
        }
        for (const { virqfds } of lines) void Promise.all([virqfds.mask.disable(), virqfds.unmask.disable()]);
      }),
    );
  });
});
