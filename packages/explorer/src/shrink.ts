/**
 * Makes a failing schedule shorter: leaves out one uninterrupted run of a thread after the other, or a death, and keeps
 * what still fails in the same way with fewer changes between threads. Steps that are left out happen later, if they can.
 * Then drops from the end what the scheduler does by itself.
 */
import type { Execution } from './execution.js';
import { type Fault, faultOf } from './failure.js';
import type { Player } from './player.js';

const ATTEMPTS = 300;

/** A failing schedule. */
export interface FailingSchedule {
  /** Choices that lead to the failure; what follows them is the scheduler's own. */
  readonly choices: readonly number[];
  readonly fault: Fault;
}

/** The shortest schedule found that fails like this one. */
export function shrink(player: Player, execution: Execution, fault: Fault): FailingSchedule {
  let attempts = 0;
  const fails = (choices: readonly number[]): Execution | undefined => {
    attempts++;
    const played = player.play({ choices, lenient: true });
    const found = faultOf(player, played);
    return found !== undefined && headline(found) === headline(fault) ? played : undefined;
  };
  let best = execution.choices();
  for (let improved = true; improved && attempts < ATTEMPTS; ) {
    improved = false;
    for (const [start, end] of runs(best).reverse()) {
      if (attempts >= ATTEMPTS) break;
      const played = fails([...best.slice(0, start), ...best.slice(end)]);
      if (played === undefined || weight(played.choices()) >= weight(best)) continue;
      best = played.choices();
      improved = true;
      break;
    }
  }
  let kept = best;
  for (const [start] of runs(best).reverse()) {
    const shorter = best.slice(0, start);
    const played = fails(shorter);
    if (played === undefined || weight(played.choices()) > weight(best)) break;
    kept = shorter;
  }
  return { choices: kept, fault };
}

/** What makes two failures the same. */
function headline({ kind, message }: Fault): string {
  const [first] = message.split('\n');
  return `${kind}: ${first?.replaceAll(/-?\d+/g, '#')}`;
}

/** First change and length decide which of two schedules is shorter. */
function weight(choices: readonly number[]): number {
  return runs(choices).length * 1e6 + choices.length;
}

/** The uninterrupted runs of equal choices, as [start, end). */
function runs(choices: readonly number[]): [number, number][] {
  const found: [number, number][] = [];
  for (let start = 0; start < choices.length; ) {
    let end = start + 1;
    while (choices[end] === choices[start]) end++;
    found.push([start, end]);
    start = end;
  }
  return found;
}
