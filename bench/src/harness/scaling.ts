/** Throughput by number of threads, as two pictures: up to the machine's cores, and beyond. */
import { alternate, type Contender } from './alternate.js';
import type { Curves } from './part.js';
import { BEYOND_CORES, PLACES, UP_TO_CORES } from './places.js';

/** Contenders on so many threads, and how to end their threads. */
export interface Crew {
  readonly contenders: readonly Contender[];
  close(): Promise<void>;
}

/** What came out. */
export interface Scaling {
  readonly curves: Curves[];
  /** Values per round of a contender on so many threads. */
  of(name: string, threads: number): readonly number[];
}

/**
 * Measures the same contenders on each number of threads. Only the threads of one number are there at a time; within
 * it the contenders take turns.
 */
export async function scaling(
  { title, about }: Pick<Curves, 'title' | 'about'>,
  start: (threads: number) => Promise<Crew>,
  rounds: number,
): Promise<Scaling> {
  const read = new Map<string, Map<number, number[]>>();
  for (const threads of PLACES) {
    const { contenders, close } = await start(threads);
    const readings = await alternate(contenders, rounds);
    contenders.forEach(({ name }, index) => {
      read.set(name, (read.get(name) ?? new Map<number, number[]>()).set(threads, readings[index]));
    });
    await close();
  }
  const picture = (places: readonly number[], where: string): Curves => ({
    title: `${title}, ${where}`,
    about,
    unit: '/s',
    x: 'threads',
    series: [...read].map(([name, values]) => ({
      name,
      points: places.map((x) => ({ x, values: values.get(x) ?? [] })),
    })),
  });
  return {
    curves: [
      picture(UP_TO_CORES, 'up to a thread per core'),
      picture([...new Set(BEYOND_CORES)], 'more threads than cores'),
    ],
    of: (name, threads) => read.get(name)?.get(threads) ?? [],
  };
}
