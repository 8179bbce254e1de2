/**
 * `pnpm bench`: runs the suites one part after the other, each in a fresh child process, prints their tables and writes
 * the results and their page. Ends with 2 for a bad command line and 1 when a part failed; a missed mark is no failure.
 * Ctrl-C ends the part that runs; the suites that were done before are kept.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { basename, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseCommandLine, type Plan } from './arguments.js';
import { figuresAsJson, spreadOf } from './figures.js';
import { figuresTable } from './figures-table.js';
import { runPart } from './harness/run-part.js';
import { formatSeconds, Progress } from './progress.js';
import { reportSuite } from './report.js';
import { commitOf, type PartOutcome, readResults, type SuiteResult, thisMachine, writeResult } from './results.js';
import { expectedSeconds, type Suite } from './suite.js';
import { SUITES } from './suites.js';

const ORDER = SUITES.map(({ name }) => name);
const HERE = fileURLToPath(new URL('.', import.meta.url));

interface Measuring {
  readonly rounds: number;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

async function measurePart(suite: Suite, part: string, measuring: Measuring): Promise<PartOutcome> {
  const { rounds, progress, signal } = measuring;
  const { about: partAbout } = suite.parts[part];
  try {
    const onRound = (round: number, of: number): void => progress.round(round, of);
    const result = await runPart({ suite: suite.name, part, rounds, signal, onRound });
    const { figures, readings, curves = [], notes } = result;
    const described = Object.entries(figures).map(([name, values]) => {
      const { about, mark } = suite.figures[name];
      return [name, { about, ...(mark === undefined ? {} : { mark }), ...spreadOf(values), values }] as const;
    });
    return {
      name: part,
      about: partAbout,
      figures: Object.fromEntries(described),
      readings: readings.map((reading) => ({ ...reading, ...spreadOf(reading.values) })),
      curves,
      notes,
    };
  } catch (error) {
    const failure = error instanceof Error ? error.message : String(error);
    return { name: part, about: partAbout, figures: {}, readings: [], curves: [], notes: [], failure };
  }
}

/** The parts of a suite; nothing when it was stopped. */
async function measureSuite(suite: Suite, measuring: Measuring): Promise<PartOutcome[] | undefined> {
  const { progress, signal } = measuring;
  const parts: PartOutcome[] = [];
  for (const part of Object.keys(suite.parts)) {
    progress.part(`${suite.name} ${part}`);
    parts.push(await measurePart(suite, part, measuring));
    if (signal.aborted) return undefined;
  }
  progress.clear();
  return parts;
}

/** Writes the page of everything that lies in the folder; its name. */
async function writePage(folder: string): Promise<string> {
  // Loaded when something is drawn: the library for it takes longer to load than everything else.
  const { renderPage } = await import('./page/page.js');
  const page = join(folder, 'index.html');
  await writeFile(page, renderPage(await readResults(folder), ORDER));
  return page;
}

/** Says what was written: the first by its way from here, the others, which lie beside it, by their names. */
function sayWritten([first, ...others]: readonly string[]): void {
  const beside = others.length === 0 ? '' : ` and beside it ${others.map((file) => basename(file)).join(', ')}`;
  console.error(`wrote ${relative(process.cwd(), first)}${beside}`);
}

/** Runs the plan. Returns the exit code. */
async function run(plan: Plan, signal: AbortSignal): Promise<number> {
  const { suites, rounds, json, results, machine: name, onlyPage } = plan;
  // Before the minutes of work, not after: a file that cannot be written is a bad command line.
  await mkdir(results, { recursive: true });
  await readResults(results);
  if (onlyPage) {
    const kept = await readResults(results);
    for (const name of new Set(kept.map(({ machine }) => machine.name))) {
      const own = kept.filter(({ machine }) => machine.name === name);
      console.log(`${name}\n\n${figuresTable(own, ORDER)}\n`);
    }
    sayWritten([await writePage(results)]);
    return 0;
  }
  if (json !== undefined) await writeFile(json, '{}\n');
  const chosen = SUITES.filter((suite) => suites.includes(suite.name));
  const about = { machine: thisMachine(name), node: process.version, commit: commitOf(HERE), rounds };
  const expected = chosen.flatMap(({ parts }) => Object.values(parts).map((part) => expectedSeconds(part, rounds)));
  const seconds = expected.reduce((sum, each) => sum + each, 0);
  const rounded = `${rounds} ${rounds === 1 ? 'round' : 'rounds'}`;
  console.error(
    `${expected.length} parts in ${rounded}, about ${formatSeconds(seconds)} where nothing else uses the cores`,
  );
  const progress = new Progress(process.stderr, expected);
  const measured: Pick<SuiteResult, 'suite' | 'parts'>[] = [];
  const written: string[] = [];
  for (const suite of chosen) {
    const parts = await measureSuite(suite, { rounds, progress, signal });
    if (parts === undefined) {
      progress.clear();
      console.error(`stopped in the suite ${suite.name}, of which nothing is kept`);
      break;
    }
    console.log(`${reportSuite(suite, parts).join('\n')}\n`);
    measured.push({ suite: suite.name, parts });
    written.push(await writeResult(results, { suite: suite.name, about: suite.about, ...about, parts }));
    if (json !== undefined) await writeFile(json, figuresAsJson(measured));
  }
  if (written.length > 0) sayWritten([await writePage(results), ...written]);
  if (json !== undefined) sayWritten([json]);
  return measured.some(({ parts }) => parts.some(({ failure }) => failure !== undefined)) ? 1 : 0;
}

function refuse(sentence: string): void {
  console.error(`bench: ${sentence}`);
  process.exitCode = 2;
}

/** Runs the plan until it is done or a signal comes. A second signal ends this process at once; its child sees that and ends too. */
async function runUntilStopped(plan: Plan): Promise<number> {
  const stopped = new AbortController();
  let code: number | undefined;
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(name, () => {
      code = 128 + constants.signals[name];
      stopped.abort();
    });
  }
  const result = await run(plan, stopped.signal);
  return code ?? result;
}

const commandLine = parseCommandLine(process.argv.slice(2), SUITES);
if ('help' in commandLine) console.log(commandLine.help);
else if ('refusal' in commandLine) refuse(commandLine.refusal);
else {
  try {
    process.exitCode = await runUntilStopped(commandLine.plan);
  } catch (error) {
    refuse(error instanceof Error ? error.message : String(error));
  }
}
