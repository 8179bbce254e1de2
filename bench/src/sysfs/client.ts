/** Client processes of the suite, from the side of those who start them. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { endProcess } from '../harness/end-process.js';
import { outside } from '../harness/outside.js';
import type { Turn, TurnResult } from './client.worker.js';

/** Gives `use` so many clients, which end when it does. */
export function withClients<R>(count: number, use: (clients: readonly Client[]) => Promise<R>): Promise<R> {
  const clients = Array.from({ length: count }, () => new Client());
  const end = async (): Promise<void> => {
    await Promise.all(clients.map((client) => client.end()));
  };
  return outside(end, () => use(clients));
}

export class Client {
  readonly #child: ChildProcess = fork(fileURLToPath(new URL('./client.worker.js', import.meta.url)));

  /** Throws when an answer was wrong. */
  async take(turn: Turn): Promise<TurnResult> {
    this.#child.send(turn);
    const [result] = (await once(this.#child, 'message')) as [TurnResult];
    if (result.wrong.length > 0) throw new Error(`wrong answers: ${result.wrong.join('; ')}`);
    return result;
  }

  end(): Promise<void> {
    return endProcess(this.#child);
  }
}

/** Operations a second of several clients at once. */
export async function together(clients: readonly Client[], turn: Turn): Promise<number> {
  const results = await Promise.all(clients.map((client) => client.take(turn)));
  return results.reduce((sum, { operations, milliseconds }) => sum + (operations * 1000) / milliseconds, 0);
}
