/** A `nats-server` on loopback for the parts of this suite, and its hosts and clients as processes. */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { endProcess } from '../harness/end-process.js';
import { outside } from '../harness/outside.js';
import type { Turn, TurnResult } from './client.worker.js';

const CACHE = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
const PROGRAM = process.env.MEDIATED_NATS_SERVER || join(CACHE, 'mediated', 'nats', 'nats-server');

/** Why nothing can be measured here; empty when it can. */
export const whyNot = existsSync(PROGRAM) ? '' : `there is no ${PROGRAM}: scripts/nats/fetch.sh fetches it`;

/** Gives the URL of a server of its own while `use` runs, and how to start processes that end with it. */
export async function withServer<R>(use: (url: string, start: Starter) => Promise<R>): Promise<R> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'mediated-bench-nats-'));
  const server = spawn(PROGRAM, ['-js', '-sd', folder, '-a', '127.0.0.1', '-p', String(port)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const children: ChildProcess[] = [server];
  const undo = async (): Promise<void> => {
    for (const child of children.reverse()) await endProcess(child);
    await rm(folder, { recursive: true, force: true });
  };
  return outside(undo, async () => {
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: server.stderr! }).on('line', (line) => {
        if (line.includes('Server is ready')) resolve();
      });
      server.once('error', reject);
      server.once('exit', (code) => reject(new Error(`nats-server has ended with ${code}`)));
    });
    const start: Starter = async (worker, ...words) => {
      const child = fork(fileURLToPath(new URL(worker, import.meta.url)), words);
      children.push(child);
      await once(child, 'message');
      return child;
    };
    return use(`nats://127.0.0.1:${port}`, start);
  });
}

/** Starts a program of this folder; resolves when it has said something. */
export type Starter = (worker: string, ...words: string[]) => Promise<ChildProcess>;

/** Has a client take a turn. */
export async function take(client: ChildProcess, turn: Turn): Promise<TurnResult> {
  const answer = once(client, 'message');
  client.send(turn);
  return (await answer)[0] as TurnResult;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
