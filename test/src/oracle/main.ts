/**
 * `pnpm test:oracle [--tree] [--dir DIR] [--rounds N] [--table]`: asks the runtime what a real kernel was
 * asked, and compares the answers. Recordings: `test/oracle/`, or those of the same format in DIR. Races are run N times (default 40), and modules are
 * loaded anew N/10 times among them. Prints a line per difference, then counts. Exit: 0 when all is the same, 1 when
 * something differs, 2 when there is nothing to replay. `--table` prints the table of docs/fidelity.md instead of counts.
 * With `--tree` the recordings 01 to 03 are replayed on a mounted tree, through system calls of another process.
 */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { fidelityRows, HEADER } from './fidelity.js';
import { type Recording, readRecordings } from './recording.js';
import { replayAll } from './replay.js';
import { replayTree } from './tree/replay-tree.js';

const USAGE = 'usage: pnpm test:oracle [--tree] [--dir DIR] [--rounds N] [--table]';

function refuse(reason: string): never {
  console.error(`test:oracle: ${reason}\n${USAGE}`);
  process.exit(2);
}

function options(): { folder: string; rounds: number; tree: boolean; table: boolean } {
  try {
    const { values } = parseArgs({
      options: {
        dir: { type: 'string' },
        tree: { type: 'boolean', default: false },
        rounds: { type: 'string', default: '40' },
        table: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h' },
      },
    });
    if (values.help) {
      console.log(
        `${USAGE}\n\nReplays recordings of a real kernel (test/oracle, or DIR) and compares; races N times (40).`,
      );
      process.exit(0);
    }
    const rounds = Number(values.rounds);
    if (!Number.isInteger(rounds) || rounds < 1) refuse(`--rounds ${values.rounds} is no number of rounds`);
    // Where pnpm was called, not where it runs its scripts.
    const from = process.env.INIT_CWD ?? process.cwd();
    const folder =
      values.dir === undefined ? fileURLToPath(new URL('../../oracle', import.meta.url)) : resolve(from, values.dir);
    return { folder, rounds, tree: values.tree, table: values.table };
  } catch (error) {
    return refuse((error as Error).message);
  }
}

function recordings(folder: string): Recording[] {
  try {
    return readRecordings(folder);
  } catch (error) {
    return refuse((error as Error).message);
  }
}

const { folder, rounds, tree, table } = options();
const found = recordings(folder);
if (found.length === 0) refuse(`there are no recordings (*.jsonl) in ${folder}`);
const bounds = { rounds, toggles: Math.ceil(rounds / 10) };
const print = (line: string): void => {
  if (!table) console.log(line);
};
const tally = tree ? await replayTree(found, print) : await replayAll(found, bounds, print);
if (table) console.log([...HEADER, ...fidelityRows(tally.departures)].join('\n'));
process.exitCode = tally.different === 0 ? 0 : 1;
