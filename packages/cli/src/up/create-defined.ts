/** Reads a folder of definitions and creates its devices, with what is shown of it. Called by `up.ts`. */
import type { Bus } from '@mediated/core';
import { bringUp } from '../bring-up.js';
import { counted } from '../counted.js';
import { type Definitions, readDefinitions } from '../definitions.js';
import type { Progress } from '../progress.js';
import { ConfigurationError } from './read-configuration.js';
import type { Report } from './report.js';

/** Columns of the bar, without its ends. */
const BAR = 30;

/** What a folder holds. */
export interface Defined {
  readonly folder: string;
  readonly read: Definitions;
}

/** Undefined without a folder. Rejects with a {@link ConfigurationError} when there is nothing to read where one was named. */
export async function readDefined(folder: string | undefined): Promise<Defined | undefined> {
  if (folder === undefined || folder === '') return undefined;
  const read = await readDefinitions(folder);
  const unusable = read.problems.find(({ file }) => file === folder);
  if (unusable !== undefined) throw new ConfigurationError(`definitions in ${folder}: ${unusable.reason}`);
  return { folder, read };
}

/** Creates what starts by itself, all at once. Definitions that cannot be used are told. */
export async function createDefined(
  bus: Bus,
  { folder, read }: Defined,
  report: Report,
  progress: Progress,
): Promise<void> {
  const created = await bringUp(bus, read, (through, all) => {
    if (!report.json) progress.update(`${bar(through, all)} ${through} of ${counted(all, 'device')}`);
  }).finally(() => progress.end());
  for (const { file, reason } of read.problems) {
    report.warn('problem', { file, message: reason }, `not used ${file}: ${reason}`);
  }
  for (const { uuid, parent, type } of created.values()) report.tell('device', { uuid, parent: parent.name, type });
  report.tell(
    'defined',
    { folder, created: created.size, problems: read.problems.length },
    `${counted(created.size, 'device')} created as ${folder} says`,
  );
}

/** How much of a task is done, as a bar. */
function bar(through: number, all: number): string {
  const filled = all === 0 ? BAR : Math.floor((through / all) * BAR);
  return `[${'#'.repeat(filled)}${'-'.repeat(BAR - filled)}]`;
}
