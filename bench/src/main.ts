/**
 * `pnpm bench`: runs the suites one part after the other, each in a fresh child process, prints their tables and writes
 * the figures as JSON. Ends with 2 for a bad command line and 1 when a part failed; a missed mark is no failure.
 */
import { writeFile } from 'node:fs/promises';
import { parseCommandLine, type Plan } from './arguments.js';
import { figuresAsJson, type Spread, spreadOf } from './figures.js';
import { runPart } from './harness/run-part.js';
import { reportSuite, type SuiteOutcome } from './report.js';
import { SUITES, type Suite } from './suites.js';

async function runSuite(suite: Suite, rounds: number): Promise<SuiteOutcome> {
  const figures = new Map<string, Spread>();
  const readings: SuiteOutcome['readings'][number][] = [];
  const notes: string[] = [];
  const failures: string[] = [];
  for (const part of Object.keys(suite.parts)) {
    console.error(`running ${suite.name} ${part}`);
    try {
      const result = await runPart(suite.name, part, rounds);
      for (const [figure, values] of Object.entries(result.figures)) figures.set(figure, spreadOf(values));
      readings.push(...result.readings.map(({ name, unit, values }) => ({ name, unit, spread: spreadOf(values) })));
      notes.push(...result.notes);
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error));
    }
  }
  return { suite, figures, readings, notes, failures };
}

/** Runs the plan. Returns the exit code. */
async function run({ suites, rounds, json }: Plan): Promise<number> {
  // Before the minutes of work, not after: a file that cannot be written is a bad command line.
  if (json !== undefined) await writeFile(json, '{}\n');
  const outcomes: SuiteOutcome[] = [];
  for (const suite of SUITES.filter(({ name }) => suites.includes(name))) {
    const outcome = await runSuite(suite, rounds);
    outcomes.push(outcome);
    console.log(`${reportSuite(outcome).join('\n')}\n`);
    if (json !== undefined) {
      await writeFile(json, figuresAsJson(outcomes.map(({ suite: { name }, figures }) => ({ name, figures }))));
    }
  }
  return outcomes.some(({ failures }) => failures.length > 0) ? 1 : 0;
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
