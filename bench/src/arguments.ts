/**
 * The command line of `pnpm bench`. Pure; called once by `main.ts`.
 */
import { parseArgs } from 'node:util';
import { listSuites } from './report.js';
import type { Suite } from './suites.js';

/** What to run. */
export interface Plan {
  /** Names of the suites to run, in the order of the registry. */
  readonly suites: readonly string[];
  /** Alternating rounds per part. */
  readonly rounds: number;
  /** Where to write the figures. */
  readonly json: string | undefined;
}

/** A plan, a text to print, or one sentence that says what is wrong. */
export type CommandLine = { readonly plan: Plan } | { readonly help: string } | { readonly refusal: string };

const DEFAULT_ROUNDS = 7;
const MOST_ROUNDS = 1000;

/** Understands the words after the program's name. `suites`: all there are. */
export function parseCommandLine(words: readonly string[], suites: readonly Suite[]): CommandLine {
  const names = suites.map(({ name }) => name);
  // `pnpm bench -- --only inbox` hands the dashes on.
  const args = words[0] === '--' ? words.slice(1) : [...words];
  let values: { help?: boolean; only?: string[]; rounds?: string; json?: string };
  try {
    ({ values } = parseArgs({
      args,
      options: {
        help: { type: 'boolean', short: 'h' },
        only: { type: 'string', multiple: true },
        rounds: { type: 'string' },
        json: { type: 'string' },
      },
    }));
  } catch (error) {
    // Node's message goes on with advice on dashes; its first sentence says it all.
    const [sentence] = (error instanceof Error ? error.message : String(error)).split('. ');
    return { refusal: `${sentence}; --help lists the options` };
  }
  if (values.help) return { help: help(suites) };
  const unknown = values.only?.find((name) => !names.includes(name));
  if (unknown !== undefined)
    return { refusal: `there is no suite ${JSON.stringify(unknown)}; there are ${names.join(', ')}` };
  if (values.json === '') return { refusal: '--json needs the name of a file' };
  const rounds = values.rounds === undefined ? DEFAULT_ROUNDS : parseRounds(values.rounds);
  if (rounds === undefined) {
    return { refusal: `--rounds takes a whole number from 1 to ${MOST_ROUNDS}, not ${JSON.stringify(values.rounds)}` };
  }
  const { only } = values;
  return {
    plan: {
      suites: only === undefined ? names : names.filter((name) => only.includes(name)),
      rounds,
      json: values.json,
    },
  };
}

function parseRounds(text: string): number | undefined {
  const rounds = /^\d+$/.test(text) ? Number(text) : 0;
  return rounds >= 1 && rounds <= MOST_ROUNDS ? rounds : undefined;
}

function help(suites: readonly Suite[]): string {
  return `pnpm bench [--only SUITE] [--rounds N] [--json FILE]

Each part of a suite runs in a fresh process. What is compared is measured in turn, round by round; a figure is the
median of the rounds. A mark is what the figure is expected to reach; one that is missed is reported and is no failure.

  --only SUITE  runs one suite; may be repeated
  --rounds N    rounds per part (default ${DEFAULT_ROUNDS}, at most ${MOST_ROUNDS}), after one that warms up
  --json FILE   also writes {"suite": {"figure": number}} to FILE
  -h, --help    prints this

Ends with 0, with 1 when a part failed, with 2 when the command line is wrong.

${listSuites(suites).join('\n')}`;
}
