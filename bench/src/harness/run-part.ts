/**
 * Runs a part in a fresh child process, so that no part sees the heap, the compiled code or the threads of another.
 * Called by `main.ts`.
 */
import { fork } from 'node:child_process';
import type { PartMessage } from './messages.js';
import type { PartResult } from './part.js';

const CHILD = new URL('./part.worker.js', import.meta.url);
/** A part that takes longer, in milliseconds, hangs. */
const LONGEST = 600_000;

/**
 * The result of a part. Rejects when the child ends without one; its standard error has said why. `onRound` is called after
 * each round of the part.
 */
export function runPart(
  suite: string,
  part: string,
  rounds: number,
  onRound: (round: number, rounds: number) => void,
): Promise<PartResult> {
  return new Promise((resolve, reject) => {
    const child = fork(CHILD, [suite, part, String(rounds)], {
      // Not this process's own flags: the child measures the same whatever its parent was started with.
      execArgv: ['--expose-gc'],
      serialization: 'advanced',
      timeout: LONGEST,
      killSignal: 'SIGKILL',
    });
    let result: PartResult | undefined;
    child.on('message', (sent) => {
      const message = sent as PartMessage;
      if (message.kind === 'result') result = message.result;
      else onRound(message.round, message.rounds);
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      if (result !== undefined && code === 0) resolve(result);
      else reject(new Error(`${suite} ${part}: the child process ended with ${signal ?? `exit code ${code}`}`));
    });
  });
}
