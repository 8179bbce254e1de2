/**
 * A step on the path that the exhaustive search (`search.ts`) is walking: what could be chosen there, what was, and what is
 * still to be tried. Private to the search.
 */
import { KILL_CHOICES, STEP_CHOICES, threadOf, TIME_CHOICES } from './choices.js';
import type { Execution } from './execution.js';

/** One step on the path that is being walked. */
export interface Node {
  readonly enabled: number;
  readonly last: number;
  readonly turnOver: boolean;
  /** Preemptions before this step. */
  readonly spent: number;
  /** Choices that need not be tried here. */
  readonly asleep: number;
  choice: number;
  /** What the choice did: see {@link deedOf}. */
  deed: number;
  /** Choices to be tried, and those that were. */
  wanted: number;
  tried: number;
}

/** The step of an execution as the path's next one; `spent`: the preemptions before it. */
export function nodeOf(execution: Execution, step: number, spent: number): Node {
  const choice = execution.choice(step);
  return {
    enabled: execution.enabled(step),
    last: execution.last(step),
    turnOver: execution.turnOver(step),
    spent,
    asleep: execution.asleep(step),
    choice,
    deed: deedOf(execution, step),
    wanted: 1 << choice,
    tried: 1 << choice,
  };
}

/** A number for what a step did, and where: the same in executions that begin with the same choices. */
export function deedOf(execution: Execution, step: number): number {
  return ((execution.buffer(step) + 1) * 64 + execution.kind(step)) * 2 ** 32 + execution.offset(step);
}

/**
 * What a choice costs: 1 if it takes the turn from a thread that could go on, or lets time pass while one could. When the
 * turn is over it is the other way round: a thread that goes on all the same pays, so that loops which wait end.
 */
export function costOf(node: Node, choice: number): number {
  if ((KILL_CHOICES & (1 << choice)) !== 0) return 0;
  if (node.turnOver) {
    const others = node.enabled & STEP_CHOICES & ~(1 << node.last);
    return threadOf(choice) === node.last && others !== 0 ? 1 : 0;
  }
  if ((TIME_CHOICES & (1 << choice)) !== 0) return (node.enabled & STEP_CHOICES) !== 0 ? 1 : 0;
  const couldGoOn = node.last >= 0 && (node.enabled & (1 << node.last)) !== 0;
  return couldGoOn && threadOf(choice) !== node.last ? 1 : 0;
}
