/**
 * Plays executions of one scenario, one at a time: puts the memory back, hands out the token, waits until all threads are
 * at rest again. Belongs to the controller, whose thread is blocked while an execution is on.
 */
import { type ControlMemory, createControlMemory, PATIENCE } from './control-memory.js';
import { Crew } from './crew.js';
import { Execution } from './execution.js';
import { ExploredMemory } from './explored-memory.js';
import {
  ACTIVE,
  AWAITING,
  CLEANING,
  ERROR_LENGTH,
  FINISHED,
  LAST,
  LEFTOVERS,
  LOST,
  MAX_STEPS,
  MAX_THREADS,
  OVER,
  STATUS,
  threadRow,
} from './layout.js';
import { layOut, type Limits, type Plan } from './plan.js';
import { scheduleText } from './schedule-text.js';
import { choose } from './scheduler.js';
import { describeStep } from './step-text.js';
import { declare, NOT_SEEN } from './subject.js';
import { giveToken, setToken } from './token.js';
import { type UngrantedWait, ungrantedWaits } from './waits.js';
import { Declarations, type Subject } from './world.js';

/** What is thrown when the text of a function uses what is around it, or imports. */
const UNSEEN = /^ReferenceError|ERR_VM_DYNAMIC_IMPORT/;

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
  /** True if the scenario was given as a function. */
  readonly #fromText: boolean;

  private constructor(
    declarations: Declarations,
    buffers: readonly SharedArrayBuffer[],
    memory: ControlMemory,
    crew: Crew,
    limits: Limits,
    fromText: boolean,
  ) {
    this.#declarations = declarations;
    this.buffers = buffers;
    this.names = declarations.all.map(({ name }) => name);
    this.#memory = memory;
    this.#explored = new ExploredMemory(buffers);
    this.#crew = crew;
    this.#limits = limits;
    this.#bufferNames = [...declarations.memory.values()];
    this.#fromText = fromText;
  }

  /** Declares the scenario and starts its threads. */
  static async start(subject: Subject, limits: Limits): Promise<Player> {
    const declarations = new Declarations(subject);
    await declare(subject, declarations);
    const names = declarations.all.map(({ name }) => name);
    const count = names.length;
    if (count === 0 || count > MAX_THREADS) throw new Error(`a scenario has 1 to ${MAX_THREADS} threads, not ${count}`);
    if (!(limits.steps >= 1 && limits.steps <= MAX_STEPS)) throw new Error(`at most ${MAX_STEPS} steps`);
    const buffers = [...declarations.memory.keys()];
    const memory = createControlMemory(buffers);
    const crew = await Crew.start(names, { subject, memory, shared: declarations.shared, buffers });
    return new Player(declarations, buffers, memory, crew, limits, subject.source !== undefined);
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

  /** Plays one execution. Throws when a thread is lost. */
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
    const text = new TextDecoder().decode(error.slice(0, words[ERROR_LENGTH]));
    if (!this.#fromText || !UNSEEN.test(text)) return text;
    return text.replace(/$/m, ` ${NOT_SEEN}`);
  }

  /** Who slept when the last execution ended. */
  sleepers(): Sleeper[] {
    return ungrantedWaits(this.#memory.words).map(({ thread, buffer, offset, expected }) => {
      const memory = this.buffers[buffer] as SharedArrayBuffer;
      return { thread, buffer, offset, expected, found: Atomics.load(new Int32Array(memory, offset, 1), 0) };
    });
  }

  /** Whose event loop had nothing to begin when the last execution ended. */
  awaiting(): number[] {
    const { words } = this.#memory;
    return [...this.names.keys()].filter((thread) => words[threadRow(thread) + STATUS] === AWAITING);
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
      if (Atomics.wait(words, OVER, 0, PATIENCE) === 'timed-out') throw new Error(this.#silenceText());
    }
    const lost = Atomics.load(words, LOST);
    if (lost !== 0) {
      throw new Error(
        `'${this.names[lost - 1]}' cannot be stopped: it catches, and goes on after, the error by which an atomic operation ` +
          'throws it out when its execution is over',
      );
    }
  }

  /** The threads are silent: who is on turn, and after what. */
  #silenceText(): string {
    const execution = new Execution(this.#memory.words);
    const thread = this.#memory.words[LAST];
    let last = execution.length - 1;
    while (last >= 0 && (execution.thread(last) !== thread || execution.kind(last) === 0)) last--;
    const after = last < 0 ? 'it has begun' : `step ${last + 1}, '${describeStep(this, execution, last)}'`;
    return (
      `'${this.names[thread] ?? ''}' has made no step for ${PATIENCE / 1000} seconds since ${after}: it does something endless ` +
      'without atomic operations on explored memory, or blocks elsewhere. ' +
      `The schedule so far: ${scheduleText(execution.choices())}`
    );
  }
}
