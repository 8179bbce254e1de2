/**
 * One of the threads that want a lock at once. Told which lock, it meets the other threads, takes the lock as often as it
 * can until its time is over, and answers with how often it did.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { Mutex } from '@mediated/core/sync';
import {
  ARRIVED,
  type ContenderAnswer,
  type ContenderData,
  type ContenderOrder,
  PROTECTED,
  PROTECTED_WORDS,
} from './contended-layout.js';
import { openPeerMutex } from './multithreading-mutex.js';

/** Takes between two looks at the clock. */
const TAKES_PER_LOOK = 32;

const port = parentPort;
if (port === null) throw new Error('this file runs in a worker');
const data = workerData as ContenderData;
const words = new Int32Array(data.words);
const mutex = Mutex.from(data.mutex);
const peer = await openPeerMutex(data.peer);

function criticalSection(): void {
  for (let word = 0; word < PROTECTED_WORDS; word++) words[PROTECTED + word]++;
}

function takeMediated(): void {
  const guard = mutex.lockSync();
  criticalSection();
  guard.release();
}

function takeMultithreading(): void {
  const guard = peer.blockingLock();
  criticalSection();
  guard.dispose();
}

/** Waits until all threads are there. There may be fewer cores than threads: who spun would keep others from coming. */
function meet(arrivals: number): void {
  let arrived = Atomics.add(words, ARRIVED, 1) + 1;
  for (; arrived < arrivals; arrived = Atomics.load(words, ARRIVED)) Atomics.wait(words, ARRIVED, arrived);
  Atomics.notify(words, ARRIVED);
}

/** Milliseconds; of all threads alike, which `performance.now()` is not. */
function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

port.on('message', ({ lock, milliseconds, arrivals }: ContenderOrder) => {
  const take = lock === 'mediated' ? takeMediated : takeMultithreading;
  meet(arrivals);
  const start = now();
  let taken = 0;
  let end = start;
  while (end - start < milliseconds) {
    for (let count = 0; count < TAKES_PER_LOOK; count++) take();
    taken += TAKES_PER_LOOK;
    end = now();
  }
  port.postMessage({ taken, start, end } satisfies ContenderAnswer);
});
