/**
 * `pnpm bench`: runs the suites one part after the other, each in a fresh child process, prints their tables and writes
 * the results and their page. Ends with 2 for a bad command line and 1 when a part failed; a missed mark is no failure.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseCommandLine, type Plan } from './arguments.js';
import { figuresAsJson, spreadOf } from './figures.js';
import { runPart } from './harness/run-part.js';
import { Progress } from './progress.js';
import { reportSuite } from './report.js';
import { commitOf, type PartOutcome, readResults, type SuiteResult, thisMachine, writeResult } from './results.js';
import { SUITES, type Suite } from './suites.js';

const HERE = fileURLToPath(new URL('.', import.meta.url));

async function measure(suite: Suite, part: string, rounds: number, progress: Progress): Promise<PartOutcome> {
  try {
    const onRound = (round: number, of: number): void => progress.round(round, of);
    const { figures, readings, curves = [], notes } = await runPart(suite.name, part, rounds, onRound);
    const described = Object.entries(figures).map(([name, values]) => {
      const { about, mark } = suite.figures[name];
      return [name, { about, ...(mark === undefined ? {} : { mark }), ...spreadOf(values), values }] as const;
    });
    return {
      name: part,
      figures: Object.fromEntries(described),
      readings: readings.map((reading) => ({ ...reading, ...spreadOf(reading.values) })),
      curves,
      notes,
    };
  } catch (error) {
    const failure = error instanceof Error ? error.message : String(error);
    return { name: part, figures: {}, readings: [], curves: [], notes: [], failure };
  }
}

/** Writes the page of everything that lies in the folder. */
async function writePage(folder: string): Promise<void> {
  // Loaded when something is drawn: the library for it takes longer to load than everything else.
  const { renderPage } = await import('./page/page.js');
  const page = join(folder, 'index.html');
  const order = SUITES.map(({ name }) => name);
  await writeFile(page, renderPage(await readResults(folder), order));
  console.error(`the page is ${relative(process.cwd(), page)}`);
}

/** Runs the plan. Returns the exit code. */
async function run({ suites, rounds, json, results, machine: name, onlyPage }: Plan): Promise<number> {
  // Before the minutes of work, not after: a file that cannot be written is a bad command line.
  await mkdir(results, { recursive: true });
  await readResults(results);
  if (onlyPage) {
    await writePage(results);
    return 0;
  }
  if (json !== undefined) await writeFile(json, '{}\n');
  const chosen = SUITES.filter((suite) => suites.includes(suite.name));
  const about = { machine: thisMachine(name), node: process.version, commit: commitOf(HERE), rounds };
  const progress = new Progress(
    process.stderr,
    chosen.reduce((sum, { parts }) => sum + Object.keys(parts).length, 0),
  );
  const measured: Pick<SuiteResult, 'suite' | 'parts'>[] = [];
  for (const suite of chosen) {
    const parts: PartOutcome[] = [];
    for (const part of Object.keys(suite.parts)) {
      progress.part(`${suite.name} ${part}`);
      parts.push(await measure(suite, part, rounds, progress));
    }
    progress.clear();
    console.log(`${reportSuite(suite, parts).join('\n')}\n`);
    measured.push({ suite: suite.name, parts });
    await writeResult(results, { suite: suite.name, about: suite.about, ...about, parts });
    if (json !== undefined) await writeFile(json, figuresAsJson(measured));
  }
  await writePage(results);
  return measured.some(({ parts }) => parts.some(({ failure }) => failure !== undefined)) ? 1 : 0;
}

function refuse(sentence: string): void {
  console.error(`bench: ${sentence}`);
  process.exitCode = 2;
}

const commandLine = parseCommandLine(process.argv.slice(2), SUITES);
if ('help' in commandLine) console.log(commandLine.help);
else if ('refusal' in commandLine) refuse(commandLine.refusal);
else {
  try {
    process.exitCode = await run(commandLine.plan);
  } catch (error) {
    refuse(error instanceof Error ? error.message : String(error));
  }
}
