/**
 * Model of an MC object for tests. What happens to it goes into shared words, in order, with its id; a reset waits while a
 * word of its options is 1; it knows a few commands.
 */
import { type ErrnoName, MediatedError } from '@mediated/core';
import { defineMcModel, MC_STATUS, mcCommand, withMcStatus } from '@mediated/vfio/fsl-mc';

const STEPS = ['open', 'reset', 'close', 'write-back', 'uncached', 'release'] as const;
type Step = (typeof STEPS)[number];

export const COMMANDS = {
  /** Answers the words, one higher each. */
  add: 1,
  /** Answers the number of members of the device set, its key, and how often its mutex was taken. */
  members: 2,
  /** Fires the irq in word 1. */
  raise: 3,
  /** Is never answered. */
  silent: 4,
  /** Ends the thread. */
  die: 5,
} as const;

export interface ObjectOptions {
  readonly trace: Int32Array<SharedArrayBuffer>;
  /** Word 0 is 1 while a reset has to wait; word 1 counts the resets that have come to it. */
  readonly hold?: Int32Array<SharedArrayBuffer>;
  readonly fails?: { readonly open?: ErrnoName; readonly reset?: ErrnoName; readonly close?: ErrnoName };
  readonly refuses?: boolean;
}

/** New words for a trace. */
export function newTrace(): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(4096));
}

/** What was traced: `reset 3`; begins anew. */
export function traced(trace: Int32Array<SharedArrayBuffer>): string[] {
  const count = Atomics.exchange(trace, 0, 0);
  return Array.from(trace.subarray(1, 1 + count), (word) => `${STEPS[word >>> 16]} ${word & 0xffff}`);
}

export default defineMcModel((object, options) => {
  const { trace, hold, fails = {}, refuses } = options as ObjectOptions;
  if (refuses === true) throw new MediatedError('EIO', 'it does not answer');
  const id = Number(object.name.split('.')[1]);
  const note = (step: Step): void => {
    trace[1 + Atomics.add(trace, 0, 1)] = (STEPS.indexOf(step) << 16) | id;
  };
  const stepOf = (step: 'open' | 'reset' | 'close'): void => {
    note(step);
    const code = fails[step];
    if (code !== undefined) throw new MediatedError(code, `${object.name} does not ${step}`);
  };
  return {
    command(_region, words) {
      const header = withMcStatus(words[0], MC_STATUS.ok);
      switch (mcCommand(words[0])) {
        case COMMANDS.add:
          return words.map((word, place) => (place === 0 ? header : word + 1n));
        case COMMANDS.members: {
          const answer = new BigUint64Array(8);
          answer[0] = header;
          answer[1] = BigInt(object.device.set.members().length);
          const key = new Uint8Array(answer.buffer, 16);
          key.set(new TextEncoder().encode(object.device.set.key).subarray(0, key.length - 8));
          answer[7] = BigInt(object.device.set.mutex.stats().acquisitions);
          return answer;
        }
        case COMMANDS.raise:
          object.raise(Number(words[1]));
          return BigUint64Array.of(header);
        case COMMANDS.die:
          return process.exit(3);
        default:
          return undefined;
      }
    },
    openObject: () => stepOf('open'),
    async reset() {
      stepOf('reset');
      if (hold === undefined) return;
      Atomics.add(hold, 1, 1);
      Atomics.notify(hold, 1);
      const { async, value } = Atomics.waitAsync(hold, 0, 1);
      if (async) await value;
    },
    closeObject: () => stepOf('close'),
    mapped: (_region, caching) => note(caching),
    release: () => note('release'),
  };
});
