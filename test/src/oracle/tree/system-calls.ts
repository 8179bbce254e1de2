/** System calls in another process, as the recorder's programs made them. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { errnoName, MediatedError } from '@mediated/core';
import type { Answer, Call } from './calls-main.js';

/** Calls that may be blocked at once. */
const BLOCKED_CALLS = '32';

export class SystemCalls {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #next = 0;

  constructor() {
    this.#child = fork(fileURLToPath(new URL('./calls-main.js', import.meta.url)), {
      serialization: 'advanced',
      env: { ...process.env, UV_THREADPOOL_SIZE: BLOCKED_CALLS },
    });
    this.#child.on('message', (answer: Answer) => {
      this.#waiting.get(answer.id)?.(answer);
      this.#waiting.delete(answer.id);
    });
  }

  /** What the call returned. Rejects with its errno. */
  call(name: Call['name'], ...args: unknown[]): Promise<unknown> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, ({ errno, value }) => {
        if (errno === 0) resolve(value);
        else reject(new MediatedError(errnoName(-errno), `${name} ${String(args[0])}`, { syscall: name }));
      });
      this.#child.send({ id, name, args } satisfies Call);
    });
  }

  close(): void {
    // A call may be blocked for ever: nobody waits for it.
    this.#child.kill('SIGKILL');
  }
}
