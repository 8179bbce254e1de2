/**
 * 4096 devices created and removed by four processes at once, as mdevctl writes it, every answer checked; and `ls -R` over the tree
 * meanwhile, whose only errors may be those of names that went between being listed and being visited.
 */
import { execFile } from 'node:child_process';
import type { Part } from '../harness/part.js';
import { type Client, withClients } from './client.js';
import type { TurnResult } from './client.worker.js';
import { type Mounted, uuidOf, withTree } from './mounted.js';

const PROCESSES = 4;
const DEVICES = 4096;

/** Lines of `ls -R` that tell of an error which nothing excuses. */
function listErrors(path: string): Promise<number> {
  return new Promise((resolve) => {
    const environment = { ...process.env, LC_ALL: 'C' };
    execFile('ls', ['-R', path], { env: environment, maxBuffer: 2 ** 28 }, (_, _out, errors) => {
      const lines = errors.split('\n').filter((line) => line !== '' && !line.endsWith('No such file or directory'));
      resolve(lines.length);
    });
  });
}

/** Writes in turns of all processes at once; milliseconds and wrong answers. */
async function inParallel(
  clients: readonly Client[],
  writeOf: (uuid: string) => readonly [string, string],
): Promise<{ milliseconds: number; wrong: number }> {
  const start = performance.now();
  let wrong = 0;
  await Promise.all(
    clients.map(async (client, process) => {
      const writes = Array.from({ length: DEVICES / PROCESSES }, (_, i) => writeOf(uuidOf(i * PROCESSES + process)));
      await client.take({ kind: 'accepted', writes }).catch((): TurnResult => {
        wrong++;
        return { operations: 0, milliseconds: 0, wrong: [] };
      });
    }),
  );
  return { milliseconds: performance.now() - start, wrong };
}

async function round(
  { mount, parent, type, runtime }: Mounted,
  clients: readonly Client[],
): Promise<{ created: number; wrong: number; errors: number }> {
  let working = true;
  const listing = (async () => {
    let errors = 0;
    while (working) errors += await listErrors(mount.path);
    return errors;
  })();
  const creates = await inParallel(clients, (uuid) => [`${type}/create`, uuid]);
  const there = runtime.bus.mdevs().length;
  const removes = await inParallel(clients, (uuid) => [`${parent}/${uuid}/remove`, '1']);
  working = false;
  const left = runtime.bus.mdevs().length;
  const missing = there === DEVICES && left === 0 ? 0 : 1;
  return {
    created: (DEVICES * 1000) / creates.milliseconds,
    wrong: creates.wrong + removes.wrong + missing,
    errors: await listing,
  };
}

export const part: Part = () =>
  withTree(async (mounted) => {
    const { created, wrong, errors } = await withClients(PROCESSES, (clients) => round(mounted, clients));
    return {
      figures: { crowd_wrong_answers: [wrong], list_errors: [errors] },
      readings: [{ name: 'creates of four processes, with ls -R beside them', unit: '/s', values: [created] }],
      notes: [],
    };
  });
