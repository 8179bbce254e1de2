/** What `import('@mediated/core')` costs in processor time, each time in a fresh process: against what Node's own start costs. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { ratios } from '../figures.js';
import { alternate } from '../harness/alternate.js';
import type { Part } from '../harness/part.js';
import { cores } from './packed.js';

/** Milliseconds of processor time that a fresh process takes to import a module; without one, to start. */
async function cost(specifier?: string): Promise<number> {
  const script =
    specifier === undefined
      ? 'const start = process.cpuUsage()'
      : `const before = process.cpuUsage(); await import(${JSON.stringify(specifier)}); const start = process.cpuUsage(before)`;
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--input-type=module',
    '--eval',
    `${script}; console.log((start.user + start.system) / 1000)`,
  ]);
  return Number(stdout);
}

export const part: Part = async ({ rounds }) => {
  const [packed, workspace] = await cores();
  const contenders = [
    { name: "Node's own start", measure: () => cost() },
    { name: 'node:worker_threads', measure: () => cost('node:worker_threads') },
    { name: '@mediated/core, packed', measure: () => cost(packed.main.href) },
    { name: '@mediated/core, a file per module', measure: () => cost(workspace.main.href) },
  ];
  const readings = await alternate(contenders, rounds);
  const [start, , imported] = readings;
  return {
    figures: { import_vs_node: ratios(imported, start) },
    readings: contenders.map(({ name }, index) => ({ name, unit: 'ms', values: readings[index] })),
    notes: [],
  };
};
