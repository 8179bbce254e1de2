/**
 * One of two threads that want a lock at once. Told which lock, it meets the other thread, takes the lock as often as it
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

port.on('message', ({ lock, milliseconds, arrivals }: ContenderOrder) => {
  const take = lock === 'mediated' ? takeMediated : takeMultithreading;
  Atomics.add(words, ARRIVED, 1);
  while (Atomics.load(words, ARRIVED) < arrivals);
  const start = performance.now();
  let taken = 0;
  let elapsed = 0;
  while (elapsed < milliseconds) {
    for (let count = 0; count < TAKES_PER_LOOK; count++) take();
    taken += TAKES_PER_LOOK;
    elapsed = performance.now() - start;
  }
  port.postMessage({ taken, milliseconds: elapsed } satisfies ContenderAnswer);
});
