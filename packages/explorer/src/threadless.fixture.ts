/**
 * Plays little programs without threads: the real scheduler, record of steps and search, while one loop makes the steps that
 * explored threads would make. A thousand searches a second instead of one or two, for tests of what the search leaves out.
 */
import { TIME } from './choices.js';
import { type ControlMemory, createControlMemory, deadlineOf } from './control-memory.js';
import { awakenReaper } from './deaths.js';
import { Execution } from './execution.js';
import * as layout from './layout.js';
import { BEGIN, CHANGES_QUEUE, facetsOf, kindOf, LOOKS_AT_QUEUE, READS, RESUME, TIMEOUT } from './operations.js';
import { layOut, type Plan } from './plan.js';
import type { Instruction } from './scenarios.fixture.js';
import { choose } from './scheduler.js';
import { Search } from './search.js';
import { recordStep } from './trace.js';
import { addWait, grantOldest } from './waits.js';

type Program = readonly Instruction[];

const BYTES = 4;
/** Milliseconds of virtual time that a wait lasts at most. */
const WAIT_LIMIT = 10;

/** How far a search goes, and what each death begins. */
interface Bounds {
  readonly preemptions: number;
  readonly kills?: number;
  readonly everywhere?: boolean;
  readonly supervisor?: Program | undefined;
}

/** What a search of threads that run these programs finds: the final words and what each step gave. */
export function outcomesOf(
  programs: readonly Program[],
  { preemptions, kills = 0, everywhere = false, supervisor }: Bounds,
): Set<string> {
  const outcomes = new Set<string>();
  const game = new Game(programs, kills, supervisor);
  const tree = new Search(preemptions, game.reaper, everywhere);
  for (let plan = tree.next(); plan !== undefined; plan = tree.next()) {
    const execution = game.play(plan);
    if (!tree.follows(execution)) throw new Error('the search asks for what cannot be played');
    tree.learn(execution);
    outcomes.add(game.outcome);
  }
  return outcomes;
}

class Game {
  /** The supervisor, or -1. */
  readonly reaper: number;
  readonly #programs: readonly Program[];
  readonly #kills: number;
  readonly #memory: ControlMemory = createControlMemory([new SharedArrayBuffer(2 * BYTES)]);
  #values: number[] = [];
  #seen: number[] = [];
  /** The instruction that each thread makes next; -1 before it has begun. */
  #positions: number[] = [];
  /** Whether each thread is in the middle of a wait. */
  #waiting: boolean[] = [];

  constructor(programs: readonly Program[], kills: number, supervisor?: Program) {
    this.#programs = supervisor === undefined ? programs : [...programs, supervisor];
    this.reaper = supervisor === undefined ? -1 : programs.length;
    this.#kills = kills;
    this.#memory.hot.fill(1);
  }

  /** What the execution played last has left. */
  get outcome(): string {
    return [...this.#values, ...this.#seen].join();
  }

  play(plan: Plan): Execution {
    const { words } = this.#memory;
    const threads = this.#programs.map((_, index) => ({ mortal: this.#kills > 0 && index !== this.reaper }));
    layOut(this.#memory, plan, threads, this.reaper, { kills: this.#kills, steps: 1000 });
    this.#values = [0, 0];
    this.#seen = Array<number>(64).fill(0);
    this.#positions = threads.map(() => -1);
    this.#waiting = threads.map(() => false);
    for (let thread = choose(this.#memory); thread >= 0; thread = choose(this.#memory)) {
      if (this.#step(thread)) this.#announce(thread, ++(this.#positions[thread] as number));
    }
    const execution = new Execution(words);
    if (execution.result !== layout.FINISHED) throw new Error(`an execution ended with ${execution.result}`);
    return execution;
  }

  /** Makes the step that a thread has announced. False if it sleeps now, and goes on with the same instruction. */
  #step(thread: number): boolean {
    const { words } = this.#memory;
    const position = this.#positions[thread] as number;
    const instruction = this.#programs[thread]?.[position];
    if (position < 0 || instruction === undefined) {
      recordStep(words, BEGIN, 0, -1, 0, 0, 0);
      return true;
    }
    const { operation, at, value } = instruction;
    const see = (result: number) => {
      this.#seen[thread * 8 + position] = 1 + result;
      return true;
    };
    if (operation === 'notify') return see(this.#notify(at));
    if (this.#waiting[thread] === true) {
      const result = operation === 'wait' ? this.#wakeUp(thread, at) : this.#beginTask(thread, at);
      return result !== undefined && see(result);
    }
    const before = this.#values[at] as number;
    const record = (facets: number) => recordStep(words, kindOf(operation), facets, 0, at * BYTES, BYTES, 0);
    if (operation === 'wait' || operation === 'waitAsync') {
      const sleeps = before === value - 1;
      record(sleeps ? facetsOf(operation) : READS);
      if (!sleeps) return see(1);
      this.#sleep(thread, at, before, operation === 'waitAsync');
      return false;
    }
    const after = resultOf(operation, before, value);
    this.#values[at] = after;
    record(after === before ? READS : facetsOf(operation));
    return see(operation === 'store' ? value : before);
  }

  #notify(at: number): number {
    const { words } = this.#memory;
    const woken = grantOldest(words, 0, at * BYTES);
    const facets = woken < 0 ? LOOKS_AT_QUEUE : CHANGES_QUEUE;
    recordStep(words, kindOf('notify'), facets, 0, at * BYTES, BYTES, woken < 0 ? 0 : 1 << woken);
    return woken < 0 ? 0 : 1;
  }

  #sleep(thread: number, at: number, value: number, isAsync: boolean): void {
    const { words, clocks } = this.#memory;
    const row = layout.threadRow(thread);
    const waiter = addWait(words, thread, 0, at * BYTES, value, 0, isAsync);
    this.#waiting[thread] = true;
    words[row + layout.WAITS_IN] = waiter;
    words[row + layout.STATUS] = isAsync ? layout.AWAITING : layout.ASLEEP;
    words[row + layout.TIMED] = 1;
    words[row + layout.TIMED_BUFFER] = 0;
    words[row + layout.TIMED_OFFSET] = at * BYTES;
    words[row + layout.PENDING_KIND] = RESUME;
    words[row + layout.PENDING_FACETS] = 0;
    clocks[deadlineOf(thread)] = clocks[thread] + WAIT_LIMIT;
  }

  /** A thread goes on that was woken, or whose time has passed. */
  #wakeUp(thread: number, at: number): number {
    const passed = this.#timePassed(thread);
    this.#recordAwakening(thread, at, passed);
    this.#endWait(thread);
    return passed ? 2 : 0;
  }

  /** An event loop begins what was granted, or what time has passed for; undefined if that was granted meanwhile. */
  #beginTask(thread: number, at: number): number | undefined {
    const { words } = this.#memory;
    const row = layout.threadRow(thread);
    const passed = this.#timePassed(thread);
    const granted = words[layout.waiterRow(words[row + layout.WAITS_IN]) + layout.WAITER_STATE] === layout.GRANTED;
    this.#recordAwakening(thread, at, passed);
    if (passed && granted) {
      words[row + layout.STATUS] = layout.AWAITING;
      words[row + layout.TIMED] = 0;
      return undefined;
    }
    words[row + layout.TASKS] -= granted ? 1 : 0;
    this.#endWait(thread);
    return passed ? 2 : 0;
  }

  /** True if the step just chosen is that time passes for a thread. */
  #timePassed(thread: number): boolean {
    const { words } = this.#memory;
    return words[layout.stepRow(words[layout.STEP] - 1) + layout.AT_CHOICE] === TIME + thread;
  }

  #recordAwakening(thread: number, at: number, passed: boolean): void {
    const { words, clocks } = this.#memory;
    words[layout.threadRow(thread) + layout.STATUS] = layout.READY;
    if (passed) {
      clocks[thread] = clocks[deadlineOf(thread)];
      recordStep(words, TIMEOUT, CHANGES_QUEUE, 0, at * BYTES, BYTES, 0);
    } else recordStep(words, RESUME, 0, -1, 0, 0, 0);
  }

  #endWait(thread: number): void {
    const { words } = this.#memory;
    const row = layout.threadRow(thread);
    this.#waiting[thread] = false;
    words[layout.waiterRow(words[row + layout.WAITS_IN]) + layout.WAITER_STATE] = layout.UNUSED;
    words[row + layout.WAITS_IN] = -1;
    words[row + layout.TIMED] = 0;
  }

  /** Says what a thread is about to do, or that it has nothing more to do. */
  #announce(thread: number, position: number): void {
    const { words } = this.#memory;
    const row = layout.threadRow(thread);
    const next = this.#programs[thread]?.[position];
    if (next === undefined) {
      words[row + layout.STATUS] = thread === this.reaper ? layout.DORMANT : layout.ENDED;
      if (thread !== this.reaper) return;
      // The next death begins it anew.
      this.#positions[thread] = -1;
      awakenReaper(words);
      return;
    }
    words[row + layout.PENDING_KIND] = kindOf(next.operation);
    words[row + layout.PENDING_FACETS] = facetsOf(next.operation);
    words[row + layout.PENDING_BUFFER] = 0;
    words[row + layout.PENDING_OFFSET] = next.at * BYTES;
    words[row + layout.PENDING_LENGTH] = BYTES;
  }
}

/** What is in a word after an operation on it. */
export function resultOf(operation: Instruction['operation'], before: number, value: number): number {
  switch (operation) {
    case 'store':
      return value;
    case 'add':
      return before + value;
    case 'or':
      return before | value;
    case 'compareExchange':
      return before === value - 1 ? value : before;
    default:
      return before;
  }
}
