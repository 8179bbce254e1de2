/**
 * Plays executions of one scenario, one at a time: puts the memory back, hands out the token, waits until all threads are
 * at rest again. Belongs to the controller, whose thread is blocked while an execution is on.
 */
import { type ControlMemory, createControlMemory } from './control-memory.js';
import { Crew } from './crew.js';
import { Execution } from './execution.js';
import { ExploredMemory } from './explored-memory.js';
import {
  ACTIVE,
  CLEANING,
  DIVERGED,
  ERROR_LENGTH,
  FINISHED,
  LEFTOVERS,
  MAX_STEPS,
  MAX_THREADS,
  OVER,
} from './layout.js';
import { layOut, type Limits, type Plan } from './plan.js';
import { choose } from './scheduler.js';
import { declare } from './subject.js';
import { giveToken, setToken } from './token.js';
import { type UngrantedWait, ungrantedWaits } from './waits.js';
import { Declarations, type Subject } from './world.js';

/** Milliseconds without a sign of the threads after which they count as lost. */
const PATIENCE = 20_000;

/** A sleeper nobody woke. */
export interface Sleeper extends UngrantedWait {
  /** What the word holds now. */
  readonly found: number;
}

/** A scenario, ready to be played. */
export class Player {
  readonly names: readonly string[];
  readonly buffers: readonly SharedArrayBuffer[];
  readonly #crew: Crew;
  readonly #declarations: Declarations;
  readonly #memory: ControlMemory;
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
    layOut(this.#memory, plan, this.#declarations.all, this.reaper, this.#limits);
    const { words } = this.#memory;
    const first = choose(this.#memory);
    if (first >= 0) {
      giveToken(words, first);
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
    return ungrantedWaits(this.#memory.words).map(({ thread, buffer, offset, expected }) => {
      const memory = this.buffers[buffer] as SharedArrayBuffer;
      return { thread, buffer, offset, expected, found: Atomics.load(new Int32Array(memory, offset, 1), 0) };
    });
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
    for (let rest = threads; rest !== 0; rest &= rest - 1) setToken(words, 31 - Math.clz32(rest & -rest));
    this.#untilOver();
  }

  #untilOver(): void {
    const { words } = this.#memory;
    while (Atomics.load(words, OVER) === 0) {
      if (Atomics.wait(words, OVER, 0, PATIENCE) === 'timed-out') throw new Error(this.#lostText());
    }
  }

  #lostText(): string {
    return (
      `no thread made a step for ${PATIENCE / 1000} seconds: the scenario '${this.names.join("', '")}' does something ` +
      'endless without atomic operations, or waits for something that is not explored'
    );
  }
}
