/** `tryLock` and `unlock` of a mutex that nobody else wants: against a bare compare-exchange and exchange. */
import { Mutex } from '@mediated/core/sync';
import { Bench } from 'tinybench';
import { ratios } from '../figures.js';
import { alternate } from '../harness/alternate.js';
import type { Part } from '../harness/part.js';

/** Pairs per timed call: a clock reading costs more than a pair. */
const PAIRS = 1000;
const MILLISECONDS = 100;

/** Nanoseconds per pair. */
async function time(name: string, pairs: () => void): Promise<number> {
  const bench = new Bench({ time: MILLISECONDS, warmup: false }).add(name, pairs);
  const [{ result }] = await bench.run();
  if (result.state !== 'completed') throw new Error(`${name} did not run to its end`);
  return (result.latency.p50 * 1e6) / PAIRS;
}

export const part: Part = async ({ rounds }) => {
  const mutex = Mutex.at(new Int32Array(new SharedArrayBuffer(Mutex.WORDS * 4)), 0);
  const words = new Int32Array(new SharedArrayBuffer(64));
  const lock = (): void => {
    for (let pair = 0; pair < PAIRS; pair++) {
      if (!mutex.tryLock()) throw new Error('somebody else holds the mutex');
      mutex.unlock();
    }
  };
  const bare = (): void => {
    for (let pair = 0; pair < PAIRS; pair++) {
      if (Atomics.compareExchange(words, 0, 0, 1) !== 0) throw new Error('somebody else wrote the word');
      Atomics.exchange(words, 0, 0);
    }
  };
  const [locking, swapping] = await alternate(
    [
      { name: 'mutex', measure: () => time('tryLock and unlock', lock) },
      { name: 'bare', measure: () => time('compareExchange and exchange', bare) },
    ],
    rounds,
  );
  return {
    figures: { uncontended_vs_cas: ratios(locking, swapping) },
    readings: [
      { name: 'tryLock and unlock', unit: 'ns', values: locking },
      { name: 'compareExchange and exchange', unit: 'ns', values: swapping },
    ],
    notes: [],
  };
};
