/**
 * The package's entry: searches the executions of a scenario for one that fails.
 */
import { type FailureKind, faultOf } from './failure.js';
import type { Execution } from './execution.js';
import { type Plan, Player } from './player.js';
import { RandomPlans } from './random.js';
import { reportText } from './report.js';
import { scheduleFrom, scheduleText } from './schedule-text.js';
import { Search } from './search.js';
import { shrink } from './shrink.js';
import { subjectOf } from './subject.js';
import type { Replacement, Scenario, ScenarioModule } from './world.js';

/** How to search. */
export interface ExploreOptions {
  /**
   * Exhaustive search: the most changes away from a thread that could have gone on, in one execution; default 2. All
   * bounds up to this one are searched in turn, so a failure is found with as few as it needs. `Infinity`: no bound.
   */
  readonly preemptions?: number | undefined;
  /**
   * Exhaustive search without reduction: threads change places before every step on shared memory, not only where two
   * steps race. For code that also reads or writes shared memory without `Atomics`, which the search does not see.
   */
  readonly everywhere?: boolean | undefined;
  /** So many random executions instead of an exhaustive search. */
  readonly random?: number | undefined;
  /** Of random executions: the seed (default 1), and the depth of the faults that are looked for (default 3). */
  readonly seed?: number | undefined;
  readonly depth?: number | undefined;
  /** One execution, by the schedule that a failure has printed. */
  readonly replay?: string | undefined;
  /** How many threads may be killed in one execution; default 0. */
  readonly kills?: number | undefined;
  /** Steps after which an execution counts as a livelock; default 5000, at most 65,536. */
  readonly steps?: number | undefined;
  /** The search ends after so many executions (default 1,000,000) or milliseconds, complete or not. */
  readonly executions?: number | undefined;
  readonly milliseconds?: number | undefined;
  /**
   * Starts a new worker for a thread that was killed, or unwound because the execution had failed: for code that keeps
   * state in its modules which it could not put in order. Costs some 50 ms per death.
   */
  readonly renew?: boolean | undefined;
  /** What names in `world.import` are relative to, for a scenario given as a function: `import.meta.url`. */
  readonly base?: string | URL | undefined;
  /** Handed to the scenario as `world.parameters`; structured-cloneable. */
  readonly parameters?: Readonly<Record<string, unknown>> | undefined;
  /** Modules to take in place of others. */
  readonly replacements?: readonly Replacement[] | undefined;
}

/** A failure that was found. */
export interface Failure {
  readonly kind: FailureKind;
  readonly message: string;
  /** Replays it. */
  readonly schedule: string;
  /** Everything, to be printed: the failure, its steps, the schedule. */
  readonly report: string;
  /** Number of the execution in which it was found first. */
  readonly execution: number;
}

/** What a search has done. */
export interface Exploration {
  readonly name: string;
  readonly threads: number;
  /** `exhaustive`, `random` or `replay`. */
  readonly strategy: 'exhaustive' | 'random' | 'replay';
  /** The bound on preemptions that was searched to its end; Infinity if no bound would add anything. -1 for none. */
  readonly preemptions: number;
  readonly executions: number;
  readonly steps: number;
  /** True if everything within the bound was tried. */
  readonly complete: boolean;
  readonly milliseconds: number;
  readonly failure: Failure | undefined;
}

/** Thrown by {@link explore}; the message is the whole report. */
export class ExplorationError extends Error {
  override name = 'ExplorationError';

  constructor(readonly exploration: Exploration & { readonly failure: Failure }) {
    super(exploration.failure.report);
  }
}

/**
 * Searches a scenario. Rejects with an {@link ExplorationError} that shows the shortest schedule found when an execution
 * fails, and with another error when the scenario cannot be explored (it is not deterministic, it blocks elsewhere).
 */
export async function explore(
  name: string,
  scenario: Scenario | ScenarioModule,
  options: ExploreOptions = {},
): Promise<Exploration> {
  const exploration = await search(name, scenario, options);
  const { failure } = exploration;
  if (failure !== undefined) throw new ExplorationError({ ...exploration, failure });
  return exploration;
}

/** As {@link explore}, with the failure in the answer. */
export async function search(
  name: string,
  scenario: Scenario | ScenarioModule,
  options: ExploreOptions = {},
): Promise<Exploration> {
  const subject = subjectOf(name, scenario, options.base, options.replacements ?? [], options.parameters ?? {});
  const limits = { kills: options.kills ?? 0, steps: options.steps ?? 5000 };
  const player = await Player.start(subject, limits);
  try {
    return await new Expedition(name, player, options).run();
  } finally {
    await player.stop();
  }
}

/** One search. */
class Expedition {
  readonly #name: string;
  readonly #player: Player;
  readonly #options: ExploreOptions;
  readonly #started = performance.now();
  readonly #deadline: number;
  readonly #mostExecutions: number;
  #executions = 0;
  #steps = 0;
  #breath = this.#started;
  #failure: Failure | undefined;

  constructor(name: string, player: Player, options: ExploreOptions) {
    this.#name = name;
    this.#player = player;
    this.#options = options;
    this.#deadline = this.#started + (options.milliseconds ?? Number.POSITIVE_INFINITY);
    this.#mostExecutions = options.executions ?? 1_000_000;
  }

  async run(): Promise<Exploration> {
    const { replay, random, preemptions = 2 } = this.#options;
    if (replay !== undefined) {
      await this.#play({ choices: scheduleFrom(replay), allHot: true });
      return this.#result('replay', -1, true);
    }
    if (random !== undefined) {
      const complete = await this.#random(random);
      return this.#result('random', -1, complete);
    }
    return this.#exhaustive(preemptions);
  }

  async #exhaustive(preemptions: number): Promise<Exploration> {
    let reached = -1;
    const bounds = preemptions === Number.POSITIVE_INFINITY ? [preemptions] : Array(preemptions + 1).keys();
    for (const bound of bounds) {
      const searched = await this.#within(bound);
      if (searched === undefined) return this.#result('exhaustive', reached, false);
      reached = bound;
      if (!searched.boundMattered) {
        reached = Number.POSITIVE_INFINITY;
        break;
      }
    }
    return this.#result('exhaustive', reached, true);
  }

  /** Searches all executions within a bound. Undefined if it came to no end, because of a failure or a limit. */
  async #within(bound: number): Promise<Search | undefined> {
    const begin = () => new Search(bound, this.#player.reaper, this.#options.everywhere);
    let tree = begin();
    for (let plan = tree.next(); plan !== undefined; plan = tree.next()) {
      if (this.#exhausted) return undefined;
      const execution = await this.#play(plan);
      if (execution === undefined) return undefined;
      if (execution.newlyHot) tree = begin();
      else tree.learn(execution);
    }
    return tree;
  }

  async #random(count: number): Promise<boolean> {
    const { seed = 1, depth = 3, kills = 0 } = this.#options;
    const plans = new RandomPlans(seed, depth, this.#player.names.length, kills);
    const first = await this.#play({ choices: [] });
    if (first === undefined) return false;
    plans.learn(first.length);
    for (let number = 1; number < count; number++) {
      if (this.#exhausted) return false;
      const execution = await this.#play(plans.next());
      if (execution === undefined) return false;
      plans.learn(execution.length);
    }
    return true;
  }

  get #exhausted(): boolean {
    return this.#executions >= this.#mostExecutions || performance.now() > this.#deadline;
  }

  /** Plays an execution. Undefined if it fails: the failure is then on record. */
  async #play(plan: Plan): Promise<Execution | undefined> {
    const player = this.#player;
    const execution = player.play(plan);
    this.#executions++;
    this.#steps += execution.length;
    const fault = faultOf(player, execution);
    if (fault === undefined) {
      if (this.#options.renew === true && execution.cut !== 0) await player.renew(execution.cut);
      const now = performance.now();
      if (now - this.#breath > 50) {
        // Events of the workers, and of whoever waits for the search, get their turn.
        await new Promise((resolve) => setImmediate(resolve));
        this.#breath = now;
        if (player.lost !== undefined) throw player.lost;
      }
      return execution;
    }
    const number = this.#executions;
    const { choices } = shrink(player, execution, fault);
    const explained = await player.explain({ choices, lenient: true });
    const shortest = faultOf(player, explained.execution) ?? fault;
    const schedule = scheduleText(choices);
    const report = reportText(this.#name, player, explained.execution, explained.positions, shortest, schedule);
    this.#failure = { ...shortest, schedule, report, execution: number };
    return undefined;
  }

  #result(strategy: Exploration['strategy'], preemptions: number, complete: boolean): Exploration {
    return {
      name: this.#name,
      threads: this.#player.names.length,
      strategy,
      preemptions,
      executions: this.#executions,
      steps: this.#steps,
      complete: complete && this.#failure === undefined,
      milliseconds: performance.now() - this.#started,
      failure: this.#failure,
    };
  }
}
