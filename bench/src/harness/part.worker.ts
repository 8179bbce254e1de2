/**
 * Entry of the child process in which one part runs: `part.worker.js SUITE PART ROUNDS`. Sends the result over IPC and
 * ends, whatever threads a peer has left behind. Started by `run-part.ts` only.
 */
import { SUITES } from '../suites.js';
import type { ResultMessage } from './messages.js';

const [suite, name, rounds] = process.argv.slice(2);
const load = SUITES.find((each) => each.name === suite)?.parts[name];
if (load === undefined || process.send === undefined) throw new Error(`there is no part ${name} of suite ${suite}`);
// Nobody waits for a result any more.
process.once('disconnect', () => process.exit(1));
const { part } = await load();
const result = await part({ rounds: Number(rounds) });
process.send({ kind: 'result', result } satisfies ResultMessage, () => process.exit(0));
