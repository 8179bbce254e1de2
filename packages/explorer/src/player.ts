/**
 * Plays executions of one scenario, one at a time: puts the memory back, hands out the token, waits until all threads are
 * at rest again. Belongs to the controller, whose thread is blocked while an execution is on.
 */
import { Crew } from './crew.js';
import { Execution } from './execution.js';
import { ExploredMemory } from './explored-memory.js';
import {
  BY_PRIORITY,
  CHANGE_POINTS,
  CLEANING,
  ACTIVE,
  ALL_HOT,
  type ControlMemory,
  createControlMemory,
  DIVERGED,
  DORMANT,
  ERROR_LENGTH,
  EXPLAIN,
  FAILED_THREAD,
  FINISHED,
  KILL_STEP,
  KILL_VICTIM,
  KILLS_LEFT,
  LAST,
  LEFTOVERS,
  LENIENT,
  MAX_CHANGE_POINTS,
  MAX_STEPS,
  MAX_THREADS,
  MAX_WAITERS,
  MORTALS,
  OVER,
  PLAN,
  PLAN_LENGTH,
  PLANNED_SLEEP,
  PRIORITIES,
  READY,
  REAPER,
  REDUNDANT_AT,
  SEED,
  STATUS,
  STEP_LIMIT,
  THREADS,
  threadRow,
  TURN_LIMIT,
  WAITER_BUFFER,
  WAITER_OFFSET,
  WAITER_STATE,
  WAITER_THREAD,
  WAITER_VALUE,
  WAITING,
  waiterRow,
} from './layout.js';
import { Scheduler } from './scheduler.js';
import { declare } from './subject.js';
import { Declarations, type Subject } from './world.js';

/** Steps in a row that a thread may make while others could go on. */
const LONGEST_TURN = 1000;
/** Milliseconds without a sign of the threads after which they count as lost. */
const PATIENCE = 20_000;

/** What an execution is to do. */
export interface Plan {
  /** The first choices. */
  readonly choices: readonly number[];
  /** Choices that are asleep when the last of these is made. */
  readonly asleep?: number;
  /** Priorities of the 24 choices and change points: a random execution. */
  readonly priorities?: readonly number[];
  readonly changePoints?: readonly number[];
  /** Step at which a thread is killed, and which. */
  readonly killStep?: number;
  readonly killVictim?: number;
  /** Pass over choices that are not possible. */
  readonly lenient?: boolean;
  /** Every step is a point to switch threads at, also where that cannot matter. */
  readonly allHot?: boolean;
  /** Note where in the source each step stands. */
  readonly explain?: boolean;
}

/** A sleeper nobody woke. */
export interface Sleeper {
  readonly thread: number;
  readonly buffer: number;
  readonly offset: number;
  /** What the word held when the sleep began, and what it holds now. */
  readonly expected: number;
  readonly found: number;
}

/** How much an execution may do. */
export interface Limits {
  readonly kills: number;
  readonly steps: number;
}

/** A scenario, ready to be played. */
export class Player {
  readonly names: readonly string[];
  readonly buffers: readonly SharedArrayBuffer[];
  readonly #crew: Crew;
  readonly #declarations: Declarations;
  readonly #memory: ControlMemory;
  readonly #scheduler: Scheduler;
  readonly #explored: ExploredMemory;
  readonly #limits: Limits;
  readonly #bufferNames: readonly string[];

  private constructor(
    declarations: Declarations,
    buffers: readonly SharedArrayBuffer[],
    memory: ControlMemory,
    crew: Crew,
    limits: Limits,
  ) {
    this.#declarations = declarations;
    this.buffers = buffers;
    this.names = declarations.all.map(({ name }) => name);
    this.#memory = memory;
    this.#scheduler = new Scheduler(memory);
    this.#explored = new ExploredMemory(buffers);
    this.#crew = crew;
    this.#limits = limits;
    this.#bufferNames = [...declarations.memory.values()];
  }

  /** Declares the scenario and starts its threads. */
  static async start(subject: Subject, limits: Limits): Promise<Player> {
    const declarations = new Declarations(subject);
    await declare(subject, declarations);
    const count = declarations.all.length;
    if (count === 0 || count > MAX_THREADS) throw new Error(`a scenario has 1 to ${MAX_THREADS} threads, not ${count}`);
    if (!(limits.steps >= 1 && limits.steps <= MAX_STEPS)) throw new Error(`at most ${MAX_STEPS} steps`);
    const buffers = [...declarations.memory.keys()];
    const memory = createControlMemory(buffers);
    const crew = await Crew.start(count, { subject, memory, shared: declarations.shared, buffers });
    return new Player(declarations, buffers, memory, crew, limits);
  }

  /** Ends the threads. */
  async stop(): Promise<void> {
    await this.#crew.stop();
  }

  /** The thread that answers deaths, -1 if there is none. */
  get reaper(): number {
    return this.#declarations.reaper === undefined ? -1 : this.names.length - 1;
  }

  /** What the memory is called in which a step was made. */
  bufferName(buffer: number): string {
    return this.#bufferNames[buffer] ?? 'memory';
  }

  /** Plays one execution. Throws when the threads are lost or do not do the same twice. */
  play(plan: Plan): Execution {
    this.#cleanUp();
    this.#explored.restore();
    this.#prepare(plan);
    const { words } = this.#memory;
    const first = this.#scheduler.choose();
    if (first >= 0) {
      this.#scheduler.give(first);
      this.#untilOver();
    }
    const execution = new Execution(words);
    for (let step = 0; step < execution.length; step++) {
      if (execution.buffer(step) >= 0) this.#explored.touched(execution.buffer(step), execution.offset(step));
    }
    if (execution.result === DIVERGED) {
      throw new Error(
        `the scenario is not deterministic: choice ${plan.choices[execution.length]} was possible after ` +
          `${execution.length} steps before, and is not now`,
      );
    }
    return execution;
  }

  /** Plays one execution, and says where in the source each of its steps stands. */
  async explain(plan: Plan): Promise<{ execution: Execution; positions: Map<number, string> }> {
    const execution = this.play({ ...plan, explain: true });
    const taken = new Set<number>();
    for (let step = 0; step < execution.length; step++) taken.add(execution.thread(step));
    const positions = await this.#crew.positions([...taken]);
    return { execution, positions };
  }

  /** What is wrong with an execution that ended normally, by the scenario's own checks. */
  check(execution: Execution): unknown {
    if (execution.result !== FINISHED) return undefined;
    try {
      for (const check of this.#declarations.checks) check();
    } catch (error) {
      return error ?? new Error('a check threw nothing');
    }
    return undefined;
  }

  /** Text of the error that ended the last execution. */
  get errorText(): string {
    const { words, error } = this.#memory;
    return new TextDecoder().decode(error.slice(0, words[ERROR_LENGTH]));
  }

  /** Who slept when the last execution ended. */
  sleepers(): Sleeper[] {
    const { words } = this.#memory;
    const found: Sleeper[] = [];
    for (let index = 0; index < MAX_WAITERS; index++) {
      const at = waiterRow(index);
      if (words[at + WAITER_STATE] !== WAITING) continue;
      const buffer = words[at + WAITER_BUFFER];
      const offset = words[at + WAITER_OFFSET];
      const memory = this.buffers[buffer] as SharedArrayBuffer;
      found.push({
        thread: words[at + WAITER_THREAD],
        buffer,
        offset,
        expected: words[at + WAITER_VALUE],
        found: Atomics.load(new Int32Array(memory, offset, 1), 0),
      });
    }
    return found;
  }

  /** Starts the workers of these threads anew. */
  async renew(threads: number): Promise<void> {
    this.#memory.words[LEFTOVERS] &= ~threads;
    for (let rest = threads; rest !== 0; rest &= rest - 1) await this.#crew.restart(31 - Math.clz32(rest & -rest));
  }

  /** What ended a worker that should live. */
  get lost(): Error | undefined {
    return this.#crew.lost;
  }

  /** Has the threads of the last execution let go of what they still await. */
  #cleanUp(): void {
    const { words } = this.#memory;
    const threads = words[LEFTOVERS];
    if (threads === 0) return;
    words[LEFTOVERS] = 0;
    words[OVER] = 0;
    words[CLEANING] = 1;
    for (let rest = threads; rest !== 0; rest &= rest - 1) words[ACTIVE]++;
    for (let rest = threads; rest !== 0; rest &= rest - 1) this.#scheduler.wake(31 - Math.clz32(rest & -rest));
    this.#untilOver();
  }

  #untilOver(): void {
    const { words } = this.#memory;
    while (Atomics.load(words, OVER) === 0) {
      if (Atomics.wait(words, OVER, 0, PATIENCE) === 'timed-out') throw new Error(this.#lostText());
    }
  }

  #prepare(plan: Plan): void {
    const { words, clocks } = this.#memory;
    const { all, reaper } = this.#declarations;
    words.fill(0, 0, PLAN);
    clocks.fill(0);
    words[THREADS] = all.length;
    words[LAST] = -1;
    words[REDUNDANT_AT] = -1;
    words[FAILED_THREAD] = -1;
    words[KILLS_LEFT] = this.#limits.kills;
    words[STEP_LIMIT] = this.#limits.steps;
    words[TURN_LIMIT] = LONGEST_TURN;
    words[SEED] = 1;
    words[REAPER] = reaper === undefined ? -1 : all.length - 1;
    for (const [thread, { mortal }] of all.entries()) {
      words[threadRow(thread) + STATUS] = thread === words[REAPER] ? DORMANT : READY;
      if (mortal) words[MORTALS] |= 1 << thread;
    }
    words[PLAN_LENGTH] = plan.choices.length;
    words.set(plan.choices, PLAN);
    words[PLANNED_SLEEP] = plan.asleep ?? 0;
    words[LENIENT] = plan.lenient === true ? 1 : 0;
    words[EXPLAIN] = plan.explain === true ? 1 : 0;
    words[ALL_HOT] = plan.lenient === true || plan.explain === true || plan.allHot === true ? 1 : 0;
    words[KILL_STEP] = plan.killStep ?? -1;
    words[KILL_VICTIM] = plan.killVictim ?? -1;
    for (let point = 0; point < MAX_CHANGE_POINTS; point++)
      words[CHANGE_POINTS + point] = plan.changePoints?.[point] ?? -1;
    if (plan.priorities !== undefined) {
      words[BY_PRIORITY] = 1;
      words.set(plan.priorities, PRIORITIES);
    }
  }

  #lostText(): string {
    return (
      `no thread made a step for ${PATIENCE / 1000} seconds: the scenario '${this.names.join("', '")}' does something ` +
      'endless without atomic operations, or waits for something that is not explored'
    );
  }
}
