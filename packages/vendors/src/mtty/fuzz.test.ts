/**
 * Replays what a real kernel's mtty answered to random accesses, interrupt set-ups and resets, interrupts counted:
 * test/oracle/05-fuzz-mtty-{1,2}.jsonl, twenty traces of 500 steps each.
 */
import { readFileSync } from 'node:fs';
import { isMediatedError } from '@mediated/core';
import { MttyCard, REGION_BYTES } from '#dist/mtty/card.js';
import { INTX, IRQ_INDEXES, MSI } from '#dist/mtty/interrupts.js';
import { IRQ_ACTION_TRIGGER, IRQ_DATA_EVENTFD } from '#dist/mtty/irq-set.js';
import { describe, expect, test } from 'vitest';

/** `[op, region, offset, size, value, result, irq]`, or `['i', index, flags, count, data, ret, irq]`. */
type Step = readonly ['r' | 'w' | 'i' | 'x', number, number, number, string, string | number, number];

interface Trace {
  seed: number;
  irq_setup: 'none' | 'intx' | 'msi';
  steps: Step[];
}

const FD = 7;

function traces(ports: number): Trace[] {
  const text = readFileSync(new URL(`../../../../test/oracle/05-fuzz-mtty-${ports}.jsonl`, import.meta.url), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Trace);
}

const fdBytes = (fd: number) => new Uint8Array(Int32Array.of(fd).buffer);

/** The card as the traces drive it: with one eventfd, whose counter is read after every step. */
class Replay {
  readonly card: MttyCard;
  signals = 0;

  constructor(ports: 1 | 2, setup: Trace['irq_setup']) {
    this.card = new MttyCard(ports);
    this.card.interrupts.told = IRQ_INDEXES;
    if (setup === 'none') return;
    const flags = IRQ_DATA_EVENTFD | IRQ_ACTION_TRIGGER;
    this.irqs(setup === 'intx' ? INTX : MSI, flags, 1, fdBytes(FD));
  }

  irqs(index: number, flags: number, count: number, data: Uint8Array): void {
    const eventfd = { signal: () => void this.signals++, release: () => {} };
    this.card.interrupts.set({ index, flags, start: 0, count, data }, () => eventfd);
  }

  step([operation, first, second, third, value]: Step): string | number {
    try {
      if (operation === 'x') return 0;
      if (operation === 'i') {
        const data = value === 'fd' ? fdBytes(FD) : value === 'fd-1' ? fdBytes(-1) : Buffer.from(value, 'hex');
        this.irqs(first, second, third, data);
        return 0;
      }
      const position = first * REGION_BYTES + second;
      if (operation === 'w') return this.card.write(position, Buffer.from(value, 'hex'));
      const bytes = Buffer.alloc(third, 0xee);
      this.card.read(position, bytes);
      return bytes.toString('hex');
    } catch (error) {
      if (isMediatedError(error)) return error.errno;
      throw error;
    }
  }
}

describe.each([1, 2] as const)('mtty-%i answers as the kernel did', (ports) => {
  test.each(traces(ports).map((trace) => [trace.seed, trace] as const))('seed %i', (_, { irq_setup, steps }) => {
    const replay = new Replay(ports, irq_setup);
    for (const [number, step] of steps.entries()) {
      const before = replay.signals;
      const result = replay.step(step);
      expect([result, replay.signals - before], `step ${number}: ${step}`).toEqual([step[5], step[6]]);
    }
  });
});
