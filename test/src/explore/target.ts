/** What a target of the searches is. Used by the lists of them, `targets.ts` and `protocols-targets.ts`. */

/** A scenario in a setting. */
export interface Target {
  /** Names it in tables and on the command line. */
  readonly name: string;
  /** The fixture that exports it, without its ending, and the export. */
  readonly file: string;
  readonly scenario: string;
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** Threads that may be killed in one execution. */
  readonly kills?: number;
  /** Threads change places before every step: see `ExploreOptions.everywhere`. */
  readonly everywhere?: boolean;
  /** Preemptions in the bounded form; Infinity: all executions. */
  readonly preemptions: number;
  /** Steps after which an execution counts as endless. */
  readonly steps?: number;
}

/** Makes targets of the scenarios of one fixture: name, scenario, preemptions, and the rest of the setting. */
export const targetsOf =
  (file: string) =>
  (
    name: string,
    scenario: string,
    preemptions: number,
    setting: Omit<Target, 'name' | 'file' | 'scenario' | 'preemptions'> = {},
  ): Target => ({
    name,
    file,
    scenario,
    preemptions,
    ...setting,
  });
