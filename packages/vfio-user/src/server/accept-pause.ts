/**
 * When a machine cannot be let in (EMFILE: too many descriptors are open) its socket stays ready, and to look again and again
 * would keep a core. So doors pause, each time twice as long up to a second, and look at once when a machine has left, which
 * gives descriptors back. One for all doors of a doorman, private to its thread.
 */
import { outcome } from '../outcome.js';

/** Milliseconds. */
const SHORTEST = 10;
const LONGEST = 1000;
/** After so long without a failure the next is another one, of which somebody is told. */
const QUIET = 60_000;

export class AcceptPause {
  /** Of doors that pause: each ends its own. */
  readonly #pausing = new Set<() => void>();
  #next = SHORTEST;
  #lastFailure = -Infinity;

  /** Pauses after a failure; the signal ends it sooner. Never rejects. */
  async after(error: unknown, signal: AbortSignal): Promise<void> {
    const now = performance.now();
    if (now - this.#lastFailure > QUIET) process.emitWarning(`virtual machines wait to be let in: ${String(error)}`);
    this.#lastFailure = now;
    if (signal.aborted) return;
    const milliseconds = this.#next;
    this.#next = Math.min(2 * milliseconds, LONGEST);
    const { promise: over, resolve: end } = outcome();
    const timer = setTimeout(end, milliseconds);
    this.#pausing.add(end);
    signal.addEventListener('abort', end);
    await over;
    clearTimeout(timer);
    this.#pausing.delete(end);
    signal.removeEventListener('abort', end);
  }

  /** A machine has left: who pauses looks at once. */
  end(): void {
    for (const end of this.#pausing) end();
  }

  /** A machine has been let in. */
  reset(): void {
    this.#next = SHORTEST;
  }
}
