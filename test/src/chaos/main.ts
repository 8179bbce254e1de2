/**
 * `pnpm chaos [--kills N] [--seed S] [--gate KIND] [--check N] [--break NAME]`: kills threads at random moments and counts what they leave
 * behind (docs/chaos.md). The kills are divided among the gates, unless one is named. Last line: `N passed, N failed`, single
 * checks. Exit: 0 when all held, 1 when one did not, 2 for arguments that make no sense.
 */
import { parseArgs } from 'node:util';
import type { GateKind } from '@mediated/core';
import { BREAKAGE_NAMES, type Breakage } from './breakage.js';
import { Chaos, type ChaosReport } from './chaos.js';

const USAGE = 'usage: pnpm chaos [--kills N] [--seed S] [--gate rwsem|refcount|srcu] [--check N] [--break NAME]';
const GATES: readonly GateKind[] = ['rwsem', 'refcount', 'srcu'];
/** Milliseconds between two lines of progress. */
const PROGRESS = 5000;

interface Arguments {
  readonly kills: number;
  readonly seed: number;
  readonly gates: readonly GateKind[];
  readonly checkEvery: number;
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
    };
  } catch (error) {
    refuse(error instanceof Error ? error.message : String(error));
  }
}

function rate({ kills, seconds }: ChaosReport): string {
  return `${(kills / seconds).toFixed(1)} kills/s`;
}

const { kills, seed, gates, checkEvery, breakage } = readArguments();
console.log(`chaos: ${kills} kills, seed ${seed}, gates ${gates.join(', ')}`);
let passed = 0;
let failed = 0;
let told = 0;
const share = Math.ceil(kills / gates.length);
for (const [at, gate] of gates.entries()) {
  const report = await Chaos.run({
    kills: Math.min(share, kills - at * share),
    from: at * share,
    seed,
    gate,
    checkEvery,
    // What is broken on purpose need not be waited for.
    ...(breakage === undefined ? {} : { breakage, patience: 8000, settling: 3000 }),
    progress(soFar) {
      if (performance.now() - told < PROGRESS) return;
      told = performance.now();
      console.log(`  ${gate}: ${soFar.kills} kills, ${rate(soFar)}, ${soFar.violations.length} violations`);
    },
  });
  passed += report.passed;
  failed += report.violations.length;
  const stall = `${report.longestStall.milliseconds.toFixed(0)} ms (${report.longestStall.step})`;
  console.log(
    `${gate}: ${report.kills} kills in ${report.seconds.toFixed(0)} s (${rate(report)}); ` +
      `${report.restarts} restarts, ${report.clients} clients, ${report.unregistered} unregistrations; ` +
      `longest step of a survivor ${stall}; longest settling ${report.longestSettling.toFixed(0)} ms`,
  );
  const ways = [...report.byWay].sort(([a], [b]) => a.localeCompare(b)).map(([way, count]) => `${way} ${count}`);
  console.log(`  ${ways.join(', ')}`);
  if (report.violations.length === 0) continue;
  console.log(`seed ${seed}, gate ${gate}: NOT as it must be. To have the same choices: --seed ${seed} --gate ${gate}`);
  for (const { check, text, kills: after } of report.violations)
    console.log(`  after ${after} kills, ${check}: ${text}`);
  for (const line of report.lastKills) console.log(`  ${line}`);
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
