/**
 * Model of a network card for tests: region 0 is registers. What happens to it goes into shared words, in order; a word
 * of its options holds its power-on and keeps the reset function waiting.
 */
import { definePlatformModel } from '@mediated/vfio/platform';
import { MediatedError } from '@mediated/core';

/** What is traced; `read` and `write` with offset and width. */
export const STEPS = ['reset', 'on', 'off', 'request', 'free', 'read', 'write'] as const;

/** Registers: a write of an irq's number to RAISE fires it, to ASSERT and RELEASE sets its level. */
export const RESET = 0;
export const RAISE = 4;
export const ASSERT = 8;
export const RELEASE = 12;
/** Any write fails. */
export const BROKEN = 16;
/** Any write is the end of the thread. */
export const DIE = 20;

export interface NicOptions {
  readonly trace: Int32Array<SharedArrayBuffer>;
  /** Word that is 1 while power-on has to wait. */
  readonly hold?: Int32Array<SharedArrayBuffer>;
  /** The line that cannot be had. */
  readonly refuses?: number;
}

/** New words for a trace. */
export function newTrace(): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(4096));
}

/** What was traced, as words; begins anew. */
export function traced(trace: Int32Array<SharedArrayBuffer>): string[] {
  const steps = Array.from(trace.subarray(1, 1 + Atomics.load(trace, 0)), (word) => {
    const step = STEPS[word >>> 16];
    return step === 'read' || step === 'write' ? `${step} ${(word >>> 4) & 0xfff}/${word & 15}` : step;
  });
  Atomics.store(trace, 0, 0);
  return steps;
}

export default definePlatformModel((nic, options) => {
  const { trace, hold, refuses } = options as NicOptions;
  const note = (step: (typeof STEPS)[number], detail = 0): void => {
    trace[1 + Atomics.add(trace, 0, 1)] = (STEPS.indexOf(step) << 16) | detail;
  };
  return {
    read(_region, offset, into) {
      note('read', (offset << 4) | into.length);
      for (let i = 0; i < into.length; i++) into[i] = offset + i;
    },
    async write(_region, offset, bytes) {
      const value = bytes[0];
      if (offset === RESET && bytes.length === 4) return note('reset');
      note('write', (offset << 4) | bytes.length);
      if (offset === RAISE) nic.raise(value);
      if (offset === ASSERT) nic.line(value, true);
      if (offset === RELEASE) nic.line(value, false);
      if (offset === DIE) process.exit(3);
      if (offset === BROKEN) throw new MediatedError('EIO', 'the card does not answer');
    },
    reset: () => note('reset'),
    async power(on) {
      note(on ? 'on' : 'off');
      if (!on || hold === undefined) return;
      Atomics.add(hold, 1, 1);
      Atomics.notify(hold, 1);
      const { async, value } = Atomics.waitAsync(hold, 0, 1);
      if (async) await value;
    },
    requestIrq(irq) {
      if (irq === refuses) throw new MediatedError('EBUSY', 'somebody has the line');
      note('request');
    },
    freeIrq: () => note('free'),
  };
});
