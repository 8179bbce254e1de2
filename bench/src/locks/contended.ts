/** Threads that all want one mutex all the time, for a short critical section, by their number: against `multithreading`. */
import { median, ratios } from '../figures.js';
import type { Part } from '../harness/part.js';
import { CORES, PLACES } from '../harness/places.js';
import { type Crew, scaling } from '../harness/scaling.js';
import { Contention } from './contention.js';

const LOCKS = ['mediated', 'multithreading'] as const;

export const part: Part = async ({ rounds }) => {
  /** Of the readings, by lock and number of threads; the one that warmed up first. */
  const shares = new Map<string, number[]>();
  const start = async (threads: number): Promise<Crew> => {
    const contention = new Contention(threads);
    const measure = async (lock: (typeof LOCKS)[number]): Promise<number> => {
      const { perSecond, smallestShare } = await contention.measure(lock);
      const key = `${lock} ${threads}`;
      shares.set(key, [...(shares.get(key) ?? []), smallestShare]);
      return perSecond;
    };
    return {
      contenders: LOCKS.map((name) => ({ name, measure: () => measure(name) })),
      close: () => contention.close(),
    };
  };
  const about =
    'Takes a second of all threads together, each of which wants the same mutex all the time and increments four words while it has it.';
  const { curves, of } = await scaling({ title: 'takes by threads', about }, start, rounds);
  const share = (lock: string, threads: number): string => {
    const [, ...counted] = shares.get(`${lock} ${threads}`) ?? [];
    return `${(median(counted) * 100 * threads).toFixed(0)} %`;
  };
  const [mediated, multithreading] = LOCKS.map((lock) => of(lock, 2));
  return {
    figures: {
      contended_vs_multithreading: ratios(mediated, multithreading),
      'contended_vs_multithreading.cores': ratios(of('mediated', CORES), of('multithreading', CORES)),
      'contended_vs_multithreading.most': ratios(
        of('mediated', Math.max(...PLACES)),
        of('multithreading', Math.max(...PLACES)),
      ),
    },
    readings: LOCKS.map((lock, index) => ({
      name: `takes of two threads, ${lock}`,
      unit: '/s',
      values: [mediated, multithreading][index],
    })),
    curves,
    notes: [
      `takes of the thread that had the fewest, over an equal share: ${PLACES.filter((threads) => threads > 1)
        .map((threads) => `of ${threads} threads ${LOCKS.map((lock) => `${lock} ${share(lock, threads)}`).join(', ')}`)
        .join('; ')}`,
    ],
  };
};
