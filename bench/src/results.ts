/**
 * The files of `bench/results`: one per machine and suite, `MACHINE.SUITE.json`. They hold every round and no date, so
 * that two runs differ in what was measured and in nothing else. Written by `main.ts` after each suite; the page is made
 * from all that lie there, so that files of another machine only need to be copied beside them.
 */
import { execFileSync } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Mark, Spread } from './figures.js';
import type { Curves, Unit } from './harness/part.js';

/** Where something was measured. */
export interface Machine {
  /** Names the files; lower case letters, digits and dashes. */
  readonly name: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly platform: string;
}

/** A figure: a spread, every round, and what it means. */
export interface FigureResult extends Spread {
  readonly about: string;
  readonly mark?: Mark;
  readonly values: readonly number[];
}

/** A reading. */
export interface ReadingResult extends Spread {
  readonly name: string;
  readonly unit: Unit;
  readonly values: readonly number[];
}

/** What one part measured. */
export interface PartOutcome {
  readonly name: string;
  /** What its pictures show. */
  readonly about: string;
  readonly figures: Readonly<Record<string, FigureResult>>;
  readonly readings: readonly ReadingResult[];
  readonly curves: readonly Curves[];
  readonly notes: readonly string[];
  /** Why there is nothing, when the part ended without a result. */
  readonly failure?: string;
}

/** A file. */
export interface SuiteResult {
  readonly format: typeof FORMAT;
  readonly suite: string;
  readonly about: string;
  readonly machine: Machine;
  readonly node: string;
  /** Commit of the working tree; with a `+` when files differed from it. */
  readonly commit: string;
  readonly rounds: number;
  readonly parts: readonly PartOutcome[];
}

const FORMAT = 'mediated-bench 1';

/** This machine. `name`: what it is to be called; by default its processor and the number of its cores. */
export function thisMachine(name?: string): Machine {
  const cores = availableParallelism();
  const cpu = cpus()[0]?.model.trim() || process.arch;
  return {
    name: name ?? machineName(`${cpu} ${cores} cores`),
    cpu,
    cores,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform} ${process.arch}`,
  };
}

/** The text as a machine's name: what is no letter and no digit becomes a dash. */
export function machineName(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/\((r|tm)\)/g, '')
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
}

/** The commit that is measured; `unknown` outside a clone. */
export function commitOf(folder: string): string {
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    const changed = git('status', '--porcelain', '--untracked-files=no') !== '';
    return git('rev-parse', '--short=12', 'HEAD') + (changed ? '+' : '');
  } catch {
    return 'unknown';
  }
}

/** Writes a suite's file; its name. */
export async function writeResult(folder: string, result: Omit<SuiteResult, 'format'>): Promise<string> {
  const file = join(folder, `${result.machine.name}.${result.suite}.json`);
  await writeFile(file, `${JSON.stringify({ format: FORMAT, ...result } satisfies SuiteResult, undefined, 1)}\n`);
  return file;
}

/** All results of a folder, by the names of their files. Throws when one is no such file. */
export async function readResults(folder: string): Promise<SuiteResult[]> {
  const results: SuiteResult[] = [];
  for (const name of (await readdir(folder)).filter((each) => each.endsWith('.json')).sort()) {
    const result = JSON.parse(await readFile(join(folder, name), 'utf8')) as SuiteResult;
    if (result.format !== FORMAT) throw new Error(`${join(folder, name)} is no result of this benchmark`);
    results.push(result);
  }
  return results;
}
