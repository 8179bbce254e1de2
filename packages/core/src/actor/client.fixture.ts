/**
 * A client thread for tests: attaches with the ticket in `workerData`, does one job with the echo actor, posts
 * `{ value }` or `{ code, message }`. Nothing but the job keeps the thread alive.
 */
import { setImmediate } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { type ActorHandle, Client, type ClientTicket } from '@mediated/core/actor';
import { echoProtocol } from './echo.fixture.js';

export interface ClientData {
  readonly ticket: ClientTicket;
  readonly echo: ActorHandle;
  readonly job: keyof typeof jobs;
}

const { ticket, echo, job } = workerData as ClientData;
const client = Client.attach(ticket);
const ref = client.ref(echo, echoProtocol);
const post = (message: unknown) => parentPort?.postMessage(message);

const jobs = {
  async ask() {
    return (await Promise.all([1, 2, 3].map((n) => ref.ask('echo', n)))).join();
  },
  askSync() {
    let sum = 0;
    for (let i = 0; i < 1000; i++) sum += ref.askSync('echo', i);
    return sum;
  },
  richSync() {
    return ref.askSync('rich', 2, new Uint8Array(1000), { text: 'ab' });
  },
  failSync() {
    ref.askSync('fail', 'as told');
  },
  impatientSync() {
    ref.with({ timeout: 1 }).askSync('never');
  },
  abortedSync() {
    ref.with({ signal: AbortSignal.abort() }).askSync('never');
  },
  neverSync() {
    ref.askSync('never');
  },
  /** An ask whose reply comes after a blocking ask has slept in vain on the same word. */
  async askAroundTimeout() {
    const early = ref.ask('later', 7);
    await setImmediate();
    try {
      ref.with({ timeout: 2 }).askSync('never');
    } catch {}
    post('timed out');
    return early;
  },
  /** Replies to earlier asks arrive while this thread blocks for another. */
  async askWhileBlocking() {
    const early = [1, 2, 3].map((n) => ref.ask('echo', n));
    const blocking = ref.askSync('echo', 4);
    return [...(await Promise.all(early)), blocking].join();
  },
  /** Nothing keeps this thread alive once its ask has timed out. */
  async timeOutAndEnd() {
    await ref.with({ timeout: 1 }).ask('never');
  },
  async uncloneableAndEnd() {
    await setImmediate();
    await ref.ask('failWith', () => {});
  },
  async closeWithAskInFlight() {
    const inFlight = ref.ask('never');
    client.close();
    await inFlight;
  },
  async askAfterClose() {
    client.close();
    await ref.ask('echo', 1);
  },
  die() {
    process.exit(3);
  },
  statistics() {
    ref.askSync('echo', 1);
    return client.statistics().sent;
  },
};

try {
  post({ value: await jobs[job]() });
} catch (error) {
  const { code, message } = error as { code?: string; message: string };
  post({ code, message });
}
