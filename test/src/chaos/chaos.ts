/**
 * A chaos run: clients storm a bus and a yard of locks, parents are unregistered and registered again, and meanwhile threads
 * are killed one after the other, several at a time. Every so many kills everybody rests and everything is counted.
 * Called by `main.ts` and by its test; belongs to the thread that supervises the runtime.
 */
import { type GateKind, isMediatedError, Runtime } from '@mediated/core';
import {
  CHECKS,
  type CheckName,
  compareFootprints,
  type Footprint,
  readDead,
  readFootprint,
  type Subject,
  takeCensus,
  takeEmptyCensus,
  type Violation,
} from './census.js';
import { BREAKAGES, type Breakage } from './breakage.js';
import { CHAOS_DRIVER, type ChaosDriverOptions, chaosDriverUrl } from './chaos-driver.js';
import { CLIENT_SORTS, Clients, type ClientSort } from './clients.js';
import { HostedThreads } from './hosted-threads.js';
import { LockYard } from './lock-yard.js';
import { ORDER_WORDS } from './order.js';
import { type Plan, planKill, planText } from './plan.js';
import { Random } from './random.js';
import { within } from './time.js';
import { UeventBalance } from './uevent-balance.js';

export interface ChaosOptions {
  readonly kills: number;
  readonly seed: number;
  readonly gate: GateKind;
  /** Number of the first kill: plans follow from seed and number, what clients do from this one. */
  readonly from?: number;
  /** Kills between two counts; default 100. */
  readonly checkEvery?: number;
  readonly progress?: (report: ChaosReport) => void;
  /** Aborted: no more kills, one last count. */
  readonly signal?: AbortSignal;
  /** Something that is broken on purpose (`breakage.ts`). */
  readonly breakage?: Breakage;
  /** Milliseconds: what does not come to rest in this time, never does; default 30,000. */
  readonly patience?: number;
  /** Milliseconds: what does not come out right in this time, never does; default 10,000. */
  readonly settling?: number;
}

export interface FoundViolation extends Violation {
  /** How many kills there had been. */
  readonly kills: number;
}

export interface ChaosReport {
  readonly gate: GateKind;
  readonly kills: number;
  /** Threads that have ended; as many as there were kills, unless something is wrong. */
  readonly deaths: number;
  /** Kills by victim and way. */
  readonly byWay: ReadonlyMap<string, number>;
  readonly seconds: number;
  /** Seconds of a core that the process has taken. */
  readonly cpuSeconds: number;
  /** Single checks that held. */
  readonly passed: number;
  readonly violations: readonly FoundViolation[];
  /** The last kills before the first violation, the newest last. */
  readonly lastKills: readonly string[];
  /** Longest step of a client that has survived it, in milliseconds, and which. */
  readonly longestStall: { readonly milliseconds: number; readonly step: string };
  /** Longest time until a count came out right after everybody had come to rest, in milliseconds. */
  readonly longestSettling: number;
  readonly unregistered: number;
  readonly restarts: number;
  readonly clients: number;
}

/** Threads of the driver, and its parents: each uses so many of them. */
const DRIVER_THREADS = 2;
const PARENTS = [
  { name: 'one', threads: 1 },
  { name: 'both', threads: 2 },
  { name: 'two', threads: 2 },
];
const SORTS: readonly ClientSort[] = [
  CLIENT_SORTS[0],
  CLIENT_SORTS[1],
  CLIENT_SORTS[2],
  CLIENT_SORTS[3],
  CLIENT_SORTS[0],
  CLIENT_SORTS[1],
  CLIENT_SORTS[1],
];
const UUIDS = 20;
/** Threads that are being killed at the same time. */
const KILLERS = 8;
const CHECK_EVERY = 100;
/** Every so many counts the bus is emptied first. */
const EMPTY_EVERY = 2;
const PATIENCE = 30_000;
const SETTLING = 10_000;
/** A survivor's step takes no longer, in milliseconds (docs/chaos.md). */
const STALL_BOUND = 25_000;
/** The refcount gate starves while operations overlap (mdev-core 15): then clients make way. */
const STARVED = 300;
const KEPT_KILLS = 12;
const MOST_VIOLATIONS = 20;
/** Counts until the process has grown to its size: libuv's threads, V8's. */
const WARM_COUNTS = 2;

export class Chaos {
  readonly #options: ChaosOptions;
  readonly #runtime: Runtime;
  readonly #yard = LockYard.create();
  readonly #orders = new Int32Array(new SharedArrayBuffer(DRIVER_THREADS * ORDER_WORDS * 4));
  readonly #clients: Clients;
  readonly #events: UeventBalance;
  readonly #started = performance.now();
  readonly #violations: FoundViolation[] = [];
  readonly #kept: string[] = [];
  readonly #byWay = new Map<string, number>();
  #hosted!: HostedThreads;
  #next: number;
  #kills = 0;
  #passed = 0;
  #counts = 0;
  #restarts = 0;
  #unregistered = 0;
  #stall = { milliseconds: 0, step: '' };
  #settling = 0;
  /** The parent that is being unregistered in the middle of a storm. */
  #leaving: string | undefined;
  #footprint: { reading: Footprint; controlDeaths: number } | undefined;

  private constructor(options: ChaosOptions) {
    this.#options = options;
    this.#next = options.from ?? 0;
    const { seed, gate } = options;
    this.#runtime = Runtime.start({
      gate,
      maxDevices: 4096,
      restart: { intensity: 0x7fff_ffff, period: 1 },
    });
    this.#runtime.system.events.on('threadRestart', () => this.#restarts++);
    this.#runtime.system.events.on('threadDied', ({ name, restarting }) => {
      if (!restarting) this.#say('restarts', `${name} died and is not started again`);
    });
    if (options.breakage !== undefined) BREAKAGES[options.breakage](this.#runtime, this.#yard);
    this.#events = new UeventBalance(this.#runtime.bus);
    // Parts of a run that begin with other kills do other things meanwhile.
    const fieldSeed = (seed + this.#next) | 0;
    const random = new Random(fieldSeed, 0x7fff_ffff);
    const uuids = Array.from({ length: UUIDS }, () => {
      const digits = Array.from({ length: 4 }, () =>
        random
          .below(2 ** 32)
          .toString(16)
          .padStart(8, '0'),
      ).join('');
      return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
    });
    const field = { runtime: this.#runtime, yard: this.#yard, seed: fieldSeed, uuids, breakage: options.breakage };
    this.#clients = new Clients(field, SORTS, {
      died: ({ place, sort, thread, error }) => {
        if (error !== undefined) this.#say('errors that a death explains', `${sort} ${place}: ${error.stack}`);
        this.#afterDeath(thread);
      },
      complained: (sort, place, text) => this.#say('errors that a death explains', `${sort} ${place}: ${text}`),
    });
  }

  /** Runs to the end. Rejects only when it is itself broken. */
  static async run(options: ChaosOptions): Promise<ChaosReport> {
    const chaos = new Chaos(options);
    try {
      await chaos.#rage();
    } finally {
      await chaos.#clients.destroy();
      await chaos.#runtime.close();
      chaos.#yard.space.close();
    }
    return chaos.#report();
  }

  async #rage(): Promise<void> {
    const options: ChaosDriverOptions = { orders: this.#orders.buffer, breakage: this.#options.breakage };
    await this.#runtime.loadDriver(chaosDriverUrl, { threads: DRIVER_THREADS, options, parents: PARENTS });
    this.#hosted = await HostedThreads.of(this.#runtime, DRIVER_THREADS, this.#orders, ({ thread }) =>
      this.#afterDeath(thread),
    );
    const { kills, checkEvery = CHECK_EVERY, from = 0, progress } = this.#options;
    const end = from + kills;
    while (this.#next < end && this.#goesOn()) {
      const round = Math.min(end, this.#next + checkEvery);
      let raging = true;
      const renewing = this.#renew(() => raging);
      await Promise.all(Array.from({ length: KILLERS }, () => this.#killUntil(round)));
      raging = false;
      if (!(await within(this.#options.patience ?? PATIENCE, this.#quiet(renewing)))) {
        this.#tellStuck();
        return;
      }
      if (!(await within(this.#options.patience ?? PATIENCE, this.#count()))) {
        this.#say('asks have settled', 'a count, or the unregistration of a parent for it, does not end');
        this.#tellStuck();
        return;
      }
      progress?.(this.#report());
      this.#clients.resume();
    }
    await within(this.#options.patience ?? PATIENCE, this.#clients.stop());
  }

  #goesOn(): boolean {
    return this.#violations.length === 0 && this.#options.signal?.aborted !== true;
  }

  async #quiet(renewing: Promise<void>): Promise<void> {
    await this.#clients.pause();
    await renewing;
    await this.#hosted.ready();
    // Clients that died meanwhile have successors, which rest too.
    await this.#clients.pause();
  }

  async #killUntil(end: number): Promise<void> {
    while (this.#next < end && this.#goesOn()) {
      const plan = planKill(this.#options.seed, this.#next++, {
        clients: this.#clients.count,
        driverThreads: DRIVER_THREADS,
      });
      if (!(await within(this.#options.patience ?? PATIENCE, this.#kill(plan)))) {
        this.#say('asks have settled', `the victim does not come to where it is to die: ${planText(plan)}`);
        return;
      }
    }
  }

  async #kill(plan: Plan): Promise<void> {
    if (plan.victim !== 'client' && (await this.#hosted.kill(plan))) return this.#killed(plan);
    const place = await this.#target(plan.place);
    // Who takes no lock of the yard alone has no critical section to be hit in.
    const way = plan.way === 'critical' && !this.#clients.sort(place).startsWith('lock') ? 'moment' : plan.way;
    const planned: Plan = { ...plan, victim: 'client', place, way };
    await this.#clients.kill(place, planned);
    this.#killed(planned);
  }

  /** Dooms a client, this one or the next after it that works; waits until there is one. */
  async #target(wanted: number): Promise<number> {
    const { words, count } = this.#clients;
    let chosen = -1;
    const choose = () => {
      for (let at = 0; at < count && chosen < 0; at++) {
        if (this.#clients.doom((wanted + at) % count)) chosen = (wanted + at) % count;
      }
      return chosen >= 0;
    };
    await words.until(choose);
    return chosen;
  }

  #killed(plan: Plan): void {
    this.#kills++;
    const sort = plan.victim === 'client' ? `client (${this.#clients.sort(plan.place)})` : plan.victim;
    const key = `${sort}: ${plan.way}`;
    this.#byWay.set(key, (this.#byWay.get(key) ?? 0) + 1);
    if (this.#violations.length > 0) return;
    this.#kept.push(planText(plan));
    if (this.#kept.length > KEPT_KILLS) this.#kept.shift();
  }

  #afterDeath(thread: number): void {
    if (thread < 0) return;
    const found = readDead({ runtime: this.#runtime, yard: this.#yard }, thread);
    if (found.length === 0) this.#passed++;
    for (const { check, text } of found) this.#say(check, text);
  }

  /** Unregisters a parent and registers it again, over and over. */
  async #renew(goesOn: () => boolean): Promise<void> {
    const random = new Random(this.#options.seed, 0x6fff_ffff - this.#kills);
    while (goesOn()) {
      const parent = random.pick(PARENTS);
      this.#leaving = parent.name;
      try {
        await this.#insist(() => this.#runtime.unregisterParent(parent.name));
        this.#leaving = undefined;
        this.#unregistered++;
        await this.#insist(() => this.#runtime.registerParent({ ...parent, driver: CHAOS_DRIVER }));
      } catch (error) {
        // Once something is wrong the run ends, and the runtime with it, whatever is under way here.
        if (this.#violations.length > 0) return;
        throw error;
      }
    }
  }

  /** What a death has cut off is done again. */
  async #insist(run: () => Promise<unknown>): Promise<void> {
    const makeWay = setTimeout(() => {
      this.#clients.words.makeWay = true;
    }, STARVED);
    try {
      for (;;) {
        try {
          await run();
          return;
        } catch (error) {
          const code = isMediatedError(error) ? error.code : '';
          // ESHUTDOWN: a thread that is being started again does not have the actor yet.
          if ((code !== 'EIO' && code !== 'ESHUTDOWN') || this.#violations.length > 0) throw error;
          await this.#hosted.ready();
          // A thread's end is known by its words at once, by its event only when the loop turns.
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
    } finally {
      clearTimeout(makeWay);
      this.#clients.words.makeWay = false;
    }
  }

  /** Counts everything until it is right, for a while; then what is wrong is wrong. */
  async #count(): Promise<void> {
    const { settling = SETTLING } = this.#options;
    const from = performance.now();
    const empty = ++this.#counts % EMPTY_EVERY === 0;
    if (empty) for (const { name } of PARENTS) await this.#runtime.unregisterParent(name);
    const subject: Subject = {
      runtime: this.#runtime,
      yard: this.#yard,
      events: this.#events,
      expectedThreads: 1 + DRIVER_THREADS + 1 + this.#clients.count,
    };
    const clients = Array.from({ length: this.#clients.count }, (_, place) => this.#clients.words.read(place));
    for (const { longest, longestStep } of clients) {
      if (longest / 1000 > this.#stall.milliseconds) this.#stall = { milliseconds: longest / 1000, step: longestStep };
    }
    let found: Violation[];
    do {
      this.#clients.words.drainInboxes();
      found = await takeCensus(subject, clients);
      if (empty) found.push(...takeEmptyCensus(subject));
      for (const name of this.#hosted.down()) found.push({ check: 'restarts', text: `${name} does not run` });
      const { deaths: ended } = this.#report();
      if (ended !== this.#kills) found.push({ check: 'threads', text: `${this.#kills} kills, but ${ended} deaths` });
      const reading = readFootprint(subject);
      const { controlDeaths } = this.#hosted;
      if (this.#counts <= WARM_COUNTS) this.#footprint = { reading, controlDeaths };
      else if (this.#footprint !== undefined) {
        found.push(
          ...compareFootprints(this.#footprint.reading, reading, controlDeaths - this.#footprint.controlDeaths),
        );
      }
    } while (found.length > 0 && performance.now() - from < settling);
    this.#settling = Math.max(this.#settling, performance.now() - from);
    if (this.#stall.milliseconds > STALL_BOUND) {
      const { step, milliseconds } = this.#stall;
      found.push({ check: 'stalls', text: `${step} took ${milliseconds.toFixed(0)} ms` });
    }
    const failed = new Set(found.map(({ check }) => check));
    this.#passed += CHECKS.length - failed.size;
    for (const { check, text } of found) this.#say(check, text);
    if (empty) for (const parent of PARENTS) await this.#runtime.registerParent({ ...parent, driver: CHAOS_DRIVER });
  }

  /** Somebody or something has not come to rest: who, and who holds what. */
  #tellStuck(): void {
    for (let place = 0; place < this.#clients.count; place++) {
      const { resting, step, thread } = this.#clients.words.read(place);
      if (resting) continue;
      const sort = this.#clients.sort(place);
      this.#say(
        'asks have settled',
        `client ${place} (${sort}, thread ${thread}) does not come to rest; step: ${step}`,
      );
    }
    if (this.#leaving !== undefined) {
      this.#say('asks have settled', `the unregistration of ${this.#leaving} does not end`);
    }
    for (const name of this.#hosted.down()) this.#say('restarts', `${name} does not run`);
    const { mutex, table, permits, users, domain } = this.#yard;
    const waiting = [mutex, table, permits, domain].map((lock) => lock.stats().waiting).join(', ');
    const text = `mutex held by ${mutex.owner}, semaphore ${permits.value}, count ${users.value}, waiting: ${waiting}`;
    this.#say('locks', `the yard: ${text}`);
    for (const { name, kind, stats } of this.#runtime.lockStatistics()) {
      if (stats.waiting !== 0) this.#say('locks', `${stats.waiting} threads wait for ${kind} ${name}`);
    }
  }

  #say(check: CheckName, text: string): void {
    // One thing that is wrong may be seen by everybody.
    if (this.#violations.length >= MOST_VIOLATIONS) return;
    this.#violations.push({ check, text, kills: this.#kills });
  }

  #report(): ChaosReport {
    const cpu = process.cpuUsage();
    return {
      gate: this.#options.gate,
      kills: this.#kills,
      deaths: this.#clients.started - this.#clients.count + this.#hosted.deaths,
      byWay: this.#byWay,
      seconds: (performance.now() - this.#started) / 1000,
      cpuSeconds: (cpu.user + cpu.system) / 1e6,
      passed: this.#passed,
      violations: this.#violations,
      lastKills: this.#kept,
      longestStall: this.#stall,
      longestSettling: this.#settling,
      unregistered: this.#unregistered,
      restarts: this.#restarts,
      clients: this.#clients.started,
    };
  }
}
