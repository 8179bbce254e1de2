/**
 * What a storm rages on: a runtime with mtty cards and parents of the storm's own driver, both on several threads.
 * Made, changed and closed by the supervising thread only.
 */
import { type Bus, type GateKind, Runtime } from '@mediated/core';
import { mttyUrl } from '@mediated/vendors';
import { Audit } from './audit.js';
import { Random } from './random.js';
import { STORM_DRIVER, STORM_MAXIMUM, STORM_TYPES, stormDriverUrl } from './storm-driver.js';
import type { ParentChoice } from './user.js';

const MTTY_DRIVER = 'mtty';
/** Ports of all cards together. */
export const MTTY_PORTS = 24;
/** Most threads of one driver. */
const MOST_DRIVER_THREADS = 16;
/** Device slots: far more than UUIDs, because free slots lie in the lists of several threads. */
const MAX_DEVICES = 16_384;
const UUIDS_PER_PARENT = 8;

/** What a bench is made of. */
export interface BenchOptions {
  readonly gate: GateKind;
  readonly seed: number;
  /** Parents named mtty0, mtty1... */
  readonly cards: number;
  /** Parents named storm0, storm1... */
  readonly stormParents: number;
  /** UUIDs that users shall meet besides the bench's own. */
  readonly uuids?: readonly string[];
}

/** A parent of the bench, registered or not. */
export interface BenchParent extends ParentChoice {
  readonly driver: string;
  /** Limit of the core's instance counter, undefined when the driver counts by itself. */
  readonly maximum: number | undefined;
  /** Its driver writes the audit. */
  readonly audited: boolean;
  readonly threads: number;
}

export class Bench {
  readonly runtime: Runtime;
  readonly parents: readonly BenchParent[];
  readonly uuids: readonly string[];
  readonly audit: Audit;
  readonly gate: GateKind;
  readonly seed: number;

  private constructor(runtime: Runtime, options: BenchOptions) {
    this.runtime = runtime;
    this.gate = options.gate;
    this.seed = options.seed;
    const cards = Array.from({ length: options.cards }, (_, at) => ({
      name: `mtty${at}`,
      driver: MTTY_DRIVER,
      types: ['mtty-1', 'mtty-2'],
      maximum: undefined,
      audited: false,
      threads: 1,
    }));
    const stormThreads = Math.min(options.stormParents, MOST_DRIVER_THREADS);
    const own = Array.from({ length: options.stormParents }, (_, at) => ({
      name: `storm${at}`,
      driver: STORM_DRIVER,
      types: STORM_TYPES.map((type) => `${STORM_DRIVER}-${type}`),
      maximum: STORM_MAXIMUM,
      audited: true,
      // Every other parent is served by two threads, which contend for its gate.
      threads: at % 2 === 1 ? Math.min(2, stormThreads) : 1,
    }));
    this.parents = [...cards, ...own];
    const random = new Random(options.seed, 0xffff);
    const fresh = Array.from({ length: this.parents.length * UUIDS_PER_PARENT }, () => random.uuid());
    this.uuids = [...(options.uuids ?? []), ...fresh];
    this.audit = Audit.create(
      own.map(({ name }) => name),
      this.uuids,
      MAX_DEVICES,
    );
  }

  /** Starts the runtime, loads both drivers and registers every parent. */
  static async start(options: BenchOptions): Promise<Bench> {
    const bench = new Bench(Runtime.start({ gate: options.gate, maxDevices: MAX_DEVICES }), options);
    try {
      const { cards, stormParents } = options;
      if (cards > 0) await bench.runtime.loadDriver(mttyUrl, { threads: Math.min(cards, MOST_DRIVER_THREADS) });
      if (stormParents > 0) {
        const threads = Math.min(stormParents, MOST_DRIVER_THREADS);
        await bench.runtime.loadDriver(stormDriverUrl, { threads, options: bench.audit.handle });
      }
      for (const parent of bench.parents) await bench.register(parent);
    } catch (error) {
      await bench.runtime.close();
      throw error;
    }
    return bench;
  }

  get bus(): Bus {
    return this.runtime.bus;
  }

  async register(parent: BenchParent): Promise<void> {
    const { name, driver, threads } = parent;
    if (parent.audited) this.audit.setRegistered(name, true);
    await this.runtime.registerParent({ name, driver, threads });
  }

  async unregister(parent: BenchParent): Promise<void> {
    await this.runtime.unregisterParent(parent.name);
    if (parent.audited) this.audit.setRegistered(parent.name, false);
  }

  /** Unloads the drivers and ends the runtime. */
  async close(): Promise<void> {
    await this.runtime.close();
  }
}
