/**
 * The command line of `pnpm bench`. Pure; called once by `main.ts`.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { listSuites } from './report.js';
import { machineName } from './results.js';
import type { Suite } from './suite.js';

/** What to run. */
export interface Plan {
  /** Names of the suites to run, in the order of the registry. */
  readonly suites: readonly string[];
  /** Alternating rounds per part. */
  readonly rounds: number;
  /** Where to write the medians of all figures, too. */
  readonly json: string | undefined;
  /** Folder of the results and their page. */
  readonly results: string;
  /** What this machine is called; by default after its processor. */
  readonly machine: string | undefined;
  /** Nothing is measured, the page is written anew. */
  readonly onlyPage: boolean;
}

/** A plan, a text to print, or one sentence that says what is wrong. */
export type CommandLine = { readonly plan: Plan } | { readonly help: string } | { readonly refusal: string };

const DEFAULT_ROUNDS = 7;
const MOST_ROUNDS = 1000;
/** `--quick`: shows in under a minute that all works. Its figures mean little, so they lie apart. */
const QUICK = { rounds: 1, suite: 'locks', folder: 'quick' } as const;
const RESULTS = fileURLToPath(new URL('../results', import.meta.url));

interface Options {
  readonly help?: boolean;
  readonly only?: string[];
  readonly rounds?: string;
  readonly json?: string;
  readonly quick?: boolean;
  readonly results?: string;
  readonly machine?: string;
  readonly page?: boolean;
}

/** Understands the words after the program's name. `suites`: all there are. */
export function parseCommandLine(words: readonly string[], suites: readonly Suite[]): CommandLine {
  const names = suites.map(({ name }) => name);
  // `pnpm bench -- --only inbox` hands the dashes on.
  const args = words[0] === '--' ? words.slice(1) : [...words];
  let values: Options;
  try {
    ({ values } = parseArgs({
      args,
      options: {
        help: { type: 'boolean', short: 'h' },
        only: { type: 'string', multiple: true },
        rounds: { type: 'string' },
        json: { type: 'string' },
        quick: { type: 'boolean' },
        results: { type: 'string' },
        machine: { type: 'string' },
        page: { type: 'boolean' },
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
  if (values.results === '') return { refusal: '--results needs the name of a folder' };
  const { only, quick = false, page = false, machine } = values;
  if (machine !== undefined && (machine === '' || machineName(machine) !== machine)) {
    return { refusal: `--machine takes small letters, digits and dashes, not ${JSON.stringify(machine)}` };
  }
  const usual = quick ? QUICK.rounds : DEFAULT_ROUNDS;
  const rounds = values.rounds === undefined ? usual : parseRounds(values.rounds);
  if (rounds === undefined) {
    return { refusal: `--rounds takes a whole number from 1 to ${MOST_ROUNDS}, not ${JSON.stringify(values.rounds)}` };
  }
  const wanted = only ?? (quick ? [QUICK.suite] : names);
  return {
    plan: {
      suites: names.filter((name) => wanted.includes(name)),
      rounds,
      json: values.json,
      results: values.results ?? (quick ? join(RESULTS, QUICK.folder) : RESULTS),
      machine,
      onlyPage: page,
    },
  };
}

function parseRounds(text: string): number | undefined {
  const rounds = /^\d+$/.test(text) ? Number(text) : 0;
  return rounds >= 1 && rounds <= MOST_ROUNDS ? rounds : undefined;
}

function help(suites: readonly Suite[]): string {
  return `pnpm bench [--only SUITE] [--rounds N] [--quick] [--json FILE] [--results DIR] [--machine NAME] [--page]

Each part of a suite runs in a fresh process. What is compared is measured in turn, round by round; a figure is the
median of the rounds. A mark is what the figure is expected to reach; one that is missed is reported and is no failure.
Results are written to bench/results, a file per machine and suite, and shown by its index.html. To have another machine's
beside one's own, copy its files there and write the page anew with --page.

  --only SUITE    runs one suite; may be repeated
  --rounds N      rounds per part (default ${DEFAULT_ROUNDS}, at most ${MOST_ROUNDS}), after one that warms up
  --quick         one round of the suite ${QUICK.suite}, unless told otherwise, into bench/results/${QUICK.folder}
  --json FILE     also writes {"suite": {"figure": number}} to FILE
  --results DIR   where results and page are written, instead of bench/results
  --machine NAME  what this machine is called on the page, instead of its processor's name
  --page          measures nothing, writes the page of the results that are there and prints their figures in Markdown
  -h, --help      prints this

Ctrl-C ends the part that runs and leaves nothing behind; the suites that were done are kept.

Ends with 0, with 1 when a part failed, with 2 when the command line is wrong, with 130 after ctrl-C.

${listSuites(suites).join('\n')}`;
}
