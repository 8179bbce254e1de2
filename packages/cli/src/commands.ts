/**
 * The commands of `mediated` and their options, as data: `arguments.ts` checks a command line against it, `help.ts`
 * prints it, and each command's own file runs it.
 */

/** An option whose value is text. */
export interface TextOption {
  /** What the value is called in the help: `FOLDER`. */
  readonly value: string;
  readonly fallback: string;
  readonly help: string;
}

/** An option whose value is a whole number from `least` to `most`, both included. */
export interface NumberOption {
  readonly value: 'N';
  readonly least: number;
  readonly most: number;
  readonly fallback: number;
  readonly help: string;
}

/** One command of the program. */
export interface Command {
  readonly summary: string;
  readonly options: Readonly<Record<string, TextOption | NumberOption>>;
}

/** A process has 64 thread ids, and the main thread takes one. */
const MOST_THREADS = 63;

/** Every command, by name. */
export const COMMANDS = {
  demo: {
    summary: 'show the devices that a folder of definitions describes',
    options: {
      definitions: { value: 'FOLDER', fallback: 'examples/definitions', help: "a folder in mdevctl's format" },
    },
  },
  stress: {
    summary: 'let creates, opens, removes and dying threads race',
    options: {
      threads: { value: 'N', least: 1, most: MOST_THREADS, fallback: 4, help: 'worker threads for drivers' },
      parents: { value: 'N', least: 1, most: 1000, fallback: 8, help: 'parents over which the load is spread' },
      seconds: { value: 'N', least: 1, most: 86400, fallback: 10, help: 'how long to run' },
      seed: { value: 'N', least: 0, most: 0xffff_ffff, fallback: 1, help: 'what all random choices follow from' },
    },
  },
} as const satisfies Record<string, Command>;

/** The name of a command. */
export type CommandName = keyof typeof COMMANDS;

/** A command's options, each with its value or fallback. */
export type CommandOptions<Name extends CommandName> = {
  readonly [Option in keyof (typeof COMMANDS)[Name]['options']]: (typeof COMMANDS)[Name]['options'][Option] extends NumberOption
    ? number
    : string;
};
