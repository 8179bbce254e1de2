/**
 * What is to go wrong on one parent, as words that all threads of its driver share. Written by the `faults/...`
 * attributes (on the parent's first thread), consumed by creates and removals on any thread.
 *
 * Owner rules. FAIL_... and DELAY_...: a count and what goes with it in one word, so that a compare-and-swap takes exactly
 * one; stored by the attributes. HOLD_CREATE: likewise, a plain count. TICKETS: one more per create that is held, by add.
 * RELEASED: tickets below it may go on; moved by the attributes only. AVAILABLE and what follows: stored by the attributes.
 */
import { type ErrnoName, ERRNO, errnoName } from '@mediated/core';

const FAIL_CREATE = 0;
const DELAY_CREATE = 1;
const HOLD_CREATE = 2;
const FAIL_REMOVE = 3;
const DELAY_REMOVE = 4;
const TICKETS = 5;
const RELEASED = 6;
/** What every type reports, plus one; then, type by type, what that one reports. 0: the truth. */
const AVAILABLE = 7;
/** Types of a parent, at most. */
const MAX_TYPES = 96;
const FAULT_WORDS = AVAILABLE + 1 + MAX_TYPES;

/** Largest count of faults to come. */
export const MAX_COUNT = 32_767;
/** Longest delay in milliseconds. */
export const MAX_DELAY = 65_535;
/** Largest number of instances that can be reported. */
export const MAX_AVAILABLE = 2 ** 30;

const ERRNO_UNIT = 2 ** 12;
const DELAY_UNIT = 2 ** 16;

/** The next `count` operations fail with `code`. */
export interface Failures {
  readonly count: number;
  readonly code: ErrnoName;
}

/** The next `count` operations take `milliseconds` longer. */
export interface Delays {
  readonly count: number;
  readonly milliseconds: number;
}

/** Which operation a fault is for. */
export type Operation = 'create' | 'remove';

export class FaultWords {
  readonly words: Int32Array;

  constructor(words: Int32Array = new Int32Array(FAULT_WORDS)) {
    this.words = words;
  }

  failures(operation: Operation): Failures {
    const value = Atomics.load(this.words, failWord(operation));
    return { count: Math.floor(value / ERRNO_UNIT), code: errnoName(value % ERRNO_UNIT) };
  }

  setFailures(operation: Operation, { count, code }: Failures): void {
    Atomics.store(this.words, failWord(operation), count === 0 ? 0 : count * ERRNO_UNIT + ERRNO[code]);
  }

  /** Takes one failure, if there is one left. */
  takeFailure(operation: Operation): ErrnoName | undefined {
    const taken = this.#take(failWord(operation), ERRNO_UNIT);
    return taken === 0 ? undefined : errnoName(taken % ERRNO_UNIT);
  }

  delays(operation: Operation): Delays {
    const value = Atomics.load(this.words, delayWord(operation));
    return { count: Math.floor(value / DELAY_UNIT), milliseconds: value % DELAY_UNIT };
  }

  setDelays(operation: Operation, { count, milliseconds }: Delays): void {
    Atomics.store(this.words, delayWord(operation), count === 0 ? 0 : count * DELAY_UNIT + milliseconds);
  }

  /** Takes one delay, if there is one left: its milliseconds. */
  takeDelay(operation: Operation): number | undefined {
    const taken = this.#take(delayWord(operation), DELAY_UNIT);
    return taken === 0 ? undefined : taken % DELAY_UNIT;
  }

  /** Creates that will be held. */
  get toHold(): number {
    return Atomics.load(this.words, HOLD_CREATE);
  }

  set toHold(count: number) {
    Atomics.store(this.words, HOLD_CREATE, count);
  }

  /** Creates that are held now. */
  get held(): number {
    return Atomics.load(this.words, TICKETS) - Atomics.load(this.words, RELEASED);
  }

  /** Has a create held, if one is to be: a ticket for {@link released}. */
  takeHold(): number | undefined {
    return this.#take(HOLD_CREATE, 1) === 0 ? undefined : Atomics.add(this.words, TICKETS, 1);
  }

  /** Lets held creates go on, the earliest first; at most those that are held now. */
  release(count: number): void {
    Atomics.add(this.words, RELEASED, Math.min(count, this.held));
    Atomics.notify(this.words, RELEASED);
  }

  /** Until the create with this ticket may go on. */
  async released(ticket: number): Promise<void> {
    const words = this.words as Int32Array<SharedArrayBuffer>;
    for (let released = Atomics.load(words, RELEASED); released <= ticket; released = Atomics.load(words, RELEASED)) {
      const wait = Atomics.waitAsync(words, RELEASED, released);
      if (wait.async) await wait.value;
    }
  }

  /** What a type reports instead of the truth; without a type: what all do that report nothing of their own. */
  reported(type?: number): number | undefined {
    const value = Atomics.load(this.words, availableWord(type));
    return value === 0 ? undefined : value - 1;
  }

  setReported(available: number | undefined, type?: number): void {
    Atomics.store(this.words, availableWord(type), available === undefined ? 0 : available + 1);
  }

  /** Takes one unit off a word that has one: what the word was, or 0. A word below one unit becomes 0. */
  #take(word: number, unit: number): number {
    for (let value = Atomics.load(this.words, word); value !== 0; ) {
      const less = value - unit;
      const found = Atomics.compareExchange(this.words, word, value, less < unit ? 0 : less);
      if (found === value) return value;
      value = found;
    }
    return 0;
  }
}

/** Whether nothing at all is to happen to a create: three plain loads, for the way of every create. */
export function createsAreSound(words: Int32Array): boolean {
  return (words[FAIL_CREATE] | words[DELAY_CREATE] | words[HOLD_CREATE]) === 0;
}

/** {@link createsAreSound}, for removals. */
export function removalsAreSound(words: Int32Array): boolean {
  return (words[FAIL_REMOVE] | words[DELAY_REMOVE]) === 0;
}

function failWord(operation: Operation): number {
  return operation === 'create' ? FAIL_CREATE : FAIL_REMOVE;
}

function delayWord(operation: Operation): number {
  return operation === 'create' ? DELAY_CREATE : DELAY_REMOVE;
}

function availableWord(type: number | undefined): number {
  return type === undefined ? AVAILABLE : AVAILABLE + 1 + type;
}
