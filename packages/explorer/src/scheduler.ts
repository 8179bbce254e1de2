/**
 * The scheduler: decides which choice is made next. It is no thread: whoever holds the token runs it, on the words of
 * `layout.ts`, so that going on with the same thread costs no hand-over. Used by explored threads and, for the first
 * choice of an execution, by the controller.
 */
import {
  ABORT,
  ACTIVE,
  ALL_HOT,
  ALONE,
  ASLEEP,
  AT_ASLEEP,
  AT_BUFFER,
  AT_CHOICE,
  AT_ENABLED,
  AT_FACETS,
  AT_KIND,
  AT_LAST,
  AT_LENGTH,
  AT_OFFSET,
  AT_OPERAND,
  AT_RESULT,
  AT_TURN_OVER,
  AT_WOKEN,
  AWAITING,
  BY_PRIORITY,
  CELL_BYTES,
  CHANGE_POINTS,
  COLD_STEPS,
  type ControlMemory,
  DEAD,
  deadlineOf,
  DIVERGED,
  DORMANT,
  ENDED,
  ENDLESS,
  FINISHED,
  KILL,
  KILL_CHOICES,
  KILL_STEP,
  KILL_VICTIM,
  KILLS_LEFT,
  LAST,
  LENIENT,
  LOWEST_PRIORITY,
  MAX_CHANGE_POINTS,
  MAX_THREADS,
  MAX_WAITERS,
  MORTALS,
  NEWLY_HOT,
  OVER,
  PASSED_OVER,
  PENDING_BUFFER,
  PENDING_FACETS,
  PENDING_KIND,
  PENDING_LENGTH,
  PENDING_OFFSET,
  PLAN,
  PLAN_LENGTH,
  PLANNED_SLEEP,
  PRIORITIES,
  READY,
  REAPER,
  REDUNDANT_AT,
  RESULT,
  SLEEP,
  STATUS,
  STEP,
  STEP_CHOICES,
  STEP_LIMIT,
  stepRow,
  STUCK,
  TASKS,
  THREADS,
  threadOf,
  threadRow,
  TIME,
  TIME_CHOICES,
  TIMED,
  TIMED_BUFFER,
  TIMED_OFFSET,
  TOKEN,
  TURN_LIMIT,
  UNANSWERED,
  UNUSED,
  VICTIM,
  WAITER_BUFFER,
  WAITER_OFFSET,
  WAITER_STATE,
  WAITER_THREAD,
  WAITING,
  waiterRow,
  WAITS_IN,
} from './layout.js';
import { BEGIN, CHANGES_QUEUE, DIE, facetsDepend, kindOf } from './operations.js';
import { add, load, notify, store, sub, wait } from './real-atomics.js';

const NOTIFY = kindOf('notify');
/** Looks at a word before a thread goes to sleep for the token: a hand-over back is often quick. */
const LOOKS = 200;
/** Steps on cold cells that a thread may make in a row. */
const COLD_LIMIT = 2000;
/** Place of the bits of threads that have changed a cell. */
const MARK_CHANGES = 8;

/** The scheduler over the memory of one exploration. Its methods are for the holder of the token, except {@link park}. */
export class Scheduler {
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly clocks: Float64Array<SharedArrayBuffer>;

  constructor(readonly memory: ControlMemory) {
    this.words = memory.words;
    this.clocks = memory.clocks;
  }

  /** Makes choices until one gives the token to a thread. Returns that thread, or -1 when the execution is over. */
  choose(): number {
    const { words } = this;
    for (;;) {
      if (words[RESULT] !== 0) return -1;
      const enabled = this.enabled();
      if (words[STEP] === words[PLAN_LENGTH] - 1) words[SLEEP] = words[PLANNED_SLEEP];
      if ((enabled & (STEP_CHOICES | TIME_CHOICES)) === 0) return this.end(this.allEnded() ? FINISHED : STUCK);
      const step = words[STEP];
      if (step >= words[STEP_LIMIT]) return this.end(ENDLESS);
      const choice = this.nextChoice(step, enabled);
      if (choice < 0) return this.end(DIVERGED);
      words[STEP] = step + 1;
      const row = stepRow(step);
      words[row + AT_CHOICE] = choice;
      words[row + AT_ENABLED] = enabled;
      words[row + AT_ASLEEP] = words[SLEEP];
      words[row + AT_LAST] = words[LAST];
      words[row + AT_TURN_OVER] = words[ALONE] >= words[TURN_LIMIT] ? 1 : 0;
      const thread = threadOf(choice);
      if ((KILL_CHOICES & (1 << choice)) !== 0) {
        this.kill(thread, step);
        continue;
      }
      const others = enabled & STEP_CHOICES & ~(1 << thread);
      words[ALONE] = thread === words[LAST] && others !== 0 ? words[ALONE] + 1 : 0;
      words[LAST] = thread;
      return thread;
    }
  }

  /** Makes a step of the thread on turn that is no point to switch threads at. */
  goOnCold(thread: number, kind: number, buffer: number, offset: number, length: number): void {
    const { words } = this;
    const row = stepRow(words[STEP]);
    words[STEP]++;
    words[row + AT_CHOICE] = thread;
    words[row + AT_ENABLED] = 1 << thread;
    words[row + AT_ASLEEP] = words[SLEEP];
    words[row + AT_LAST] = thread;
    words[row + AT_TURN_OVER] = 0;
    words[row + AT_KIND] = kind;
    words[row + AT_FACETS] = 0;
    words[row + AT_BUFFER] = buffer;
    words[row + AT_OFFSET] = offset;
    words[row + AT_LENGTH] = length;
    words[row + AT_WOKEN] = 0;
  }

  /** True if a step on these bytes is a point to switch threads at. Marks that the thread touches them. */
  isHot(thread: number, changes: boolean, buffer: number, offset: number, length: number): boolean {
    const { words, memory } = this;
    if (words[ALL_HOT] !== 0) return true;
    const base = memory.firstCells[buffer] as number;
    let hot = false;
    for (let cell = Math.floor(offset / CELL_BYTES); cell * CELL_BYTES < offset + length; cell++) {
      const at = base + cell;
      if (memory.hot[at] !== 0) {
        hot = true;
        continue;
      }
      const marks = memory.marks[at] | (1 << thread) | (changes ? 1 << (MARK_CHANGES + thread) : 0);
      memory.marks[at] = marks;
      const changers = marks >>> MARK_CHANGES;
      const all = (marks | changers) & STEP_CHOICES;
      if (changers === 0 || (all & (all - 1)) === 0) continue;
      memory.hot[at] = 1;
      words[NEWLY_HOT] = 1;
      hot = true;
    }
    // A thread that spins on something that nobody has changed yet must let the others come to that.
    if (words[COLD_STEPS] >= COLD_LIMIT) words[ALONE] = words[TURN_LIMIT];
    words[COLD_STEPS] = hot || words[COLD_STEPS] >= COLD_LIMIT ? 0 : words[COLD_STEPS] + 1;
    return words[COLD_STEPS] === 0 || words[STEP] >= words[STEP_LIMIT];
  }

  /** Hands the token to a thread. A thread that has not begun yet begins with it. */
  give(thread: number): void {
    const { words } = this;
    const row = threadRow(thread);
    if (words[row + STATUS] === READY && words[row + PENDING_KIND] === BEGIN) add(words, ACTIVE, 1);
    this.wake(thread);
  }

  /** Sets a thread's token. */
  wake(thread: number): void {
    const { words } = this;
    const row = threadRow(thread);
    store(words, row + TOKEN, 1);
    notify(words, row + TOKEN);
  }

  /** Sleeps until the thread has the token, and takes it. */
  park(thread: number): void {
    const { words } = this;
    const at = threadRow(thread) + TOKEN;
    for (let looks = 0; looks < LOOKS; looks++) {
      if (load(words, at) !== 0) {
        words[at] = 0;
        return;
      }
    }
    while (load(words, at) === 0) wait(words, at, 0);
    words[at] = 0;
  }

  /** Ends the execution: threads in the middle of something unwind. Returns -1. */
  end(result: number): -1 {
    const { words } = this;
    if (words[RESULT] === 0) words[RESULT] = result;
    words[ABORT] = 1;
    for (let thread = 0; thread < words[THREADS]; thread++) {
      const row = threadRow(thread);
      const begun = words[row + PENDING_KIND] !== BEGIN;
      if (words[row + STATUS] !== ENDED && words[row + STATUS] !== DORMANT && begun) {
        store(words, row + TOKEN, 1);
        notify(words, row + TOKEN);
      }
    }
    if (load(words, ACTIVE) === 0) this.tellController();
    return -1;
  }

  /** A thread has unwound. Any thread may call it, once per execution. */
  atRest(): void {
    const { words } = this;
    if (sub(words, ACTIVE, 1) === 1 && load(words, RESULT) !== 0) this.tellController();
  }

  /** Writes down what the step just chosen has done, and wakes the sleeping choices that depend on it. */
  record(kind: number, facets: number, buffer: number, offset: number, length: number, woken: number): void {
    const { words } = this;
    const row = stepRow(words[STEP] - 1);
    words[row + AT_KIND] = kind;
    words[row + AT_FACETS] = facets;
    words[row + AT_BUFFER] = buffer;
    words[row + AT_OFFSET] = offset;
    words[row + AT_LENGTH] = length;
    words[row + AT_WOKEN] = woken;
    words[row + AT_RESULT] = 0;
    words[row + AT_OPERAND] = 0;
    if (words[SLEEP] !== 0) this.#wakeChoices(threadOf(words[row + AT_CHOICE]), facets, buffer, offset, length, woken);
  }

  /** What the step just recorded gave, and what it wrote or expected. */
  recordValues(result: number, operand: number): void {
    const { words } = this;
    const row = stepRow(words[STEP] - 1);
    words[row + AT_RESULT] = result;
    words[row + AT_OPERAND] = operand;
  }

  /** The choices that are possible now. */
  enabled(): number {
    const { words } = this;
    const mayDie = words[KILLS_LEFT] > 0;
    let mask = 0;
    for (let thread = 0; thread < words[THREADS]; thread++) {
      const row = threadRow(thread);
      const status = words[row + STATUS];
      if (status === ENDED || status === DEAD || status === DORMANT) continue;
      if (status === READY || (status === AWAITING && words[row + TASKS] > 0)) mask |= 1 << thread;
      if (status !== READY && words[row + TIMED] !== 0) mask |= 1 << (TIME + thread);
      const begun = words[row + PENDING_KIND] !== BEGIN || status !== READY;
      if (mayDie && begun && (words[MORTALS] & (1 << thread)) !== 0) mask |= 1 << (KILL + thread);
    }
    return mask;
  }

  private allEnded(): boolean {
    const { words } = this;
    for (let thread = 0; thread < words[THREADS]; thread++) {
      const status = words[threadRow(thread) + STATUS];
      if (status !== ENDED && status !== DEAD && status !== DORMANT) return false;
    }
    return true;
  }

  private nextChoice(step: number, enabled: number): number {
    const { words } = this;
    while (words[PASSED_OVER] + step < words[PLAN_LENGTH]) {
      const planned = words[PLAN + words[PASSED_OVER] + step];
      if ((enabled & (1 << planned)) !== 0) return planned;
      if (words[LENIENT] === 0) return -1;
      words[PASSED_OVER]++;
    }
    if (words[BY_PRIORITY] !== 0) return this.byPriority(step, enabled);
    return this.goOn(step, enabled);
  }

  /** The last thread, as long as it can; then the next one; time passes only when nobody can do anything. */
  private goOn(step: number, enabled: number): number {
    const { words, clocks } = this;
    const awake = enabled & ~words[SLEEP];
    let candidates = awake & STEP_CHOICES;
    const turnOver = words[ALONE] >= words[TURN_LIMIT] && candidates === 1 << words[LAST];
    // A thread that waits in a loop for somebody who sleeps shows nothing new either.
    if ((candidates === 0 && (awake & TIME_CHOICES) === 0) || (turnOver && (enabled & STEP_CHOICES) !== candidates)) {
      if (words[REDUNDANT_AT] < 0) words[REDUNDANT_AT] = step;
      candidates = enabled & STEP_CHOICES;
    }
    if (candidates !== 0) {
      const last = words[LAST];
      if (last >= 0 && (candidates & (1 << last)) !== 0) {
        const others = candidates & ~(1 << last);
        if (others === 0 || words[ALONE] < words[TURN_LIMIT]) return last;
        candidates = others;
      }
      for (let distance = 1; distance <= MAX_THREADS; distance++) {
        const thread = (last + distance) & (MAX_THREADS - 1);
        if ((candidates & (1 << thread)) !== 0) return thread;
      }
    }
    const times = (awake & TIME_CHOICES) !== 0 ? awake & TIME_CHOICES : enabled & TIME_CHOICES;
    let earliest = -1;
    for (let thread = 0; thread < words[THREADS]; thread++) {
      if ((times & (1 << (TIME + thread))) === 0) continue;
      const rest = clocks[deadlineOf(thread)] - clocks[thread];
      if (earliest < 0 || rest < clocks[deadlineOf(earliest)] - clocks[earliest]) earliest = thread;
    }
    return TIME + earliest;
  }

  /** The possible choice of the highest priority; at change points whoever is on turn falls behind all others. */
  private byPriority(step: number, enabled: number): number {
    const { words } = this;
    const victim = KILL + words[KILL_VICTIM];
    if (step >= words[KILL_STEP] && words[KILL_VICTIM] >= 0 && (enabled & (1 << victim)) !== 0) return victim;
    const candidates = enabled & (STEP_CHOICES | TIME_CHOICES);
    let best = this.highest(candidates);
    const turnOver = words[ALONE] >= words[TURN_LIMIT];
    for (let point = 0; point <= MAX_CHANGE_POINTS; point++) {
      const planned = words[CHANGE_POINTS + point];
      if (point === MAX_CHANGE_POINTS ? !turnOver : planned < 0 || planned > step) continue;
      if (point < MAX_CHANGE_POINTS) words[CHANGE_POINTS + point] = -1;
      words[PRIORITIES + best] = --words[LOWEST_PRIORITY];
      best = this.highest(candidates);
    }
    return best;
  }

  private highest(candidates: number): number {
    const { words } = this;
    let best = -1;
    for (let choice = 0; choice < 3 * MAX_THREADS; choice++) {
      if ((candidates & (1 << choice)) === 0) continue;
      if (best < 0 || words[PRIORITIES + choice] > words[PRIORITIES + best]) best = choice;
    }
    return best;
  }

  private kill(thread: number, step: number): void {
    const { words } = this;
    const row = threadRow(thread);
    const asleep = words[row + STATUS] === ASLEEP;
    let buffer = -1;
    let offset = 0;
    if (asleep) {
      const waiter = waiterRow(words[row + WAITS_IN]);
      buffer = words[waiter + WAITER_BUFFER];
      offset = words[waiter + WAITER_OFFSET];
    }
    words[row + STATUS] = DEAD;
    for (let index = 0; index < MAX_WAITERS; index++) {
      const waiter = waiterRow(index);
      if (words[waiter + WAITER_STATE] === WAITING && words[waiter + WAITER_THREAD] === thread)
        words[waiter + WAITER_STATE] = UNUSED;
    }
    words[KILLS_LEFT]--;
    words[stepRow(step) + AT_CHOICE] = KILL + thread;
    let woken = 0;
    if (words[REAPER] >= 0) {
      words[UNANSWERED] |= 1 << thread;
      woken = this.awakenReaper();
    }
    this.record(DIE, buffer < 0 ? 0 : CHANGES_QUEUE, buffer, offset, 4, woken);
  }

  /** Has the reaper answer the next death, if it is at rest. Returns the bit of the thread that this woke. */
  awakenReaper(): number {
    const { words } = this;
    const reaper = words[REAPER];
    const row = threadRow(reaper);
    if (words[UNANSWERED] === 0 || words[row + STATUS] !== DORMANT) return 0;
    const victim = 31 - Math.clz32(words[UNANSWERED] & -words[UNANSWERED]);
    words[UNANSWERED] &= ~(1 << victim);
    words[row + VICTIM] = victim;
    words[row + STATUS] = READY;
    words[row + PENDING_KIND] = BEGIN;
    words[row + PENDING_FACETS] = 0;
    return 1 << reaper;
  }

  #wakeChoices(actor: number, facets: number, buffer: number, offset: number, length: number, woken: number): void {
    const { words } = this;
    let sleep = words[SLEEP] & ~((1 << actor) | (1 << (KILL + actor)) | (1 << (TIME + actor)));
    sleep &= ~((woken << KILL) | (woken << TIME) | woken);
    for (let rest = sleep; rest !== 0; rest &= rest - 1) {
      const choice = 31 - Math.clz32(rest & -rest);
      const row = threadRow(threadOf(choice));
      let depends = false;
      if (choice < KILL) {
        depends =
          (facetsDepend(words[row + PENDING_FACETS], facets) &&
            words[row + PENDING_BUFFER] === buffer &&
            words[row + PENDING_OFFSET] < offset + length &&
            offset < words[row + PENDING_OFFSET] + words[row + PENDING_LENGTH]) ||
          // It may wake the same thread: the order of a thread's tasks matters.
          (woken !== 0 && words[row + PENDING_KIND] === NOTIFY);
      } else if (choice >= TIME) {
        depends =
          facetsDepend(CHANGES_QUEUE, facets) &&
          words[row + TIMED_BUFFER] === buffer &&
          words[row + TIMED_OFFSET] < offset + length &&
          offset < words[row + TIMED_OFFSET] + 4;
      }
      if (depends) sleep &= ~(1 << choice);
    }
    words[SLEEP] = sleep;
  }

  private tellController(): void {
    store(this.words, OVER, 1);
    notify(this.words, OVER);
  }
}
