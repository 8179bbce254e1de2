/** Threads that all want one mutex all the time, for a short critical section. Used by `contended.ts`. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Mutex, ThreadTable } from '@mediated/core/sync';
import {
  type ContenderAnswer,
  type ContenderData,
  type ContenderOrder,
  PROTECTED,
  PROTECTED_WORDS,
} from './contended-layout.js';

const MILLISECONDS = 150;

/** What came of it. */
interface Contended {
  /** Takes a second of all threads together. */
  readonly perSecond: number;
  /** Of the takes, the share that the thread with the fewest had. */
  readonly smallestShare: number;
}

/** So many threads and a mutex of each kind. */
export class Contention {
  readonly #words = new SharedArrayBuffer(512);
  readonly #workers: readonly Worker[];
  #arrivals = 0;

  constructor(threads: number) {
    const mutex = Mutex.at(new Int32Array(new SharedArrayBuffer(Mutex.WORDS * 4)), 0);
    const peer = new SharedArrayBuffer(4);
    const workerData: ContenderData = { words: this.#words, mutex: mutex.handle, peer };
    this.#workers = Array.from({ length: threads }, () => {
      const worker = new Worker(new URL('./contender.worker.js', import.meta.url), { workerData });
      ThreadTable.current().watch(worker);
      return worker;
    });
  }

  /** Has all threads take the lock for a while. Throws when two were in the critical section at once. */
  async measure(lock: ContenderOrder['lock']): Promise<Contended> {
    const words = new Int32Array(this.#words);
    words.fill(0, PROTECTED, PROTECTED + PROTECTED_WORDS);
    this.#arrivals += this.#workers.length;
    const answers = this.#workers.map(async (worker) => (await once(worker, 'message'))[0] as ContenderAnswer);
    const order: ContenderOrder = { lock, milliseconds: MILLISECONDS, arrivals: this.#arrivals };
    for (const worker of this.#workers) worker.postMessage(order);
    const results = await Promise.all(answers);
    const taken = results.reduce((sum, result) => sum + result.taken, 0);
    for (let word = 0; word < PROTECTED_WORDS; word++) {
      if (words[PROTECTED + word] !== taken)
        throw new Error(`${lock}: two threads were in the critical section at once`);
    }
    const milliseconds = Math.max(...results.map(({ end }) => end)) - Math.min(...results.map(({ start }) => start));
    return {
      perSecond: (taken * 1000) / milliseconds,
      smallestShare: Math.min(...results.map((result) => result.taken)) / taken,
    };
  }

  /** Ends the threads. */
  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}
