/** Two threads that both want one mutex all the time, for a short critical section: against `multithreading`. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Mutex, ThreadTable } from '@mediated/core/sync';
import { median, ratios } from '../figures.js';
import { alternate } from '../harness/alternate.js';
import type { Part } from '../harness/part.js';
import {
  type ContenderAnswer,
  type ContenderData,
  type ContenderOrder,
  PROTECTED,
  PROTECTED_WORDS,
} from './contended-layout.js';

const MILLISECONDS = 150;
const THREADS = 2;

export const part: Part = async ({ rounds }) => {
  const mutex = Mutex.at(new Int32Array(new SharedArrayBuffer(Mutex.WORDS * 4)), 0);
  const buffer = new SharedArrayBuffer(512);
  const words = new Int32Array(buffer);
  const peer = new SharedArrayBuffer(4);
  const workers = Array.from({ length: THREADS }, () => {
    const worker = new Worker(new URL('./contender.worker.js', import.meta.url), {
      workerData: { words: buffer, mutex: mutex.handle, peer } satisfies ContenderData,
    });
    ThreadTable.current().watch(worker);
    return worker;
  });
  let arrivals = 0;
  const smallestShares = { mediated: [] as number[], multithreading: [] as number[] };

  /** Takes a second of both threads together. */
  async function measure(lock: ContenderOrder['lock']): Promise<number> {
    words.fill(0, PROTECTED, PROTECTED + PROTECTED_WORDS);
    arrivals += THREADS;
    const answers = workers.map(async (worker) => (await once(worker, 'message'))[0] as ContenderAnswer);
    for (const worker of workers)
      worker.postMessage({ lock, milliseconds: MILLISECONDS, arrivals } satisfies ContenderOrder);
    const results = await Promise.all(answers);
    const taken = results.reduce((sum, result) => sum + result.taken, 0);
    for (let word = 0; word < PROTECTED_WORDS; word++) {
      if (words[PROTECTED + word] !== taken)
        throw new Error(`${lock}: two threads were in the critical section at once`);
    }
    smallestShares[lock].push(Math.min(...results.map((result) => result.taken)) / taken);
    return (taken * 1000) / Math.max(...results.map((result) => result.milliseconds));
  }

  const [mediated, multithreading] = await alternate(
    (['mediated', 'multithreading'] as const).map((name) => ({ name, measure: () => measure(name) })),
    rounds,
  );
  const share = (lock: ContenderOrder['lock']) => `${(median(smallestShares[lock]) * 100).toFixed(0)} %`;
  return {
    figures: { contended_vs_multithreading: ratios(mediated, multithreading) },
    readings: [
      { name: 'takes of two threads, mediated', unit: '/s', values: mediated },
      { name: 'takes of two threads, multithreading', unit: '/s', values: multithreading },
    ],
    notes: [
      `share of the takes that the thread with fewer got: mediated ${share('mediated')}, multithreading ${share('multithreading')}`,
    ],
  };
};
