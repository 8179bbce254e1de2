/** Client processes of the suite, from the side of those who start them. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Turn, TurnResult } from './client.worker.js';

export class Client {
  readonly #child: ChildProcess = fork(fileURLToPath(new URL('./client.worker.js', import.meta.url)));

  /** Throws when an answer was wrong. */
  async take(turn: Turn): Promise<TurnResult> {
    this.#child.send(turn);
    const [result] = (await once(this.#child, 'message')) as [TurnResult];
    if (result.wrong.length > 0) throw new Error(`wrong answers: ${result.wrong.join('; ')}`);
    return result;
  }

  close(): void {
    this.#child.disconnect();
  }
}

/** Operations a second of several clients at once. */
export async function together(clients: readonly Client[], turn: Turn): Promise<number> {
  const results = await Promise.all(clients.map((client) => client.take(turn)));
  return results.reduce((sum, { operations, milliseconds }) => sum + (operations * 1000) / milliseconds, 0);
}
