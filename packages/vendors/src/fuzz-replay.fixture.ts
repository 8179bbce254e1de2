/**
 * Recordings of random accesses to a real kernel's devices (`test/oracle/05-fuzz-*.jsonl`) and their replay against the
 * registers of a driver, without a bus. Used by the drivers' fuzz tests.
 */
import { readFileSync } from 'node:fs';
import { isMediatedError } from '@mediated/core';

/** `[op, region, offset, size, value, result, irq]`, or `['i', index, flags, count, data, ret, irq]`. */
export type FuzzStep = readonly ['r' | 'w' | 'i' | 'x', number, number, number, string, string | number, number];

/** One trace, from a freshly created device that was opened and asked for its regions. */
export interface FuzzTrace {
  readonly seed: number;
  readonly irq_setup: 'none' | 'intx' | 'msi';
  readonly steps: readonly FuzzStep[];
}

/** The device that is asked. Throws a `MediatedError` to answer an errno. */
export interface FuzzSubject {
  /** Signals of the one eventfd so far. */
  readonly signals: number;
  read(region: number, offset: number, into: Uint8Array): number;
  write(region: number, offset: number, bytes: Uint8Array): number;
  reset(): void;
  setIrqs(index: number, flags: number, count: number, data: string): void;
}

/** The traces of a type, by seed. */
export function fuzzTraces(type: string): (readonly [seed: number, trace: FuzzTrace])[] {
  const text = readFileSync(new URL(`../../../test/oracle/05-fuzz-${type}.jsonl`, import.meta.url), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as FuzzTrace)
    .map((trace) => [trace.seed, trace] as const);
}

/** Makes every step; a line for each answer, or count of signals, that is not the recorded one. */
export function fuzzDifferences(subject: FuzzSubject, { steps }: FuzzTrace): string[] {
  return steps.flatMap((step, number) => {
    const before = subject.signals;
    const result = answer(subject, step);
    const signals = subject.signals - before;
    if (result === step[5] && signals === step[6]) return [];
    return `step ${number}, ${JSON.stringify(step)}: answered ${result}, ${signals} signals`;
  });
}

function answer(subject: FuzzSubject, [operation, first, second, third, value]: FuzzStep): string | number {
  try {
    switch (operation) {
      case 'x':
        subject.reset();
        return 0;
      case 'i':
        subject.setIrqs(first, second, third, value);
        return 0;
      case 'w':
        return subject.write(first, second, Buffer.from(value, 'hex'));
      case 'r': {
        // What a driver forgets to fill shows.
        const bytes = Buffer.alloc(third, 0xee);
        subject.read(first, second, bytes);
        return bytes.toString('hex');
      }
    }
  } catch (error) {
    if (isMediatedError(error)) return error.errno;
    throw error;
  }
}
