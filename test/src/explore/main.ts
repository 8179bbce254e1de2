/**
 * `pnpm explore`: explores every target, then shows that each mutant is found. Prints a table; the last line is
 * `N passed, N failed`.
 */
import { parseArgs } from 'node:util';
import { type Exploration, type ExploreOptions, search } from '@mediated/explorer';
import { type Mutant, MutantCode } from './mutant.js';
import { MUTANTS } from './mutants.js';
import type { Target } from './target.js';
import { targetNamed, TARGETS } from './targets.js';

const USAGE = `explores the targets, then shows that each mutant is found

  --preemptions N   that many preemptions for every target (\`all\`: no bound), as long as it takes
  --random N        that many random executions of each target instead; --seed S
  --everywhere      threads change places before every step: see \`ExploreOptions.everywhere\`
  --only X          only targets and mutants whose names contain X
  --replay STRING   plays one schedule of the one target that --only names, and prints it
  --milliseconds N  at most that long per target; default one minute in the bounded form, else none
  --targets, --mutants   only the one half
`;

const { values } = parseArgs({
  options: {
    preemptions: { type: 'string' },
    random: { type: 'string' },
    seed: { type: 'string' },
    only: { type: 'string', default: '' },
    replay: { type: 'string' },
    everywhere: { type: 'boolean', default: false },
    milliseconds: { type: 'string' },
    targets: { type: 'boolean', default: false },
    mutants: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const FIXTURES = new URL('../../dist-fixtures/explore/', import.meta.url);
const MINUTE = 60_000;

function optionsOf(target: Target): ExploreOptions {
  const bounded = values.preemptions === undefined;
  const preemptions = bounded
    ? target.preemptions
    : values.preemptions === 'all'
      ? Number.POSITIVE_INFINITY
      : Number(values.preemptions);
  return {
    preemptions,
    kills: target.kills,
    everywhere: values.everywhere || target.everywhere,
    steps: target.steps,
    parameters: target.parameters,
    milliseconds: values.milliseconds === undefined ? (bounded ? MINUTE : undefined) : Number(values.milliseconds),
    random: values.random === undefined ? undefined : Number(values.random),
    seed: values.seed === undefined ? undefined : Number(values.seed),
    replay: values.replay,
  };
}

function explore(target: Target, options: ExploreOptions): Promise<Exploration> {
  const module = new URL(`${target.file}.fixture.js`, FIXTURES);
  return search(target.name, { module, name: target.scenario }, options);
}

/** A bound as the table shows it. */
function boundText(bound: number): string {
  return bound === Number.POSITIVE_INFINITY ? 'all' : bound < 0 ? '-' : String(bound);
}

const COLUMNS = [46, 8, 6, 9, 11, 11, 9, 9] as const;

function row(...cells: readonly (string | number)[]): void {
  const [name, ...rest] = cells;
  console.log(
    [String(name).padEnd(COLUMNS[0]), ...rest.map((cell, at) => String(cell).padStart(COLUMNS[at + 1] ?? 9))].join(''),
  );
}

async function exploreTarget(target: Target): Promise<boolean> {
  const exploration = await explore(target, optionsOf(target));
  const { threads, strategy, preemptions, executions, steps, complete, milliseconds, failure } = exploration;
  const bound = strategy === 'exhaustive' ? boundText(preemptions) : strategy;
  const outcome = failure !== undefined ? 'FAILED' : complete ? 'complete' : 'cut';
  const seconds = (milliseconds / 1000).toFixed(1);
  row(target.name, threads, target.kills ?? 0, bound, executions, steps, outcome, `${seconds} s`);
  if (failure !== undefined) console.log(`\n${failure.report}\n`);
  return failure === undefined;
}

async function findMutant(mutant: Mutant): Promise<boolean> {
  const target = targetNamed(mutant.target);
  const code = await MutantCode.make(mutant).catch((error: Error) => console.log(`NOT MADE       ${error.message}`));
  if (code === undefined) return false;
  try {
    const options = optionsOf({ ...target, preemptions: mutant.preemptions ?? target.preemptions });
    const { executions, failure, milliseconds } = await explore(target, {
      ...options,
      replacements: code.replacements,
    });
    const how = failure?.kind ?? 'NOT FOUND';
    console.log(
      `${how.padEnd(13)} ${String(executions).padStart(7)} ${(milliseconds / 1000).toFixed(1).padStart(6)} s  ${mutant.name}`,
    );
    return failure !== undefined;
  } finally {
    await code.remove();
  }
}

/** What cannot be explored counts as failed; the others go on. */
const refused = (name: string) => (error: Error) => {
  console.log(`${name} REFUSED: ${error.message}`);
  return false;
};

if (values.help) {
  console.log(USAGE);
  process.exit();
}
const only = values.only;
const outcomes: boolean[] = [];
if (!values.mutants) {
  row('target', 'threads', 'kills', 'bound', 'executions', 'steps', '', 'time');
  for (const target of TARGETS) {
    if (target.name.includes(only)) outcomes.push(await exploreTarget(target).catch(refused(target.name)));
  }
}
if (!values.targets && values.replay === undefined && values.random === undefined) {
  console.log('\nmutants: how each was found, after how many executions');
  for (const mutant of MUTANTS) {
    if (!mutant.name.includes(only) && mutant.target !== only) continue;
    outcomes.push(await findMutant(mutant).catch(refused(mutant.name)));
  }
}
const failed = outcomes.filter((passed) => !passed).length;
console.log(`${outcomes.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 && outcomes.length > 0 ? 0 : 1;
