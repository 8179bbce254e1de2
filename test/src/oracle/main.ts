/**
 * `pnpm test:oracle [--dir DIR]`: asks the runtime what a real kernel was asked, and compares the answers. Recordings:
 * `test/oracle/`, or those of the same format in DIR. A line per difference; ends with 1 when there was one.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readRecordings } from './recording.js';
import { replayAll } from './replay.js';

const { values } = parseArgs({ options: { dir: { type: 'string' } } });
const folder = values.dir ?? fileURLToPath(new URL('../../oracle', import.meta.url));
const tally = await replayAll(readRecordings(folder), (line) => console.log(line));
process.exitCode = tally.different === 0 ? 0 : 1;
