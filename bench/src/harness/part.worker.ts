/**
 * Entry of the child process in which one part runs: `part.worker.js SUITE PART ROUNDS`. Sends the result over IPC and
 * ends, whatever threads a peer has left behind. Told to stop, or left by its parent, it undoes what it has made outside and
 * ends at once. Started by `run-part.ts` only.
 */
import { SUITES } from '../suites.js';
import type { ResultMessage } from './messages.js';
import { undoAll } from './outside.js';

const [suite, name, rounds] = process.argv.slice(2);
const spec = SUITES.find((each) => each.name === suite)?.parts[name];
if (spec === undefined || process.send === undefined) throw new Error(`there is no part ${name} of suite ${suite}`);

let stopping = false;

function stop(): void {
  if (stopping) return;
  stopping = true;
  // What is being measured may fail when its programs are gone.
  process.on('uncaughtException', () => {});
  void undoAll().finally(() => process.exit(1));
}

// Ctrl-C reaches every process at the terminal; without a parent nobody waits for a result any more.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'disconnect']) process.on(signal, stop);
try {
  const { part } = await spec.load();
  const result = await part({ rounds: Number(rounds) });
  if (!stopping) process.send({ kind: 'result', result } satisfies ResultMessage, () => process.exit(0));
} catch (error) {
  if (!stopping) console.error(error);
  stop();
}
