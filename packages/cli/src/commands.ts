/**
 * The commands of `mediated` and their options, as data: `arguments.ts` checks a command line against it, `help.ts`
 * prints it, and each command's own file runs it.
 */
import { DEFAULT_CONFIGURATION, EXAMPLES } from './examples.js';
import { FLEET_COMMANDS } from './fleet/commands.js';
import { HOST_OPTIONS } from './fleet/options.js';
import { LOG_LEVELS } from './log/entries.js';

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

/** An option without a value: it is there or not. */
export interface FlagOption {
  readonly flag: true;
  readonly help: string;
}

/** A word that belongs to a command, in its place. */
export interface Argument {
  /** What it is called in the help: `UUID`. */
  readonly value: string;
  /** It may be left out; then it is empty. Only the last one. */
  readonly optional?: true;
  readonly help: string;
}

export type Option = TextOption | NumberOption | FlagOption;

/** One command of the program. */
export interface Command {
  readonly summary: string;
  /** What it does, in lines of at most 80 characters. */
  readonly about: readonly string[];
  /** Words that follow the command, in this order; by the name under which they reach the command. */
  readonly words?: Readonly<Record<string, Argument>>;
  readonly options: Readonly<Record<string, Option>>;
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

const STATUSES_OF_A_REQUEST = [
  [0, 'done'],
  [1, 'refused, or nothing runs under that name: told in one sentence'],
  [2, 'the command line was wrong'],
  [130, 'stopped by Ctrl-C'],
] as const;

const STATUSES_OF_FOLLOWING = [
  [0, 'ended by Ctrl-C, by --for, or because the runtime has ended'],
  [1, 'nothing runs under that name, or it could not go on'],
  [2, 'the command line was wrong'],
  [130, 'ended by a second Ctrl-C, at once'],
] as const;

const INSTANCE = {
  value: 'NAME',
  fallback: 'default',
  help: 'which running `mediated up`',
} as const;

const JSON_LINES = { flag: true, help: 'one line of JSON per event' } as const;
const JSON_LIST = { flag: true, help: 'as JSON' } as const;

const UNTIL = {
  value: 'N',
  least: 0,
  most: 864_000,
  fallback: 0,
  help: 'end after so many seconds; 0: Ctrl-C ends it',
} as const;

/** What a storm is. */
const STORM = [
  'In a storm, client threads create, open, use, close and remove devices at random',
  'while parents come and go. What must always hold is compared again and again.',
] as const;

/** Every command, by name. */
export const COMMANDS = {
  up: {
    summary: 'a runtime with drivers and a live sysfs tree, until Ctrl-C',
    about: [
      'Starts a runtime, loads drivers, registers their parents, mounts the tree that',
      'tools know from /sys, and creates the devices that are defined. Serves until it',
      'gets SIGINT, SIGTERM or SIGHUP; then removes everything. The second signal ends',
      'it at once. Without a configuration file every driver of the package is there.',
    ],
    options: {
      config: {
        value: 'FILE',
        fallback: DEFAULT_CONFIGURATION,
        fallbackName: 'every driver',
        help: 'what to start; docs/cli.md says how',
      },
      definitions: {
        value: 'DIR',
        fallback: '',
        fallbackName: 'none',
        help: "devices, in mdevctl's format: DIR/PARENT/UUID",
      },
      driver: {
        value: 'FILE.js',
        fallback: '',
        fallbackName: 'none',
        help: 'your own driver; alone unless --config is given',
      },
      'socket-dir': {
        value: 'DIR',
        fallback: '',
        fallbackName: 'none',
        help: 'a socket for QEMU per PCI device: DIR/UUID.sock',
      },
      at: { value: 'DIR', fallback: '', fallbackName: 'a fresh one', help: 'where to mount the tree; made if need be' },
      'no-mount': { flag: true, help: 'without a tree' },
      instance: { value: 'NAME', fallback: 'default', help: 'the name that other commands find it by' },
      metrics: {
        value: 'HOST:PORT',
        fallback: '',
        fallbackName: 'none',
        help: 'OpenMetrics at http://HOST:PORT/metrics',
      },
      log: {
        value: 'FORMAT',
        choices: ['off', 'text', 'json'],
        fallback: 'off',
        help: 'what happens, to stderr: off, text, json',
      },
      'log-level': {
        value: 'LEVEL',
        choices: LOG_LEVELS,
        fallback: 'info',
        help: 'the least: debug, info, warn, error',
      },
      ...HOST_OPTIONS,
      for: UNTIL,
      json: JSON_LINES,
    },
    statuses: [
      [0, 'served until it was told to end'],
      [1, 'it could not start, or not end cleanly: told in one sentence'],
      [2, 'the command line was wrong'],
      [130, 'ended by a second signal, at once'],
    ],
  },
  types: {
    summary: 'parents and the types of device that they offer',
    about: ['Lists what a running `mediated up` offers, with how many are still available.'],
    options: { instance: INSTANCE, json: JSON_LIST },
    statuses: STATUSES_OF_A_REQUEST,
  },
  list: {
    summary: 'devices that exist',
    about: ['Lists the devices of a running `mediated up`.'],
    options: { instance: INSTANCE, json: JSON_LIST },
    statuses: STATUSES_OF_A_REQUEST,
  },
  create: {
    summary: 'creates a device',
    about: [
      'As writing UUID to PARENT/mdev_supported_types/TYPE/create. Prints the UUID;',
      'and on stderr, where `mediated up` has --socket-dir, what QEMU is to be told.',
    ],
    words: {
      parent: { value: 'PARENT', help: 'a parent, as `mediated types` names it' },
      type: { value: 'TYPE', help: 'a type of it' },
      uuid: { value: 'UUID', optional: true, help: 'a random one when it is left out' },
    },
    options: { instance: INSTANCE },
    statuses: STATUSES_OF_A_REQUEST,
  },
  remove: {
    summary: 'removes a device',
    about: ["As writing 1 to the device's `remove`: waits while it is in use."],
    words: { uuid: { value: 'UUID', help: 'a device, as `mediated list` names it' } },
    options: { instance: INSTANCE },
    statuses: STATUSES_OF_A_REQUEST,
  },
  qemu: {
    summary: 'a QEMU command line with devices',
    about: [
      'Prints a whole command line for QEMU 10.1 or later, with the device, or with all',
      'that have a socket (`mediated up --socket-dir`). Add disks and so on to it.',
    ],
    words: { uuid: { value: 'UUID', optional: true, help: 'a device; all of them when it is left out' } },
    options: {
      memory: { value: 'SIZE', fallback: '256M', help: 'memory of the guest' },
      program: { value: 'PROGRAM', fallback: 'qemu-system-x86_64', help: 'which QEMU' },
      instance: INSTANCE,
      json: { flag: true, help: 'its words as a list of JSON' },
    },
    statuses: STATUSES_OF_A_REQUEST,
  },
  events: {
    summary: 'uevents, as they happen',
    about: ["Follows uevents, a line each, as `udevadm monitor --kernel` shows the kernel's."],
    options: {
      properties: { flag: true, help: 'with all variables of each event' },
      instance: INSTANCE,
      for: UNTIL,
      json: JSON_LINES,
    },
    statuses: STATUSES_OF_FOLLOWING,
  },
  top: {
    summary: 'threads, inboxes, locks and devices, live',
    about: ['Redrawn every second on a terminal; elsewhere one table of one second.'],
    options: { instance: INSTANCE, for: UNTIL },
    statuses: STATUSES_OF_FOLLOWING,
  },
  screenshot: {
    summary: 'what a display shows, as a PNG',
    about: ['Works for mdpy, mbochs and every other device with a VFIO display.'],
    words: {
      uuid: { value: 'UUID', help: 'a device with a display' },
      file: { value: 'FILE.png', help: 'written anew' },
    },
    options: { instance: INSTANCE },
    statuses: STATUSES_OF_A_REQUEST,
  },
  trace: {
    summary: 'records what all threads do, for Perfetto',
    about: [
      'Writes a trace that https://ui.perfetto.dev opens: one track per thread, a span',
      'per operation and per wait for a lock. Recording begins with the command.',
    ],
    words: { file: { value: 'FILE', help: 'written anew' } },
    options: { instance: INSTANCE, for: UNTIL },
    statuses: STATUSES_OF_FOLLOWING,
  },
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
  ...FLEET_COMMANDS,
} as const satisfies Record<string, Command>;

/** The name of a command. */
export type CommandName = keyof typeof COMMANDS;

/** An option's value once the command line was read. */
type ValueOf<Given> = Given extends NumberOption
  ? number
  : Given extends FlagOption
    ? boolean
    : Given extends { readonly choices: readonly (infer Choice)[] }
      ? Choice
      : string;

/** The words of a command, each with what was given; empty when it was left out. */
type WordsOf<Given> = Given extends { readonly words: infer Words }
  ? { readonly [Word in keyof Words]: string }
  : object;

/** A command's words, and its options with their values or fallbacks. */
export type CommandOptions<Name extends CommandName> = WordsOf<(typeof COMMANDS)[Name]> & {
  readonly [Option in keyof (typeof COMMANDS)[Name]['options']]: ValueOf<(typeof COMMANDS)[Name]['options'][Option]>;
};
