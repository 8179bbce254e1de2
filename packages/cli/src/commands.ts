/**
 * The commands of `mediated` and their options, as data: `arguments.ts` checks a command line against it, `help.ts`
 * prints it, and each command's own file runs it.
 */
import { EXAMPLES } from './examples.js';

/** An option whose value is text. */
export interface TextOption {
  /** What the value is called in the help: `FOLDER`. */
  readonly value: string;
  /** The only words that it may be; any text when there are none. */
  readonly choices?: readonly string[];
  readonly fallback: string;
  /** What the help says in its place, when it is a path of this machine. */
  readonly fallbackName?: string;
  readonly help: string;
}

/** An option whose value is a whole number from `least` to `most`, both included. */
export interface NumberOption {
  readonly value: 'N';
  readonly least: number;
  readonly most: number;
  /** `random`: drawn anew for every run. */
  readonly fallback: number | 'random';
  readonly help: string;
}

/** One command of the program. */
export interface Command {
  readonly summary: string;
  /** What it does, in lines of at most 80 characters. */
  readonly about: readonly string[];
  readonly options: Readonly<Record<string, TextOption | NumberOption>>;
  /** Exit statuses besides those of every command. */
  readonly statuses: readonly (readonly [status: number, meaning: string])[];
}

const SEED = {
  value: 'N',
  least: 0,
  most: 0xffff_ffff,
  fallback: 'random',
  help: 'what all random choices follow from',
} as const;

const STATUSES = [
  [0, 'done; every invariant held'],
  [1, 'it failed, or an invariant was violated: told with the seed'],
  [2, 'the command line was wrong'],
  [130, 'stopped by Ctrl-C; what was done until then held'],
] as const;

/** What a storm is. */
const STORM = [
  'In a storm, client threads create, open, use, close and remove devices at random',
  'while parents come and go. What must always hold is compared again and again.',
] as const;

/** Every command, by name. */
export const COMMANDS = {
  demo: {
    summary: 'devices from a folder, the life of one, a storm on all',
    about: [
      'Creates the devices that are defined in a folder on four serial cards, tells the',
      'life of one of them with what the kernel would answer, then lets a storm rage.',
      ...STORM,
    ],
    options: {
      definitions: {
        value: 'DIR',
        fallback: EXAMPLES,
        fallbackName: 'examples in the package',
        help: "a folder in mdevctl's format",
      },
      seconds: { value: 'N', least: 1, most: 86400, fallback: 10, help: 'how long the storm rages' },
      seed: SEED,
    },
    statuses: STATUSES,
  },
  stress: {
    summary: 'the storm alone, for as long as you like',
    about: STORM,
    options: {
      seconds: { value: 'N', least: 1, most: 864_000, fallback: 60, help: 'how long it rages' },
      seed: SEED,
      parents: { value: 'N', least: 1, most: 32, fallback: 8, help: 'parents, half of them mtty cards' },
      clients: { value: 'N', least: 1, most: 24, fallback: 4, help: 'client threads' },
      gate: {
        value: 'KIND',
        choices: ['rwsem', 'refcount', 'srcu'],
        fallback: 'rwsem',
        help: 'the gate of parents: rwsem, refcount or srcu',
      },
      operations: {
        value: 'N',
        least: 0,
        most: 2_000_000_000,
        fallback: 0,
        help: 'end after so many; 0: only time ends it',
      },
    },
    statuses: STATUSES,
  },
} as const satisfies Record<string, Command>;

/** The name of a command. */
export type CommandName = keyof typeof COMMANDS;

/** An option's value once the command line was read. */
type ValueOf<Option> = Option extends NumberOption
  ? number
  : Option extends { readonly choices: readonly (infer Choice)[] }
    ? Choice
    : string;

/** A command's options, each with its value or fallback. */
export type CommandOptions<Name extends CommandName> = {
  readonly [Option in keyof (typeof COMMANDS)[Name]['options']]: ValueOf<(typeof COMMANDS)[Name]['options'][Option]>;
};
