/**
 * Runs a part in a fresh child process, so that no part sees the heap, the compiled code or the threads of another.
 * Called by `main.ts`.
 */
import { fork } from 'node:child_process';
import type { PartMessage } from './messages.js';
import type { PartResult } from './part.js';

const CHILD = new URL('./part.worker.js', import.meta.url);
/** A part that says nothing for longer, in milliseconds, hangs. */
const LONGEST = 300_000;
/** One that was told to stop and has not ended after so many milliseconds is killed. */
const GRACE = 5000;

/** What to run, and how. */
export interface PartRun {
  readonly suite: string;
  readonly part: string;
  readonly rounds: number;
  /** Stops the part. */
  readonly signal: AbortSignal;
  /** Called after each round. */
  readonly onRound: (round: number, rounds: number) => void;
}

/**
 * The result of a part. Rejects when the child ends without one; its standard error has said why. When it was stopped, it has
 * ended by the time of the rejection, and nothing of it is left.
 */
export function runPart({ suite, part, rounds, signal, onRound }: PartRun): Promise<PartResult> {
  return new Promise((resolve, reject) => {
    const child = fork(CHILD, [suite, part, String(rounds)], {
      // Not this process's own flags: the child measures the same whatever its parent was started with.
      execArgv: ['--expose-gc'],
      serialization: 'advanced',
    });
    let result: PartResult | undefined;
    let kill: NodeJS.Timeout | undefined;
    const stop = (): void => {
      child.kill('SIGTERM');
      kill ??= setTimeout(() => child.kill('SIGKILL'), GRACE);
    };
    let hung = false;
    const hangs = setTimeout(() => {
      hung = true;
      stop();
    }, LONGEST);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
    child.on('message', (sent) => {
      hangs.refresh();
      const message = sent as PartMessage;
      if (message.kind === 'result') result = message.result;
      else onRound(message.round, message.rounds);
    });
    child.once('error', reject);
    child.once('exit', (code, killed) => {
      clearTimeout(hangs);
      clearTimeout(kill);
      signal.removeEventListener('abort', stop);
      if (result !== undefined && code === 0) resolve(result);
      else {
        const how = hung ? `had said nothing for ${LONGEST / 1000} s` : `ended with ${killed ?? `exit code ${code}`}`;
        reject(new Error(`${suite} ${part}: the child process ${how}`));
      }
    });
  });
}
