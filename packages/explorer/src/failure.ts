/**
 * What can be wrong with an execution, and how that is said. Called after each execution.
 */
import type { Execution } from './execution.js';
import { DIVERGED, ENDLESS, FAILED, FINISHED, LEFT_BEHIND, STUCK } from './layout.js';
import type { Player } from './player.js';

/** Kinds of failures. */
export type FailureKind =
  /** A thread threw. */
  | 'error'
  /** What must hold afterwards does not. */
  | 'check'
  /** A thread ended and what must hold then does not: it left a lock held, say. */
  | 'left behind'
  /** Threads sleep and nobody is left to wake them. */
  | 'deadlock'
  /** A thread sleeps although the word that it sleeps on has changed since: the wake-up is missing, or came too early. */
  | 'lost wake-up'
  /** The execution goes on and on. */
  | 'livelock';

/** A failure, without its schedule. */
export interface Fault {
  readonly kind: FailureKind;
  readonly message: string;
}

/** What is wrong with the execution that was just played, if anything is. */
export function faultOf(player: Player, execution: Execution): Fault | undefined {
  const { names } = player;
  const thread = names[execution.failedThread] ?? '';
  switch (execution.result) {
    case FINISHED: {
      const error = player.check(execution);
      if (error === undefined) return undefined;
      return { kind: 'check', message: error instanceof Error ? error.message : String(error) };
    }
    case DIVERGED:
      // The search's own affair.
      return undefined;
    case FAILED:
      return { kind: 'error', message: `${thread}: ${player.errorText}` };
    case LEFT_BEHIND:
      return { kind: 'left behind', message: `${thread} has ended: ${player.errorText}` };
    case ENDLESS:
      return { kind: 'livelock', message: `no end after ${execution.length} steps` };
    case STUCK:
      return stuck(player);
    default:
      throw new Error(`an execution ended with ${execution.result}`);
  }
}

function stuck(player: Player): Fault {
  const { names } = player;
  let lost = false;
  const texts = player.sleepers().map(({ thread, buffer, offset, expected, found }) => {
    if (expected !== found) lost = true;
    const changed = expected === found ? '' : `, when it held ${expected}; it holds ${found}`;
    return `${names[thread]} sleeps on ${player.bufferName(buffer)}[${offset / 4}]${changed}`;
  });
  for (const thread of player.awaiting()) {
    if (player.sleepers().some((sleeper) => sleeper.thread === thread)) continue;
    texts.push(`${names[thread]} awaits what no thread settles (or real input and output, which is not explored)`);
  }
  return { kind: lost ? 'lost wake-up' : 'deadlock', message: texts.join('; ') };
}
