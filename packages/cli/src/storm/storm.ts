/**
 * A storm: clients do what they like on all parents at once, while the supervisor unregisters parents and registers
 * them again, and now and then calms everything down to compare the books with the bus. All choices follow from the
 * seed; how threads meet does not. Runs on the supervising thread; called by `stress.ts` and `demo.ts`.
 */
import type { NamedThreadStatistics } from '@mediated/core/actor';
import type { Bench, BenchParent } from './bench.js';
import { Clients } from './clients.js';
import { checkEmpty, checkQuiescent, checkUnregistered, type Violation } from './invariants.js';
import { isKernelRefusal, type OperationName } from './operations.js';
import { codeOf, messageOf, type Surprise } from './outcome.js';
import { Random } from './random.js';
import type { StormReport } from './report.js';
import { readDevices, readUnregistered, takeSnapshot } from './snapshot.js';

/** How long and how wide. */
export interface StormLimits {
  /** Seconds until the storm ends; 0: only `operations` ends it. */
  readonly seconds: number;
  /** Operations of all clients together; 0: only the time ends it. */
  readonly operations: number;
  readonly clients: number;
}

/** What a caller may watch and stop. */
export interface StormHooks {
  readonly signal?: AbortSignal;
  /** Told some times a second: operations so far, seconds so far, parents that are gone at this moment. */
  readonly progress?: (operations: number, seconds: number, gone: number) => void;
  /** Milliseconds that an unregistering may take before clients make way; default 2000. */
  readonly patience?: number;
  /** Milliseconds without the end of any operation until the storm counts as stuck; default 20,000. */
  readonly stuck?: number;
}

/** Operations between two acts of the supervisor. */
const LEAST_OPERATIONS = 300;
const MOST_OPERATIONS = 1500;
/** Of the supervisor's acts, every so many calms the storm, and of those every so many clears the bus. */
const CALM_EVERY = 8;
const CLEAR_EVERY = 4;
/** Parents unregistered at once, at most. */
const MOST_GONE = 2;
/** The refcount gate starves while operations overlap (mdev-core 15): then clients make way. */
const PATIENCE = 2000;
/** Milliseconds between two looks at the storm. */
const TICK = 100;
const STUCK = 20_000;

export class Storm {
  readonly #bench: Bench;
  readonly #limits: StormLimits;
  readonly #hooks: StormHooks;
  readonly #clients: Clients;
  readonly #random: Random;
  readonly #violations: Violation[] = [];
  readonly #threads = new Map<string, NamedThreadStatistics>();
  readonly #started = performance.now();
  readonly #checks = { quiescent: 0, empty: 0, unregistered: 0 };
  #gone = 0;
  #starved = 0;
  #longest = 0;
  #seen = { total: -1, at: 0 };

  /** Starts the clients; {@link run} has to follow at once. */
  constructor(bench: Bench, limits: StormLimits, hooks: StormHooks = {}) {
    this.#bench = bench;
    this.#limits = limits;
    this.#hooks = hooks;
    this.#random = new Random(bench.seed, 0xfffe);
    this.#clients = new Clients(bench, limits.clients, limits.operations);
  }

  /** Runs to the end and leaves a bus without parents. Answers what happened; rejects only when it is itself broken. */
  async run(): Promise<StormReport> {
    const { control, ended } = this.#clients;
    const { signal } = this.#hooks;
    const { seconds } = this.#limits;
    const stop = () => control.stop();
    const timers: NodeJS.Timeout[] = [];
    if (seconds > 0) timers.push(setTimeout(stop, seconds * 1000));
    signal?.addEventListener('abort', stop, { once: true });
    if (signal?.aborted === true) stop();
    let elapsed = 0;
    try {
      const stuck = new Promise<never>((_, reject) => {
        timers.push(setInterval(() => this.#look(reject), TICK));
      });
      const calm = (async () => {
        await this.#rage();
        this.#surprised(await ended);
        elapsed = performance.now() - this.#started;
        await this.#compare();
        await this.#clear();
      })();
      await Promise.race([calm, stuck, ended.then(() => calm)]);
    } catch (error) {
      this.#violate({ invariant: 'the storm goes on', text: messageOf(error) });
    } finally {
      for (const timer of timers) clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
      await this.#clients.destroy();
    }
    return this.#report(elapsed || performance.now() - this.#started);
  }

  async #rage(): Promise<void> {
    const { control } = this.#clients;
    for (let act = 1; ; act++) {
      await control.progressed(this.#random.between(LEAST_OPERATIONS, MOST_OPERATIONS));
      if (this.#violations.length > 0 || this.#bench.audit.violations > 0) control.stop();
      if (control.ending) return;
      if (act % CALM_EVERY !== 0) {
        const count = this.#random.between(1, MOST_GONE);
        const chosen = Array.from({ length: count }, () => this.#random.pick(this.#bench.parents));
        await this.#renew([...new Set(chosen)]);
        continue;
      }
      await control.pause();
      await this.#compare();
      if (act % (CALM_EVERY * CLEAR_EVERY) === 0) {
        await this.#clear();
        await Promise.all(this.#bench.parents.map((parent) => this.#register(parent)));
      }
      await control.resume();
    }
  }

  /** Unregisters parents under load and registers them again. */
  async #renew(parents: readonly BenchParent[]): Promise<void> {
    const { control } = this.#clients;
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<true>((resolve) => {
      timer = setTimeout(resolve, this.#hooks.patience ?? PATIENCE, true);
    });
    const unregistering = Promise.all(parents.map((parent) => this.#unregister(parent)));
    const starved = await Promise.race([unregistering.then(() => false), patience]);
    clearTimeout(timer);
    if (starved) {
      this.#starved++;
      await control.pause();
      await unregistering;
      await control.resume();
    }
    await Promise.all(parents.map((parent) => this.#register(parent)));
  }

  async #unregister(parent: BenchParent): Promise<void> {
    const from = performance.now();
    this.#gone++;
    await this.#count('unregister', () => this.#bench.unregister(parent));
    this.#longest = Math.max(this.#longest, performance.now() - from);
    this.#checks.unregistered++;
    this.#violate(...checkUnregistered(readUnregistered(this.#bench, parent), readDevices(this.#bench)));
  }

  async #register(parent: BenchParent): Promise<void> {
    await this.#count('register', () => this.#bench.register(parent));
    this.#gone = Math.max(0, this.#gone - 1);
  }

  /** Compares all books; nobody uses the bus. */
  async #compare(): Promise<void> {
    this.#checks.quiescent++;
    this.#violate(...checkQuiescent(await this.#snapshot()));
  }

  /** Unregisters every parent and looks for what is left; nobody uses the bus. */
  async #clear(): Promise<void> {
    const registered = new Set(this.#bench.bus.parents().map(({ name }) => name));
    const parents = this.#bench.parents.filter(({ name }) => registered.has(name));
    await Promise.all(parents.map((parent) => this.#unregister(parent)));
    this.#checks.empty++;
    this.#violate(...checkEmpty(await this.#snapshot()));
  }

  #snapshot(): ReturnType<typeof takeSnapshot> {
    const { files, tally } = this.#clients;
    return takeSnapshot(this.#bench, { files, wedged: tally.of('remove file', 'EAGAIN') });
  }

  async #count(operation: OperationName, run: () => Promise<void>): Promise<void> {
    const { tally, ownRow } = this.#clients;
    try {
      await run();
      tally.count(ownRow, operation, undefined);
    } catch (error) {
      tally.count(ownRow, operation, codeOf(error));
      this.#surprised([{ operation, code: codeOf(error), message: messageOf(error) }]);
    }
  }

  #surprised(surprises: readonly Surprise[]): void {
    for (const { operation, code, message } of surprises) {
      if (isKernelRefusal(operation, code, this.#bench.gate)) continue;
      const invariant = code === 'WRONG' ? 'a file reads its own device' : 'only errnos that the kernel gives';
      this.#violate({ invariant, text: code === 'WRONG' ? message : `${operation}: ${message}` });
    }
  }

  #violate(...violations: Violation[]): void {
    this.#violations.push(...violations);
  }

  /** Tells how far things are, and whether anything still moves. */
  #look(reject: (reason: Error) => void): void {
    const total = this.#clients.tally.total();
    const now = performance.now();
    if (total !== this.#seen.total) this.#seen = { total, at: now };
    this.#sample();
    this.#hooks.progress?.(total, (now - this.#started) / 1000, this.#gone);
    const { stuck = STUCK } = this.#hooks;
    if (now - this.#seen.at < stuck) return;
    const { resting, users } = this.#clients.control;
    reject(new Error(`nothing has ended for ${stuck / 1000} s; ${resting} of ${users} users rest`));
  }

  /** Clients are counted while they are there. */
  #sample(): void {
    for (const thread of this.#bench.runtime.system.statistics()) this.#threads.set(thread.name, thread);
  }

  #report(elapsed: number): StormReport {
    this.#sample();
    const { audit, seed, gate } = this.#bench;
    this.#violate(...audit.reports());
    return {
      seed,
      gate,
      seconds: elapsed / 1000,
      operations: this.#clients.tally.operations(),
      threads: [...this.#threads.values()],
      locks: this.#bench.runtime.lockStatistics(),
      checks: this.#checks,
      longestUnregister: this.#longest,
      starved: this.#starved,
      violations: this.#violations,
      interrupted: this.#hooks.signal?.aborted === true,
    };
  }
}
