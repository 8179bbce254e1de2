/** What a search is asked for, and what it answers. */
import type { FailureKind } from './failure.js';
import type { Replacement } from './world.js';

/** How to search. */
export interface ExploreOptions {
  /**
   * Exhaustive search: the most changes away from a thread that could have gone on, in one execution; default 2. All
   * bounds up to this one are searched in turn, so a failure is found with as few as it needs. `Infinity`: no bound.
   */
  readonly preemptions?: number | undefined;
  /**
   * Exhaustive search without reduction: threads change places before every step on shared memory, not only where two
   * steps race. For code that also reads or writes shared memory without `Atomics`, which the search does not see.
   */
  readonly everywhere?: boolean | undefined;
  /** So many random executions instead of an exhaustive search. */
  readonly random?: number | undefined;
  /** Of random executions: the seed (default 1), and the depth of the faults that are looked for (default 3). */
  readonly seed?: number | undefined;
  readonly depth?: number | undefined;
  /** One execution, by the schedule that a failure has printed. */
  readonly replay?: string | undefined;
  /** How many threads may be killed in one execution; default 0. */
  readonly kills?: number | undefined;
  /** Steps after which an execution counts as a livelock; default 5000, at most 65,536. */
  readonly steps?: number | undefined;
  /** The search ends after so many executions (default 1,000,000) or milliseconds, complete or not. */
  readonly executions?: number | undefined;
  readonly milliseconds?: number | undefined;
  /** Ends the search, which rejects with the signal's reason. Looked at some twenty times a second. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Starts a new worker for a thread that was killed, or unwound because the execution had failed: for code that keeps
   * state in its modules which it could not put in order. Costs some 50 ms per death.
   */
  readonly renew?: boolean | undefined;
  /**
   * `import.meta.url`: what a scenario's `module` is relative to, and names in `world.import` of one given as a function.
   */
  readonly base?: string | URL | undefined;
  /** Handed to the scenario as `world.parameters`; structured-cloneable. */
  readonly parameters?: Readonly<Record<string, unknown>> | undefined;
  /** Modules to take in place of others. */
  readonly replacements?: readonly Replacement[] | undefined;
}

/** A failure that was found. */
export interface Failure {
  readonly kind: FailureKind;
  readonly message: string;
  /** Replays it. */
  readonly schedule: string;
  /** Everything, to be printed: the failure, its steps, the schedule. */
  readonly report: string;
  /** Number of the execution in which it was found first. */
  readonly execution: number;
}

/** What a search has done. */
export interface Exploration {
  readonly name: string;
  readonly threads: number;
  /** `exhaustive`, `random` or `replay`. */
  readonly strategy: 'exhaustive' | 'random' | 'replay';
  /** The bound on preemptions that was searched to its end; Infinity if no bound would add anything. -1 for none. */
  readonly preemptions: number;
  readonly executions: number;
  readonly steps: number;
  /** True if everything within the bound was tried. */
  readonly complete: boolean;
  readonly milliseconds: number;
  readonly failure: Failure | undefined;
}

/** Thrown by {@link explore}; the message is the whole report. */
export class ExplorationError extends Error {
  override name = 'ExplorationError';

  // Private, so that whoever prints the error prints the report once.
  readonly #exploration: Exploration & { readonly failure: Failure };

  constructor(exploration: Exploration & { readonly failure: Failure }) {
    super(exploration.failure.report);
    this.#exploration = exploration;
  }

  /** What the search has done. */
  get exploration(): Exploration & { readonly failure: Failure } {
    return this.#exploration;
  }
}
