/**
 * Replays what a real kernel's mtty answered to random accesses, interrupt set-ups and resets, interrupts counted:
 * test/oracle/05-fuzz-mtty-{1,2}.jsonl, twenty traces of 500 steps each.
 */
import { describe, expect, test } from 'vitest';
import {
  type FuzzSubject,
  type FuzzTrace,
  fuzzDifferences,
  fuzzTraces,
} from '../../dist-fixtures/fuzz-replay.fixture.js';
import { MttyCard, REGION_BYTES } from '#dist/mtty/card.js';
import { INTX, IRQ_INDEXES, MSI } from '#dist/mtty/interrupts.js';
import { IRQ_SET_BYTES, IRQ_SET_FLAGS, irqSet } from '@mediated/vfio/uapi';

const FD = 7;

const fdBytes = (fd: number) => new Uint8Array(Int32Array.of(fd).buffer);

/** The card as the traces drive it: with one eventfd, whose counter is read after every step. */
class Subject implements FuzzSubject {
  readonly card: MttyCard;
  signals = 0;

  constructor(ports: 1 | 2, setup: FuzzTrace['irq_setup']) {
    this.card = new MttyCard(ports);
    this.card.interrupts.told = IRQ_INDEXES;
    if (setup === 'none') return;
    this.setIrqs(setup === 'intx' ? INTX : MSI, IRQ_SET_FLAGS.dataEventfd | IRQ_SET_FLAGS.trigger, 1, 'fd');
  }

  read(region: number, offset: number, into: Uint8Array): number {
    return this.card.read(region * REGION_BYTES + offset, into);
  }

  write(region: number, offset: number, bytes: Uint8Array): number {
    return this.card.write(region * REGION_BYTES + offset, bytes);
  }

  reset(): void {
    this.card.migration.reset();
  }

  setIrqs(index: number, flags: number, count: number, value: string): void {
    const data = value === 'fd' ? fdBytes(FD) : value === 'fd-1' ? fdBytes(-1) : Buffer.from(value, 'hex');
    const argsz = IRQ_SET_BYTES + data.length;
    const argument = irqSet.bytes({ argsz, index, flags, start: 0, count }, argsz);
    argument.set(data, IRQ_SET_BYTES);
    this.card.interrupts.set(argument, { eventfd: () => ({ signal: () => void this.signals++ }) });
  }
}

describe.each([1, 2] as const)('mtty-%i answers as the kernel did', (ports) => {
  test.each(fuzzTraces(`mtty-${ports}`))('seed %i', (_, trace) => {
    expect(fuzzDifferences(new Subject(ports, trace.irq_setup), trace)).toEqual([]);
  });
});
