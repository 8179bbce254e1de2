/**
 * What a runtime counts, as OpenMetrics: what its threads tell on their diagnostics channels, what it keeps in shared memory, and
 * what is there at the moment of asking. Supervising thread; one per endpoint.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Runtime } from '@mediated/core';
import { Counter, Gauge, Histogram, type OpenMetricsContentType, Registry } from 'prom-client';
import { Meters } from './meters.js';
import { COUNTS, type CountName, type TakenTally } from './thread-tally.js';

const HELP: Readonly<Record<CountName, string>> = {
  creates: 'Creates of devices, by result: ok or the name of an errno',
  removes: 'Removals of devices, by result: ok or the name of an errno',
  opens: 'Opens of devices, by result: ok or the name of an errno',
  closes: 'Closes of devices',
  driver_errors: 'Callbacks of drivers that failed where nobody can be told',
  failed_tells: 'Messages without a reply whose handler threw',
};

/** Upper bounds of the histogram of waits, in seconds. */
const WAIT_BOUNDS = [0.00001, 0.0001, 0.001, 0.01, 0.1, 1, 10];

/** Channels of a thread's life, published on this thread. */
const LIVES = [
  ['mediated:thread:died', 'thread_deaths', 'Threads that ended without being asked to'],
  ['mediated:thread:restart', 'thread_restarts', 'Threads that were started again after their death'],
] as const;

export class Metrics {
  static readonly CONTENT_TYPE: OpenMetricsContentType = Registry.OPENMETRICS_CONTENT_TYPE;
  readonly #runtime: Runtime;
  readonly #meters: Meters;
  readonly #registry = new Registry<OpenMetricsContentType>();
  readonly #counters = new Map<CountName, Counter>();
  readonly #waits: Histogram;
  readonly #unknownWaits: Counter;
  readonly #listeners = new Map<string, (message: unknown) => void>();
  /** The answer that is being made; who asks meanwhile gets the same. */
  #answer: Promise<string> | undefined;

  private constructor(runtime: Runtime, meters: Meters) {
    this.#runtime = runtime;
    this.#meters = meters;
    this.#registry.setContentType(Metrics.CONTENT_TYPE);
    for (const [name, labels] of Object.entries(COUNTS) as [CountName, readonly string[]][]) {
      this.#counters.set(name, this.#counter(name, HELP[name], labels));
    }
    this.#waits = new Histogram({
      name: 'mediated_lock_wait_seconds',
      help: 'How long threads waited for a lock, after spinning in vain, by the class of the lock',
      labelNames: ['lock', 'operation'],
      buckets: WAIT_BOUNDS,
      registers: [this.#registry],
    });
    this.#unknownWaits = this.#counter(
      'lock_waits_unknown',
      'Waits that were too many to be kept in the histogram',
      [],
    );
    for (const [channel, name, help] of LIVES) {
      const counter = this.#counter(name, help, ['thread']);
      const listener = (message: unknown) => counter.inc({ thread: (message as { name: string }).name });
      this.#listeners.set(channel, listener);
      subscribe(channel, listener);
    }
    this.#watchDevices();
    this.#watchThreads();
    this.#watchLocks();
  }

  /** Counts from now on, on all threads once it resolves. */
  static async start(runtime: Runtime): Promise<Metrics> {
    return new Metrics(runtime, await Meters.start(runtime.system));
  }

  /** Everything, as OpenMetrics text. */
  text(): Promise<string> {
    this.#answer ??= this.#collect().finally(() => {
      this.#answer = undefined;
    });
    return this.#answer;
  }

  async stop(): Promise<void> {
    for (const [channel, listener] of this.#listeners) unsubscribe(channel, listener);
    await this.#meters.stop();
  }

  async #collect(): Promise<string> {
    for (const tally of await this.#meters.take()) this.#add(tally);
    return await this.#registry.metrics();
  }

  #add({ counts, waits, unknownWaits }: TakenTally): void {
    for (const { name, labels, count } of counts) {
      const values = Object.fromEntries(COUNTS[name].map((label, index) => [label, labels[index]]));
      if ('type' in values) values.type = this.#directoryName(values.parent, values.type);
      this.#counters.get(name)?.inc(values, count);
    }
    for (const { lock, operation, seconds } of waits) {
      for (const taken of seconds) this.#waits.observe({ lock, operation }, taken);
    }
    this.#unknownWaits.inc(unknownWaits);
  }

  /** A type as its directory is called, `mtty-2`: drivers call it `2`. */
  #directoryName(parent: string, type: string): string {
    const found = this.#runtime.bus.parents().find(({ name }) => name === parent);
    return found?.types.find(({ id }) => id === type || id.endsWith(`-${type}`))?.id ?? type;
  }

  #watchDevices(): void {
    const { bus } = this.#runtime;
    const states = (gauge: Gauge) => {
      for (const { parent, type, presence } of bus.mdevs()) {
        gauge.inc({ parent: parent.name, type, state: presence.driver ? 'bound' : 'unbound' });
      }
    };
    this.#gauge(
      'devices',
      'Devices, by parent, type and whether a driver is bound to them',
      ['parent', 'type', 'state'],
      states,
    );
    this.#gauge('parents', 'Registered parents, by driver', ['driver'], (gauge) => {
      for (const { driver } of bus.parents()) gauge.inc({ driver });
    });
  }

  #watchThreads(): void {
    const { system } = this.#runtime;
    const counted = [
      ['requests_handled', 'handled', 'Requests that a thread has handled; from zero after its restart'],
      ['requests_sent', 'sent', 'Requests that a thread has sent'],
      ['requests_delayed', 'backlogged', 'Requests that had to wait for room in a full inbox'],
      ['thread_sleeps', 'parks', 'Times that a thread went to sleep'],
    ] as const;
    for (const [name, field, help] of counted) {
      this.#counter(name, help, ['thread'], (counter) => {
        for (const statistics of system.statistics()) counter.inc({ thread: statistics.name }, statistics[field]);
      });
    }
    this.#gauge('inbox_unread', 'Messages in the inbox of a thread, replies included', ['thread'], (gauge) => {
      for (const { name, unread } of system.statistics()) gauge.inc({ thread: name }, unread);
    });
  }

  #watchLocks(): void {
    const counted = [
      ['lock_contended', 'contended', 'Takes of a lock that met another thread, and tries that a gate refused'],
      ['lock_owner_deaths', 'ownerDeaths', 'Locks whose owner died holding them'],
    ] as const;
    for (const [name, field, help] of counted) {
      this.#counter(name, help, ['lock', 'kind'], (counter) => {
        for (const { name: lock, kind, stats } of this.#runtime.lockStatistics()) {
          counter.inc({ lock: lock.split(':')[0], kind }, stats[field]);
        }
      });
    }
  }

  /** `now`: where the count is kept elsewhere, it is read anew for each answer. */
  #counter(name: string, help: string, labels: readonly string[], now?: (counter: Counter) => void): Counter {
    return new Counter({
      name: `mediated_${name}_total`,
      help,
      labelNames: [...labels],
      registers: [this.#registry],
      ...(now === undefined ? {} : { collect: afresh<Counter>(now) }),
    });
  }

  #gauge(name: string, help: string, labels: readonly string[], now: (gauge: Gauge) => void): void {
    const collect = afresh<Gauge>(now);
    new Gauge({
      name: `mediated_${name}`,
      help,
      labelNames: [...labels],
      registers: [this.#registry],
      collect,
    });
  }
}

/** A metric that is emptied and filled whenever it is collected; `this` is the metric, as prom-client has it. */
function afresh<Kind extends { reset(): void }>(fill: (metric: Kind) => void): (this: Kind) => void {
  return function () {
    this.reset();
    fill(this);
  };
}
