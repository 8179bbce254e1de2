/**
 * Runs a part in a fresh child process, so that no part sees the heap, the compiled code or the threads of another.
 * Called by `main.ts`.
 */
import { fork } from 'node:child_process';
import type { PartResult } from './part.js';

const CHILD = new URL('./part.worker.js', import.meta.url);
/** A part that takes longer, in milliseconds, hangs. */
const LONGEST = 600_000;

/** The result of a part. Rejects when the child ends without one; its standard error has said why. */
export function runPart(suite: string, part: string, rounds: number): Promise<PartResult> {
  return new Promise((resolve, reject) => {
    const child = fork(CHILD, [suite, part, String(rounds)], {
      // Not this process's own flags: the child measures the same whatever its parent was started with.
      execArgv: ['--expose-gc'],
      serialization: 'advanced',
      timeout: LONGEST,
      killSignal: 'SIGKILL',
    });
    let result: PartResult | undefined;
    child.once('message', (message) => {
      result = message as PartResult;
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      if (result !== undefined && code === 0) resolve(result);
      else reject(new Error(`${suite} ${part}: the child process ended with ${signal ?? `exit code ${code}`}`));
    });
  });
}
