/**
 * Runs the scenarios of a recording of races (02h) again, with client threads and bounded numbers of tries. How often
 * what happens is chance; which outcomes there are is what the recording says: every outcome here must be one that the
 * kernel has shown for the same kind of client, and of clients that do the same at once as many succeed as there.
 *
 * Seldom seen here, and rightly so: EAGAIN and wedged devices, since a driver that probes without waiting leaves no
 * moment in which a device is half made.
 */
import { errnoName } from '@mediated/core';
import { Machine } from './machine.js';
import { MODULES } from './modules.js';
import { RaceClients } from './race-clients.js';
import { CONTROL_WORDS, type LoopJob, PROGRESS, type RaceRole, type SimultaneousJob, STOP } from './race-job.js';
import { type Fields, numbers, type Recording, text, texts } from './recording.js';
import type { Tally } from './tally.js';

/** How much is tried. */
export interface RaceBounds {
  /** Rounds of simultaneous operations, and creates that lead a scenario. */
  readonly rounds: number;
  /** Times that a module is removed and inserted. */
  readonly toggles: number;
}

const UUID_STEM = '83b8f4f2-509f-382f-3c1e-e6bfe0fa';
/** How often each client acts between two loadings of a module. */
const ACTS_BETWEEN_TOGGLES = 10;
/** Milliseconds. */
const PROGRESS_PATIENCE = 5000;
const WHAT_WAS_LEFT = 'what a race happened to leave';
const NOT_UNDERSTOOD = 'words not understood';
const ROLES: readonly string[] = ['create', 'remove', 'remove-all', 'reader', 'opener', 'unbind'];

export async function replayRaces(recording: Recording, tally: Tally, bounds: RaceBounds): Promise<void> {
  const machine = new Machine();
  const clients = new RaceClients(machine);
  try {
    const replay = new RaceReplay(machine, clients, recording, bounds);
    for (const [at, fields] of recording.lines.entries()) {
      const differences = await replay.step(fields);
      const words = text(fields, 'case') ?? '';
      if (typeof differences === 'string') {
        tally.skip(differences, { recording: recording.name, line: at + 1, words });
        continue;
      }
      tally.step(`${recording.label}:${at + 1} ${words}`, differences);
    }
  } finally {
    await clients.close();
    await machine.close();
  }
}

class RaceReplay {
  readonly #machine: Machine;
  readonly #clients: RaceClients;
  readonly #bounds: RaceBounds;
  /** Outcomes that the kernel showed, by kind of client. */
  readonly #known = new Map<string, Set<string>>();

  constructor(machine: Machine, clients: RaceClients, recording: Recording, bounds: RaceBounds) {
    this.#machine = machine;
    this.#clients = clients;
    this.#bounds = bounds;
    for (const fields of recording.lines) {
      for (const [role, outcomes] of rolesOf(fields)) {
        const known = this.#known.get(kindOf(role)) ?? new Set();
        for (const outcome of Object.keys(outcomes)) known.add(outcome);
        this.#known.set(kindOf(role), known);
      }
    }
  }

  /** Differences, or why the line is left out. */
  async step(fields: Fields): Promise<string[] | string> {
    const words = text(fields, 'case') ?? '';
    if ('left_after_removing_all' in fields) return WHAT_WAS_LEFT;
    const differences: string[] = [];
    if (!('cleanup' in fields)) {
      await this.#loadAll(fields);
      const simultaneous = /^simultaneous (create|remove)\b.* by (\d+) processes/.exec(words);
      const roles = rolesOf(fields);
      if (simultaneous !== null) {
        const what = simultaneous[1] as 'create' | 'remove';
        await this.#simultaneous(fields, words, what, Number(simultaneous[2]), differences);
      } else if (
        roles.length > 0 &&
        roles.every(([role]) => role.startsWith('module') || ROLES.includes(jobRole(role)))
      ) {
        await this.#scenario(roles, words, differences);
      } else return `${NOT_UNDERSTOOD}: ${words}`;
    }
    await this.#clean();
    await this.#compareRest(fields, differences);
    return differences;
  }

  async #simultaneous(
    fields: Fields,
    words: string,
    what: 'create' | 'remove',
    parties: number,
    differences: string[],
  ): Promise<void> {
    const { rounds } = this.#bounds;
    const alternating = /\((\S+)\/(\S+) alternating\)/.exec(words);
    const control = new Int32Array(new SharedArrayBuffer(CONTROL_WORDS * 4));
    const jobs = Array.from({ length: parties }, (_, party): SimultaneousJob => {
      const types = alternating === null ? ['mtty-1'] : alternating.slice(1, 3);
      const opened = /opened before the barrier/.test(words);
      return { kind: 'simultaneous', what, opened, party, parties, rounds, types, uuid: `${UUID_STEM}0001`, control };
    });
    this.#machine.takeEvents();
    const reports = await Promise.all(await this.#clients.start(jobs, () => this.#heal()));
    const removed = this.#machine
      .takeEvents()
      .filter((event) => event.subsystem === 'mdev' && event.action === 'remove');
    if (removed.length !== rounds) differences.push(`${rounds} devices were removed by ${removed.length} removals`);
    const combinations = Object.keys(numbers(fields, 'outcomes') ?? {}).map((combination) => combination.split('+'));
    const known = new Set(combinations.flat());
    const single = combinations.every((combination) => succeeded(combination) === 1);
    for (let round = 0; round < rounds; round++) {
      const here = reports.map((report) => report.rounds[round]);
      const strange = here.filter((outcome) => !known.has(outcome));
      if (strange.length > 0) differences.push(`here ${here.join('+')}, never ${strange.join(' or ')} from the kernel`);
      // With more than one success in the recording, whoever was admitted succeeds (mdev-core 12).
      if (succeeded(here) === 0 || (single && succeeded(here) !== 1)) differences.push(`here ${here.join('+')}`);
    }
    for (const { counts } of reports) this.#compareOutcomes('remove', counts, differences);
  }

  async #scenario(roles: ReturnType<typeof rolesOf>, words: string, differences: string[]): Promise<void> {
    const control = new Int32Array(new SharedArrayBuffer(CONTROL_WORDS * 4));
    const togglers = roles.filter(([role]) => role.startsWith('module')).map(([role]) => role);
    const workers = roles.filter(([role]) => !role.startsWith('module')).map(([role]) => role);
    const several = togglers.length > 0 && !/one uuid/.test(words);
    const uuids = Array.from({ length: several ? 4 : 1 }, (_, i) => `${UUID_STEM}000${i + 1}`);
    const jobs = workers.map((role): LoopJob => {
      const kind = jobRole(role);
      const delayed = /delayed/.test(role) || (kind === 'create' && /open, wait, write/.test(words));
      const leads = togglers.length === 0 && kind === 'create';
      const successes = leads ? this.#bounds.rounds : 0;
      return { kind: 'loop', role: kind, delayed, successes, type: 'mtty-1', uuids, control };
    });
    const running = await this.#clients.start(jobs, () => this.#heal());
    const toggling = togglers.map(() => this.#toggle(control, jobs.length));
    const leaders: Promise<unknown>[] =
      togglers.length > 0 ? toggling : running.filter((_, i) => jobs[i].successes > 0);
    // A leader that fails stops the others too; its failure is met below.
    await Promise.allSettled(leaders);
    Atomics.store(control, STOP, 1);
    const reports = await Promise.all(running);
    for (const [i, { counts }] of reports.entries()) this.#compareOutcomes(workers[i], counts, differences);
    for (const [i, outcomes] of (await Promise.all(toggling)).entries()) {
      this.#compareOutcomes(togglers[i], outcomes, differences);
    }
  }

  /** Every outcome must be one that the kernel has shown for this kind of client. */
  #compareOutcomes(role: string, counts: Readonly<Record<string, number>>, differences: string[]): void {
    const known = this.#known.get(kindOf(role));
    for (const [outcome, times] of Object.entries(counts)) {
      if (known?.has(outcome) === true) continue;
      differences.push(`${role}: here ${outcome} (${times} times), never from the kernel`);
    }
  }

  /** Unloads and loads the module; between two times, every client gets to act some times. */
  async #toggle(control: Int32Array<SharedArrayBuffer>, clients: number): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    const note = (what: string, result: number) => {
      const outcome = `${what} ${nameOf(result)}`;
      counts[outcome] = (counts[outcome] ?? 0) + 1;
    };
    for (let i = 0; i < this.#bounds.toggles; i++) {
      await progress(control, clients * ACTS_BETWEEN_TOGGLES);
      note('rmmod', await this.#machine.rmmod('mtty'));
      note('insmod', await this.#machine.insmod('mtty'));
    }
    return counts;
  }

  async #heal(): Promise<string[]> {
    const removal = `heal rmmod ${nameOf(await this.#machine.rmmod('mtty'))}`;
    return [removal, `heal insmod ${nameOf(await this.#machine.insmod('mtty'))}`];
  }

  async #loadAll(fields: Fields): Promise<void> {
    const available = numbers(fields, 'avail_after') ?? {};
    for (const module of MODULES.values()) {
      if (Object.keys(module.units)[0] in available) await this.#machine.insmod(module.name);
    }
  }

  /** Removes what is left; what cannot be removed goes with its module. */
  async #clean(): Promise<void> {
    for (const mdev of this.#machine.bus.mdevs()) await mdev.storeRemove().catch(() => {});
    if (this.#machine.devices().length > 0) await this.#heal();
  }

  /** Nothing may be left, and nothing may be lost. */
  async #compareRest(fields: Fields, differences: string[]): Promise<void> {
    const left = this.#machine.devices();
    if (left.length > 0) differences.push(`devices are left: ${left.join(' ')}`);
    if ((texts(fields, 'devices_after') ?? []).length > 0) return;
    const kernel = numbers(fields, 'avail_after') ?? numbers(fields, 'avail') ?? {};
    const here = await this.#machine.available();
    for (const [type, available] of Object.entries(kernel)) {
      if (here[type] === available) continue;
      differences.push(`available_instances of ${type}: kernel ${available}, here ${here[type] ?? 'none'}`);
    }
  }
}

/** The clients of a scenario and what they saw. */
function rolesOf(fields: Fields): [role: string, outcomes: Readonly<Record<string, number>>][] {
  return Object.keys(fields)
    .filter((name) => !['outcomes', 'avail', 'avail_after'].includes(name))
    .flatMap((name) => {
      const outcomes = numbers(fields, name);
      return outcomes === undefined || Array.isArray(outcomes) ? [] : [[name, outcomes] as [string, typeof outcomes]];
    });
}

/** Clients of one kind do the same to the same files: `create0`, `remove-delayed`, `module1`. */
function kindOf(role: string): string {
  return role.replace(/\d+$/, '').replace(/-(delayed|all)$/, '');
}

function jobRole(role: string): RaceRole {
  return role.replace(/\d+$/, '').replace(/-delayed$/, '') as RaceRole;
}

/** Resolves when the clients have acted `times` times more; also when they have all ended, which wakes nobody. */
async function progress(control: Int32Array<SharedArrayBuffer>, times: number): Promise<void> {
  const from = Atomics.load(control, PROGRESS);
  for (let seen = from; ((seen - from) | 0) < times; seen = Atomics.load(control, PROGRESS)) {
    const wait = Atomics.waitAsync(control, PROGRESS, seen, PROGRESS_PATIENCE);
    if (wait.async && (await wait.value) === 'timed-out') return;
  }
}

function nameOf(result: number): string {
  return result === 0 ? 'ok' : errnoName(-result);
}

function succeeded(combination: readonly string[]): number {
  return combination.filter((outcome) => outcome === 'ok').length;
}
