/**
 * One search: plays one execution after the other until one fails, everything was tried, or a limit is reached. Belongs to the
 * controller.
 */
import type { Execution } from './execution.js';
import type { Exploration, ExploreOptions, Failure } from './exploration.js';
import { faultOf } from './failure.js';
import { DIVERGED, FINISHED } from './layout.js';
import type { Plan } from './plan.js';
import type { Player } from './player.js';
import { RandomPlans } from './random.js';
import { reportText } from './report.js';
import { scheduleFrom, scheduleText } from './schedule-text.js';
import { Search } from './search.js';
import { shrink } from './shrink.js';

/** One search. */
export class Expedition {
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
    if (replay !== undefined) return this.#replay(replay);
    if (random !== undefined) {
      const complete = await this.#random(random);
      return this.#result('random', -1, complete);
    }
    if (!(preemptions >= 0)) throw new Error(`preemptions: 0 or more, or Infinity; not ${preemptions}`);
    return this.#exhaustive(preemptions);
  }

  async #replay(schedule: string): Promise<Exploration> {
    const choices = scheduleFrom(schedule);
    const execution = await this.#play({ choices, allHot: true });
    if (execution !== undefined && (execution.result === DIVERGED || execution.length < choices.length)) {
      const after = `after ${execution.length} of its ${choices.length} steps`;
      throw new Error(`the schedule '${schedule}' does not fit '${this.#name}': ${after} its next one is not possible`);
    }
    return this.#result('replay', -1, true);
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
      else if (tree.follows(execution)) tree.learn(execution);
      else throw new Error(this.#fickleText(plan, execution));
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

  /** Plays an execution. Undefined if it fails: the failure is then on record. Throws if there was nothing to explore. */
  async #play(plan: Plan): Promise<Execution | undefined> {
    const player = this.#player;
    this.#options.signal?.throwIfAborted();
    const execution = player.play(this.#options.everywhere === true ? { ...plan, allHot: true } : plan);
    this.#executions++;
    this.#steps += execution.length;
    const fault = faultOf(player, execution);
    if (fault === undefined) {
      if (this.#executions === 1 && execution.result === FINISHED && !execution.touchesMemory) {
        throw new Error(
          `there is nothing to explore in '${this.#name}': no thread has used Atomics on memory that \`world.share\` gave it`,
        );
      }
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

  /** An execution did not go as it did before, with the same choices. */
  #fickleText(plan: Plan, execution: Execution): string {
    const made = scheduleText(plan.choices.slice(0, execution.length));
    return (
      `'${this.#name}' is not deterministic: after the schedule ${made} it did something else than the time before. ` +
      'Something outlives an execution (a variable of a module, or outside of `run`), or comes from outside of it'
    );
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
