/**
 * What `import('@mediated/core')` costs in processor time, each time in a fresh process: beside an empty module, what the
 * core needs of Node itself, and Node's own start.
 */
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
  const empty = new URL('./empty.js', import.meta.url).href;
  const contenders = [
    { name: "Node's own start", measure: () => cost() },
    { name: 'importing an empty module', measure: () => cost(empty) },
    { name: 'importing node:worker_threads', measure: () => cost('node:worker_threads') },
    { name: 'importing @mediated/core, packed', measure: () => cost(packed.main.href) },
    { name: 'importing @mediated/core, a file per module', measure: () => cost(workspace.main.href) },
  ];
  const readings = await alternate(contenders, rounds);
  const [start, , , imported] = readings;
  return {
    figures: { import_cpu_ms: imported, import_vs_node: ratios(imported, start) },
    readings: contenders.map(({ name }, index) => ({ name, unit: 'ms', values: readings[index] })),
    notes: [],
  };
};
