/**
 * What an execution is to do, and the words of `layout.ts` as it finds them. Laid out by the controller, which has the token
 * between executions.
 */
import type { ControlMemory } from './control-memory.js';
import {
  ALL_HOT,
  BY_PRIORITY,
  CHANGE_POINTS,
  DORMANT,
  EXPLAIN,
  FAILED_THREAD,
  KILL_STEP,
  KILL_VICTIM,
  KILLS_LEFT,
  LAST,
  LENIENT,
  MAX_CHANGE_POINTS,
  MORTALS,
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
} from './layout.js';
import type { DeclaredThread } from './world.js';

/** Steps in a row that a thread may make while others could go on. */
const LONGEST_TURN = 1000;

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

/** How much an execution may do. */
export interface Limits {
  readonly kills: number;
  readonly steps: number;
}

/** Puts the words in the state in which the execution begins. `reaper`: the thread that answers deaths, -1 for none. */
export function layOut(
  { words, clocks }: ControlMemory,
  plan: Plan,
  threads: readonly Pick<DeclaredThread, 'mortal'>[],
  reaper: number,
  limits: Limits,
): void {
  words.fill(0, 0, PLAN);
  clocks.fill(0);
  words[THREADS] = threads.length;
  words[LAST] = -1;
  words[REDUNDANT_AT] = -1;
  words[FAILED_THREAD] = -1;
  words[KILLS_LEFT] = limits.kills;
  words[STEP_LIMIT] = limits.steps;
  words[TURN_LIMIT] = LONGEST_TURN;
  words[SEED] = 1;
  words[REAPER] = reaper;
  for (const [thread, { mortal }] of threads.entries()) {
    words[threadRow(thread) + STATUS] = thread === reaper ? DORMANT : READY;
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
