/**
 * The words of one exploration: what the explored threads and the controller know of the execution in progress. Laid out
 * by the controller (`plan.ts`), read and written by whoever holds the token (`scheduler.ts`).
 *
 * Owner rule of nearly everything: there is one token per execution. Its holder alone reads and writes these words with
 * plain accesses; handing it over is a store and a notification of the next holder's TOKEN word. Between executions the
 * controller holds it. Exceptions: TOKEN words (set by the giver, cleared by the holder), ACTIVE and the end of an
 * execution, which threads that unwind count down at the same time, with atomic operations.
 */

/** The most explored threads, those that answer deaths included. */
export const MAX_THREADS = 8;
/** The most waits that are pending at the same time. */
export const MAX_WAITERS = 64;
/** The most steps of one execution. */
export const MAX_STEPS = 1 << 16;

/** How the execution ended; 0 while it goes on. See {@link FINISHED} and following. */
export const RESULT = 0;
/** Steps chosen so far. */
export const STEP = 1;
/** How many choices of the plan there are. */
export const PLAN_LENGTH = 2;
/** Number of threads, those that answer deaths included. */
export const THREADS = 3;
/** The thread that made the last step, -1 at the start. */
export const LAST = 4;
/** Deaths that may still be dealt. */
export const KILLS_LEFT = 5;
/** 1 when threads are to unwind: the execution is over. */
export const ABORT = 6;
/** After so many steps an execution counts as endless. */
export const STEP_LIMIT = 7;
/** The next number in a row of waits, grants and tasks. */
export const TICKETS = 8;
/** Threads that have begun and not unwound yet: atomic. */
export const ACTIVE = 9;
/** Steps of the last thread in a row while others could have gone on. */
export const ALONE = 10;
/** After so many of them it is somebody else's turn. */
export const TURN_LIMIT = 11;
/** Choices that are asleep; see `search.ts`. */
export const SLEEP = 12;
/** The step at which every choice that was possible was asleep, -1 if none. */
export const REDUNDANT_AT = 13;
/** The thread whose error ended the execution. */
export const FAILED_THREAD = 14;
/** 1: threads note where in the source each step stands. */
export const EXPLAIN = 15;
/** 1: follow the priorities; 0: go on with the thread that made the last step. */
export const BY_PRIORITY = 16;
/** 1: a choice of the plan that is not possible is passed over instead of ending the execution. */
export const LENIENT = 17;
/** 1 when the execution is over and all threads are at rest: the controller sleeps on it. */
export const OVER = 18;
/** 1 + a thread that cannot be unwound: set by it, atomically, when it gives up. */
export const LOST = 19;
/** The lowest priority given so far. */
export const LOWEST_PRIORITY = 20;
/** Step and victim of the one death that a random plan deals; -1 for none. */
export const KILL_STEP = 21;
export const KILL_VICTIM = 22;
/** The thread that a death has to be told to, -1 if there is none. */
export const REAPER = 23;
/** Bit per thread whose death the reaper has still to answer. */
export const UNANSWERED = 24;
/** Seed of `Math.random` in explored threads. */
export const SEED = 25;
/** Bytes of the error text. */
export const ERROR_LENGTH = 26;
/** Bit per thread that may be killed. */
export const MORTALS = 27;
/** Bit per thread that unwound from the middle of its work. */
export const CUT = 28;
/** Choices passed over because the plan named one that was not possible. */
export const PASSED_OVER = 29;
/** Choices that fall asleep when the last one of the plan is made. */
export const PLANNED_SLEEP = 30;
/** 1 when a cell has become hot: see `control-memory.ts`. */
export const NEWLY_HOT = 31;

/** Steps on cold cells in a row. */
export const COLD_STEPS = 32;
/** 1: every cell counts as hot. */
export const ALL_HOT = 33;
/** Bit per thread that still awaits something although the execution is over: set by it, atomically. */
export const LEFTOVERS = 34;
/** 1: a thread that gets the token lets go of what it awaits. */
export const CLEANING = 35;

/** Priorities of the choices, and the steps at which the thread on turn falls behind all others. */
export const PRIORITIES = 40;
export const CHANGE_POINTS = PRIORITIES + 3 * MAX_THREADS;
export const MAX_CHANGE_POINTS = 8;

/** Words of a thread. */
const THREAD_ROWS = 96;
const THREAD_WORDS = 16;
export const STATUS = 0;
/** What the thread does when it gets its turn: see `operations.ts`. */
export const PENDING_KIND = 1;
export const PENDING_BUFFER = 2;
export const PENDING_OFFSET = 3;
export const PENDING_LENGTH = 4;
/** 1 when time may pass for the thread: it sleeps with a time-out, or has a timer. */
export const TIMED = 5;
/** Where it sleeps with a time-out; buffer -1 for a timer. */
export const TIMED_BUFFER = 6;
export const TIMED_OFFSET = 7;
/** Tasks that its event loop may begin. */
export const TASKS = 8;
/** 1 when it has the token; threads sleep on it. */
export const TOKEN = 9;
/** The dead thread that a reaper is told of. */
export const VICTIM = 10;
/** Index of the wait in which it sleeps, -1 for none. */
export const WAITS_IN = 11;
/** How what it does next touches its bytes. */
export const PENDING_FACETS = 12;

/** Words of a pending wait. */
const WAITERS = THREAD_ROWS + MAX_THREADS * THREAD_WORDS;
const WAITER_WORDS = 8;
export const WAITER_STATE = 0;
export const WAITER_THREAD = 1;
export const WAITER_BUFFER = 2;
export const WAITER_OFFSET = 3;
export const WAITER_TICKET = 4;
export const WAITER_ASYNC = 5;
/** What the word held when the sleep began, for telling a lost wake-up; low and high half. */
export const WAITER_VALUE = 6;
export const WAITER_VALUE_HIGH = 7;

/** Choices to make, one word each. */
export const PLAN = WAITERS + MAX_WAITERS * WAITER_WORDS;

/** Words of a step that was made. */
export const TRACE = PLAN + MAX_STEPS;
export const STEP_WORDS = 13;
export const AT_CHOICE = 0;
export const AT_KIND = 1;
export const AT_FACETS = 2;
export const AT_BUFFER = 3;
export const AT_OFFSET = 4;
export const AT_LENGTH = 5;
/** Low half of what the operation gave, and of what it wrote or expected. */
export const AT_RESULT = 6;
export const AT_OPERAND = 7;
/** Choices that were possible, and that were asleep. */
export const AT_ENABLED = 8;
export const AT_ASLEEP = 9;
/** Bit per thread that the step woke. */
export const AT_WOKEN = 10;
/** The thread that had made the step before. */
export const AT_LAST = 11;
/** 1 when that thread had been on turn for so long that it was somebody else's turn. */
export const AT_TURN_OVER = 12;

/** All words. */
export const CONTROL_WORDS = TRACE + MAX_STEPS * STEP_WORDS;

/** Values of RESULT. */
export const FINISHED = 1;
export const STUCK = 2;
export const ENDLESS = 3;
export const FAILED = 4;
export const DIVERGED = 5;
/** A thread has ended and left something behind. */
export const LEFT_BEHIND = 6;

/** Values of STATUS. */
export const READY = 0;
/** Sleeps in `Atomics.wait`. */
export const ASLEEP = 1;
/** Its event loop has nothing to do: it awaits. */
export const AWAITING = 2;
export const ENDED = 3;
export const DEAD = 4;
/** Will be needed when somebody dies. */
export const DORMANT = 5;

/** Values of WAITER_STATE. */
export const UNUSED = 0;
export const WAITING = 1;
export const GRANTED = 2;

/** First word of a thread's row. */
export function threadRow(thread: number): number {
  return THREAD_ROWS + thread * THREAD_WORDS;
}

/** First word of a pending wait. */
export function waiterRow(waiter: number): number {
  return WAITERS + waiter * WAITER_WORDS;
}

/** First word of a step. */
export function stepRow(step: number): number {
  return TRACE + step * STEP_WORDS;
}
