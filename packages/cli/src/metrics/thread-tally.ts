/**
 * Counts what happens on the calling thread from its diagnostics channels, until it is closed. One per thread and endpoint: in
 * the actor `meter.ts` on driver threads, in `metrics.ts` on the supervising thread. What it has counted is taken, and then
 * counted from zero.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { isMediatedError } from '@mediated/core';

/** What is counted, with the labels of each. */
export const COUNTS = {
  creates: ['parent', 'type', 'result'],
  removes: ['parent', 'type', 'result'],
  opens: ['parent', 'type', 'result'],
  closes: ['parent', 'type'],
  driver_errors: ['parent', 'callback'],
  failed_tells: ['message'],
} as const;

export type CountName = keyof typeof COUNTS;

/** A count with the values of its labels, in the order of `COUNTS`. */
export interface Counted {
  readonly name: CountName;
  readonly labels: readonly string[];
  readonly count: number;
}

/** Waits for the locks of one class by one operation. */
export interface Waits {
  /** The lock's class: `gate` of `gate: card0`. */
  readonly lock: string;
  readonly operation: string;
  /** How long each took. */
  readonly seconds: readonly number[];
}

/** Waits that are kept until they are taken; more are only counted. */
const MOST_WAITS = 16_384;

/** What was counted since it was last taken. */
export interface TakenTally {
  readonly counts: readonly Counted[];
  readonly waits: readonly Waits[];
  /** Waits of which nobody knows how long they took. */
  readonly unknownWaits: number;
}

interface Message {
  readonly parent?: string;
  readonly type?: string;
  readonly callback?: string;
  readonly message?: string;
  readonly lock?: string;
  readonly operation?: string;
  readonly code?: string;
  readonly error?: unknown;
}

/** Channels, and what each counts. */
const CHANNELS: readonly (readonly [channel: string, count: CountName])[] = [
  ['mediated:mdev:create:end', 'creates'],
  ['mediated:mdev:create:refused', 'creates'],
  ['mediated:mdev:remove:end', 'removes'],
  ['mediated:mdev:remove:refused', 'removes'],
  ['mediated:device:open', 'opens'],
  ['mediated:device:open:refused', 'opens'],
  ['mediated:device:close', 'closes'],
  ['mediated:driver:error', 'driver_errors'],
  ['mediated:tell:failed', 'failed_tells'],
];

/** Between values of labels in a key: in none of them. */
const SEPARATOR = '\n';

export class ThreadTally {
  readonly #listeners = new Map<string, (message: unknown) => void>();
  #counts = new Map<string, number>();
  #waits = new Map<string, number[]>();
  #kept = 0;
  #unknown = 0;
  /** When waits began that have not ended, in seconds; a thread can await several locks. */
  readonly #waiting = new Map<string, number[]>();

  constructor() {
    for (const [channel, name] of CHANNELS) this.#listen(channel, (message) => this.#count(name, message));
    this.#listen('mediated:lock:wait:start', (message) => this.#begin(message));
    this.#listen('mediated:lock:wait:end', (message) => this.#end(message));
  }

  take(): TakenTally {
    const counts = [...this.#counts].map(([key, count]) => {
      const [name, ...labels] = key.split(SEPARATOR);
      return { name: name as CountName, labels, count };
    });
    const waits = [...this.#waits].map(([key, seconds]) => {
      const [lock, operation] = key.split(SEPARATOR);
      return { lock, operation, seconds };
    });
    const unknownWaits = this.#unknown;
    this.#counts = new Map();
    this.#waits = new Map();
    this.#kept = this.#unknown = 0;
    return { counts, waits, unknownWaits };
  }

  close(): void {
    for (const [channel, listener] of this.#listeners) unsubscribe(channel, listener);
    this.#listeners.clear();
  }

  #listen(channel: string, heard: (message: Message) => void): void {
    const listener = (message: unknown) => heard(message as Message);
    this.#listeners.set(channel, listener);
    subscribe(channel, listener);
  }

  #count(name: CountName, message: Message): void {
    const labels = COUNTS[name].map((label) => (label === 'result' ? resultOf(message) : (message[label] ?? '')));
    const key = [name, ...labels].join(SEPARATOR);
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  #begin(message: Message): void {
    const key = waitOf(message);
    const begun = this.#waiting.get(key);
    if (begun === undefined) this.#waiting.set(key, [performance.now() / 1000]);
    else begun.push(performance.now() / 1000);
  }

  #end(message: Message): void {
    const key = waitOf(message);
    const begun = this.#waiting.get(key);
    // Waiters of one lock are served in their order. One that waited before we listened has no beginning.
    const start = begun?.shift();
    if (begun?.length === 0) this.#waiting.delete(key);
    if (start === undefined) return;
    if (this.#kept === MOST_WAITS) {
      this.#unknown++;
      return;
    }
    this.#kept++;
    const seconds = performance.now() / 1000 - start;
    const waits = this.#waits.get(key);
    if (waits === undefined) this.#waits.set(key, [seconds]);
    else waits.push(seconds);
  }
}

function waitOf({ lock = '', operation = '' }: Message): string {
  return [lock.split(':')[0], operation].join(SEPARATOR);
}

/** The errno's name with which it ended; `ok` without one. */
function resultOf({ code, error }: Message): string {
  if (code !== undefined) return code;
  if (error === undefined) return 'ok';
  return isMediatedError(error) ? error.code : 'EIO';
}
