/**
 * `pnpm chaos [--kills N] [--seed S] [--gate KIND] [--from N] [--check N] [--processes N] [--break NAME]`: kills threads at random
 * moments and counts what they leave behind (docs/chaos.md). The kills are divided among the gates, unless one is named, and
 * among processes. Ctrl-C ends it early, with all counts; a second one at once. Last line: `N passed, N failed`, single checks.
 * Exit: 0 when all held, 1 when one did not, 2 for arguments that make no sense, 130 when it was interrupted and all held.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import type { GateKind } from '@mediated/core';
import { BREAKAGE_NAMES, type Breakage } from './breakage.js';
import type { ChaosReport } from './chaos.js';
import { type Part, Storms } from './storms.js';

const USAGE =
  'usage: pnpm chaos [--kills N] [--seed S] [--gate rwsem|refcount|srcu] [--from N] [--check N] [--processes N] [--break NAME]';
const GATES: readonly GateKind[] = ['rwsem', 'refcount', 'srcu'];
/** Milliseconds between two lines of progress. */
const PROGRESS = 5000;
/** Cores that one storm can make use of. */
const CORES = 2;

interface Arguments {
  readonly kills: number;
  readonly seed: number;
  readonly gates: readonly GateKind[];
  readonly checkEvery: number;
  readonly from: number;
  readonly processes: number;
  readonly breakage: Breakage | undefined;
}

function tell(): never {
  console.log(USAGE);
  process.exit(0);
}

function refuse(reason: string): never {
  console.error(`chaos: ${reason}\n${USAGE}`);
  process.exit(2);
}

function whole(name: string, text: string, least: number): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least)
    refuse(`--${name} is ${text}; a number from ${least} on is wanted`);
  return value;
}

function readArguments(): Arguments {
  try {
    const { values } = parseArgs({
      options: {
        kills: { type: 'string', default: '500' },
        seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
        gate: { type: 'string' },
        check: { type: 'string', default: '100' },
        from: { type: 'string', default: '0' },
        processes: { type: 'string' },
        break: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    if (values.help) tell();
    const gates = values.gate === undefined ? GATES : GATES.filter((gate) => gate === values.gate);
    if (gates.length === 0) refuse(`there is no gate ${values.gate}`);
    const breakage = BREAKAGE_NAMES.find((name) => name === values.break);
    if (values.break !== undefined && breakage === undefined) {
      refuse(`nothing is called ${values.break} that can be broken (${BREAKAGE_NAMES.join(', ')})`);
    }
    return {
      breakage,
      kills: whole('kills', values.kills, 1),
      seed: whole('seed', values.seed, 0),
      gates,
      checkEvery: whole('check', values.check, 1),
      from: whole('from', values.from, 0),
      processes:
        values.processes === undefined
          ? Math.max(gates.length, Math.floor(availableParallelism() / CORES))
          : whole('processes', values.processes, 1),
    };
  } catch (error) {
    refuse(error instanceof Error ? error.message : String(error));
  }
}

/** Divides the kills: as many parts as there are gates, or as processes when those are more. */
function divide({ kills, seed, gates, checkEvery, from, processes, breakage }: Arguments): Part[] {
  const count = Math.min(kills, gates.length * Math.ceil(processes / gates.length));
  const share = Math.ceil(kills / count);
  return Array.from({ length: count }, (_, at) => ({
    kills: Math.min(share, kills - at * share),
    from: from + at * share,
    seed,
    gate: gates[at % gates.length] as GateKind,
    checkEvery,
    // What is broken on purpose need not be waited for.
    ...(breakage === undefined ? {} : { breakage, patience: 8000, settling: 3000 }),
  })).filter((part) => part.kills > 0);
}

function duration(seconds: number): string {
  return seconds < 120 ? `${seconds.toFixed(0)} s` : `${(seconds / 60).toFixed(0)} min`;
}

/** Prints how a part went. */
function describe({ seed, gate, from }: Part, report: ChaosReport): void {
  const stall = `${report.longestStall.milliseconds.toFixed(0)} ms (${report.longestStall.step})`;
  console.log(
    `${gate}: ${report.kills} kills in ${duration(report.seconds)} (${(report.kills / report.seconds).toFixed(1)} kills/s, ` +
      `${((report.cpuSeconds / report.kills) * 1000).toFixed(0)} ms of a core each); ` +
      `${report.restarts} restarts, ${report.clients} clients, ${report.unregistered} unregistrations; ` +
      `longest step of a survivor ${stall}; longest settling ${report.longestSettling.toFixed(0)} ms`,
  );
  const ways = [...report.byWay].sort(([a], [b]) => a.localeCompare(b)).map(([way, count]) => `${way} ${count}`);
  console.log(`  ${ways.join(', ')}`);
  if (report.violations.length === 0) return;
  const same = `--seed ${seed} --gate ${gate}${from === 0 ? '' : ` --from ${from}`}`;
  console.log(`seed ${seed}, gate ${gate}: NOT as it must be. To have the same choices: ${same}`);
  for (const { check, text, kills } of report.violations) console.log(`  after ${kills} kills, ${check}: ${text}`);
  for (const line of report.lastKills) console.log(`  ${line}`);
}

const wanted = readArguments();
const { kills, seed, gates, processes } = wanted;
console.log(`chaos: ${kills} kills, seed ${seed}, gates ${gates.join(', ')}`);
const parts = divide(wanted);
const storms = await Storms.prepare();
let interrupted = false;
const interrupt = () => {
  console.log(interrupted ? 'chaos: ends at once' : 'chaos: kills no more, counts a last time (again: ends at once)');
  interrupted = true;
  storms.stop();
};
process.on('SIGINT', interrupt);
process.on('SIGTERM', interrupt);
const soFar: ChaosReport[] = [];
const started = performance.now();
let told = started;
function progress(at: number, report: ChaosReport): void {
  // At once: a run may be long.
  for (const { check, text, kills } of report.violations.slice(soFar[at]?.violations.length ?? 0)) {
    console.log(`  ${report.gate}, after ${kills} kills, ${check}: ${text}`);
  }
  soFar[at] = report;
  if (performance.now() - told < PROGRESS) return;
  told = performance.now();
  const done = soFar.reduce((sum, each) => sum + each.kills, 0);
  const violations = soFar.reduce((sum, each) => sum + each.violations.length, 0);
  const rate = done / ((told - started) / 1000);
  console.log(
    `  ${done} of ${kills} kills, ${rate.toFixed(1)} kills/s, ${duration((kills - done) / rate)} left, ${violations} violations`,
  );
}
let passed = 0;
let failed = 0;
try {
  const reports = await storms.run(parts, processes, progress);
  for (const [at, part] of parts.entries()) {
    const report = reports[at];
    if (report === undefined) continue;
    describe(part, report);
    passed += report.passed;
    failed += report.violations.length;
  }
} finally {
  await storms.close();
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 || passed === 0 ? 1 : interrupted ? 130 : 0);
