/**
 * The exhaustive search: which execution to play next. A tree of choices is walked depth first; at each step are tried the
 * choice that the scheduler made by itself and those that a race, a possible death or a possible time-out calls for.
 *
 * Without a bound this is dynamic partial-order reduction with source sets and sleep sets: of all executions that differ
 * only in the order of independent steps, at least one is played. For a race (first, second) the thread of `second`, or one
 * that leads to it, is tried in place of `first`.
 *
 * With a bound on preemptions (changes from a thread that could have gone on) the reduction must not take away executions
 * that need fewer of them. So the thread of `second` is tried in place of `first` and also where that costs no more: where
 * the thread of `first` was given its turn, and where nobody could make a step. If it cannot go on there, everything that
 * can is tried. Nothing sleeps: what is found after a choice that sleeps may call for a choice that a thread has only here.
 *
 * Deaths and time-outs are not steps of the scenario's own making, so no race points at them. A thread may be killed before
 * each of its steps and before it is woken; time may pass for a thread wherever it is woken or begins a task. Deaths have a
 * budget of their own; letting time pass while somebody could make a step costs as much as a preemption.
 *
 * That this leaves nothing out is not proved but tried, on random programs: `search-threadless.test.ts`.
 */
import { Causality } from './causality.js';
import { KILL, KILL_CHOICES, STEP_CHOICES, TIME, TIME_CHOICES } from './choices.js';
import type { Execution } from './execution.js';
import { DIVERGED } from './layout.js';
import { costOf, deedOf, type Node, nodeOf } from './node.js';
import type { Plan } from './plan.js';

/** The search of one scenario. Use it in turns: {@link next}, play, {@link learn}. */
export class Search {
  readonly #bound: number;
  readonly #reaper: number;
  readonly #everywhere: boolean;
  readonly #path: Node[] = [];
  #begun = false;
  #cut = false;

  /**
   * `bound`: preemptions, or Infinity. `reaper`: the thread that answers deaths, -1 if there is none. `everywhere`: no
   * reduction; every thread is tried at every step on shared memory.
   */
  constructor(bound: number, reaper: number, everywhere = false) {
    this.#bound = bound;
    this.#everywhere = everywhere;
    this.#reaper = reaper;
  }

  /** True if something was left out because of the bound. */
  get boundMattered(): boolean {
    return this.#cut;
  }

  get #bounded(): boolean {
    return this.#bound !== Number.POSITIVE_INFINITY;
  }

  /** What to play next, or undefined when everything was tried. */
  next(): Plan | undefined {
    if (!this.#begun) {
      this.#begun = true;
      return { choices: [] };
    }
    for (let depth = this.#path.length - 1; depth >= 0; depth--) {
      const node = this.#path[depth] as Node;
      const choice = this.#untried(node);
      if (choice < 0) {
        this.#path.pop();
        continue;
      }
      const asleep = this.#sleepAfter(node);
      node.choice = choice;
      node.tried |= 1 << choice;
      return { choices: this.#path.map((each) => each.choice), asleep };
    }
    return undefined;
  }

  /** True if the execution went as planned, and as those before it that began with the same choices. */
  follows(execution: Execution): boolean {
    if (execution.result === DIVERGED) return false;
    const last = this.#path.length - 1;
    return this.#path.every(
      (node, step) =>
        step < execution.length &&
        node.choice === execution.choice(step) &&
        node.enabled === execution.enabled(step) &&
        // What the last choice of the plan does is new.
        (step === last || node.deed === deedOf(execution, step)),
    );
  }

  /** Takes up what the execution has shown that was planned last. */
  learn(execution: Execution): void {
    const known = this.#path.length;
    const branch = this.#path[known - 1];
    if (branch !== undefined) branch.deed = deedOf(execution, known - 1);
    let spent = branch === undefined ? 0 : branch.spent + costOf(branch, branch.choice);
    for (let step = known; step < execution.newUntil; step++) {
      const node = nodeOf(execution, step, spent);
      spent += costOf(node, node.choice);
      if (spent > this.#bound) {
        this.#cut = true;
        break;
      }
      this.#path.push(node);
    }
    const length = this.#path.length;
    const from = Math.max(0, known - 1);
    if (this.#everywhere) {
      for (let step = from; step < length; step++) this.#wantEverything(execution, step);
      return;
    }
    const causality = new Causality(execution, length, from);
    for (const { first, second } of causality.races) {
      if (this.#bounded) this.#reverseWithin(execution, first, second);
      else this.#reverse(execution, causality, first, second);
    }
    for (let step = from; step < length; step++) this.#wantDeathsAndTimeouts(execution, step);
  }

  /**
   * Deaths and time-outs come first: what is tried after them may put them to sleep, but not the other way round. A thread that
   * sleeps makes no step, and only a step says that its death is to be tried.
   */
  #untried(node: Node): number {
    const untried = node.wanted & ~node.tried & ~node.asleep;
    for (const kind of [KILL_CHOICES, TIME_CHOICES, STEP_CHOICES]) {
      for (let rest = untried & kind; rest !== 0; rest &= rest - 1) {
        const choice = 31 - Math.clz32(rest & -rest);
        if (node.spent + costOf(node, choice) <= this.#bound) return choice;
        this.#cut = true;
        node.tried |= 1 << choice;
      }
    }
    return -1;
  }

  /** What sleeps at a node while its next choice is tried. */
  #sleepAfter(node: Node): number {
    return this.#bounded || this.#everywhere ? 0 : node.asleep | node.tried;
  }

  /** Tries something in place of `first` that lets `second` come before it. */
  #reverse(execution: Execution, causality: Causality, first: number, second: number): void {
    const node = this.#path[first] as Node;
    // Threads whose first step after `first`, of those that do not depend on it, depends on no other of these.
    const between: number[] = [];
    let initials = 0;
    let seen = 0;
    for (let step = first + 1; step <= second; step++) {
      if (step !== second && causality.precedes(first, step)) continue;
      const bit = 1 << execution.thread(step);
      if ((seen & bit) === 0 && !between.some((earlier) => causality.precedes(earlier, step))) {
        initials |= 1 << execution.choice(step);
      }
      seen |= bit;
      between.push(step);
    }
    if ((initials & node.wanted) !== 0) return;
    const possible = initials & node.enabled;
    const wished = 1 << execution.choice(second);
    if ((possible & wished) !== 0) node.wanted |= wished;
    else if (possible !== 0) node.wanted |= possible & -possible;
    else node.wanted |= node.enabled & (STEP_CHOICES | TIME_CHOICES | this.#deathsBefore(execution, second));
  }

  /** The same, within a bound. */
  #reverseWithin(execution: Execution, first: number, second: number): void {
    const other = 1 << execution.thread(second);
    for (const step of this.#placesBefore(execution, first)) {
      const node = this.#path[step] as Node;
      if ((other & node.enabled) !== 0) node.wanted |= other;
      else node.wanted |= node.enabled & (STEP_CHOICES | TIME_CHOICES | this.#deathsBefore(execution, second));
    }
  }

  /**
   * A step, and those before it in place of which something else costs no preemption more: the one with which its thread was
   * given the turn, and the last one at which nobody could make a step, where time passes for nothing.
   */
  #placesBefore(execution: Execution, step: number): Set<number> {
    const thread = execution.thread(step);
    let turn = step;
    while (execution.last(turn) === thread && (execution.enabled(turn) & (1 << thread)) !== 0) turn--;
    let idle = turn;
    while (idle >= 0 && (execution.enabled(idle) & STEP_CHOICES) !== 0) idle--;
    return new Set(idle < 0 ? [step, turn] : [step, turn, idle]);
  }

  /** If the supervisor made this step: the deaths that made it act. */
  #deathsBefore(execution: Execution, step: number): number {
    return execution.thread(step) === this.#reaper ? KILL_CHOICES : 0;
  }

  #wantEverything(execution: Execution, step: number): void {
    const node = this.#path[step] as Node;
    node.wanted |= node.enabled & (STEP_CHOICES | TIME_CHOICES);
    this.#wantDeathsAndTimeouts(execution, step);
  }

  #wantDeathsAndTimeouts(execution: Execution, step: number): void {
    const threads = execution.woken(step) | (execution.choice(step) < KILL ? 1 << execution.thread(step) : 0);
    for (const each of this.#bounded ? this.#placesBefore(execution, step) : [step]) {
      const node = this.#path[each] as Node;
      node.wanted |= node.enabled & ((threads << KILL) | (threads << TIME));
    }
  }
}
