/** A thread that sleeps for its event loop, and tells what it has found. Started by native.test.ts, which wakes it. */
import { MessageChannel, parentPort, workerData } from 'node:worker_threads';
import { EpollSet } from '#dist/native/epoll-set.js';
import { EventLoop } from '#dist/native/event-loop.js';
import { Ledger } from '#dist/native/ledger.js';

/** `workerData` of this worker: a word on which the other thread notifies it. */
export type LoopWord = Int32Array<SharedArrayBuffer>;

/** What it tells at its end. */
export interface LoopFindings {
  /** Milliseconds that the loop is ready to sleep: with a timer of a minute, with an immediate too. */
  readonly patience: readonly number[];
  /** What woke it: a message of its own, then the other thread's notification. */
  readonly woken: readonly string[];
}

const port = parentPort;
if (port === null) throw new Error('this is the code of a worker');
const word = workerData as LoopWord;
const ledger = new Ledger();
const loop = new EventLoop();
const woken: string[] = [];

/** Sleeps until something has come. */
async function sleep(): Promise<void> {
  const before = woken.length;
  while (woken.length === before) {
    set.setLimit(999);
    set.wait();
    await loop.turn();
  }
}

loop.enter();
const set = new EpollSet([loop.descriptor], ledger);
const timer = setTimeout(() => {}, 60_000);
await loop.turn();
const withTimer = loop.patience();
const immediate = setImmediate(() => {});
const withImmediate = loop.patience();
clearImmediate(immediate);
clearTimeout(timer);

const { port1, port2 } = new MessageChannel();
port1.on('message', () => woken.push('message'));
port2.postMessage(0);
await sleep();
port1.close();

void Promise.resolve(Atomics.waitAsync(word, 0, 0).value).then(() => woken.push('notification'));
port.postMessage('asleep');
await sleep();

set.close();
loop.leave();
const findings: LoopFindings = { patience: [withTimer, withImmediate], woken };
port.postMessage(findings);
