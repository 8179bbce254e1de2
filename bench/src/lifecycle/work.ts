/**
 * Work that takes processor time and nothing else, for probes. It is counted in rounds and not by the clock, so that two
 * threads that share a core really take twice as long.
 */

/** Receives what `work` computes, so that it is not left out. An array, so that it is a plain integer in all tiers. */
const sink = Int32Array.of(1);

/** Does `rounds` rounds of arithmetic. */
export function work(rounds: number): void {
  let value = sink[0];
  for (let round = 0; round < rounds; round++) value = (Math.imul(value, 1_664_525) + 1_013_904_223) | 0;
  sink[0] = value;
}

/** Rounds that take `microseconds` on this thread, on an otherwise idle machine: the best of several tries. */
export function roundsFor(microseconds: number): number {
  const rounds = 1_000_000;
  let best = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < 9; attempt++) {
    const start = performance.now();
    work(rounds);
    best = Math.min(best, performance.now() - start);
  }
  return Math.round((rounds * microseconds) / (best * 1000));
}
