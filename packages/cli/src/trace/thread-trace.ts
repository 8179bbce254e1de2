/**
 * Collects what happens on the calling thread from its diagnostics channels, as records, until it is closed. One per recording
 * and thread: by the actor `tracer.ts` on driver threads, by `recorder.ts` on the supervising thread. Bounded: what nobody
 * takes in time is counted and left out.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { TraceRecord } from './trace-record.js';

/** Records that wait to be taken, at most. */
const MOST_RECORDS = 65_536;
/** So many are taken at once without further waiting. */
const FULL_BATCH = 1024;
/** Milliseconds after the first record until a smaller batch is taken. */
const BATCH_DELAY = 50;

/** Spans by the prefix of their channels, which end in `:start` and `:end`. */
const SPANS: Readonly<Record<string, string>> = {
  'mediated:mdev:create': 'create',
  'mediated:mdev:probe': 'probe',
  'mediated:mdev:unbind': 'unbind',
  'mediated:mdev:remove': 'remove',
  'mediated:lock:wait': 'lock wait',
};

/** Moments by their channels. */
const MARKS: Readonly<Record<string, string>> = {
  'mediated:mdev:create:refused': 'create refused',
  'mediated:mdev:remove:refused': 'remove refused',
  'mediated:device:open': 'device open',
  'mediated:device:open:refused': 'open refused',
  'mediated:device:close': 'device close',
  'mediated:device:in-use': 'device in use',
  'mediated:driver:error': 'driver error',
  'mediated:tell:failed': 'tell failed',
  'mediated:driver:loaded': 'driver loaded',
  'mediated:driver:unloaded': 'driver unloaded',
  'mediated:parent:registered': 'parent registered',
  'mediated:parent:unregistering': 'parent unregistering',
  'mediated:parent:unregistered': 'parent unregistered',
  'mediated:thread:start': 'thread start',
  'mediated:thread:stop': 'thread stop',
  'mediated:thread:died': 'thread died',
  'mediated:thread:restart': 'thread restart',
};

/** Fields of messages that tell what they are about, the most telling first. */
const SUBJECTS = ['uuid', 'lock', 'parent', 'driver', 'name'] as const;

/** What was collected since the last time. */
export interface TakenRecords {
  readonly records: readonly TraceRecord[];
  readonly lost: number;
  /** Nothing more will come. */
  readonly last: boolean;
}

export class ThreadTrace {
  readonly #listeners = new Map<string, (message: unknown) => void>();
  #records: TraceRecord[] = [];
  #lost = 0;
  #closed = false;
  #timer: NodeJS.Timeout | undefined;
  /** Who waits for records. */
  #taker: ((taken: TakenRecords) => void) | undefined;

  constructor() {
    for (const [prefix, name] of Object.entries(SPANS)) {
      this.#listen(`${prefix}:start`, 'begin', name);
      this.#listen(`${prefix}:end`, 'end', name);
    }
    for (const [channel, name] of Object.entries(MARKS)) this.#listen(channel, 'mark', name);
  }

  /** Waits until there is something, and takes it. One taker at a time. */
  take(): Promise<TakenRecords> {
    return new Promise((resolve) => {
      this.#taker = resolve;
      if (this.#closed || this.#records.length >= FULL_BATCH) this.#give();
      else if (this.#records.length > 0) this.#arm();
    });
  }

  /** Stops listening; whoever waits gets what is left. */
  close(): void {
    for (const [channel, listener] of this.#listeners) unsubscribe(channel, listener);
    this.#listeners.clear();
    this.#closed = true;
    this.#give();
  }

  #listen(channel: string, phase: TraceRecord['phase'], name: string): void {
    const listener = (message: unknown) => this.#add(phase, name, message as Readonly<Record<string, unknown>>);
    this.#listeners.set(channel, listener);
    subscribe(channel, listener);
  }

  #add(phase: TraceRecord['phase'], name: string, message: Readonly<Record<string, unknown>>): void {
    if (this.#records.length >= MOST_RECORDS) {
      this.#lost++;
      return;
    }
    const at = Number(process.hrtime.bigint()) / 1000;
    const subject = SUBJECTS.find((field) => typeof message[field] === 'string');
    const details = Object.entries(message).filter(([field, value]) => field !== subject && value !== undefined);
    this.#records.push({
      phase,
      name,
      at,
      subject: subject === undefined ? '' : String(message[subject]),
      ...(details.length === 0
        ? {}
        : { details: Object.fromEntries(details.map(([field, value]) => [field, textOf(value)])) }),
    });
    if (this.#taker === undefined) return;
    if (this.#records.length >= FULL_BATCH) this.#give();
    else this.#arm();
  }

  #arm(): void {
    this.#timer ??= setTimeout(() => this.#give(), BATCH_DELAY);
  }

  #give(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const taker = this.#taker;
    if (taker === undefined) return;
    this.#taker = undefined;
    const taken = { records: this.#records, lost: this.#lost, last: this.#closed };
    this.#records = [];
    this.#lost = 0;
    taker(taken);
  }
}

function textOf(value: unknown): string {
  return value instanceof Error ? value.message : String(value);
}
