/**
 * Latency under load: asks are sent at a fixed rate, whether earlier ones were answered or not, and each is timed from
 * when it was to be sent. One that was held up by its forerunners counts with all its waiting, which a loop that awaits
 * before it asks again would leave out.
 */
import { createHistogram } from 'node:perf_hooks';
import { formatNumber } from '../report.js';
import { alternate } from './alternate.js';
import type { Curves, CurvePoint } from './part.js';

/** Shares of the asks, in percent, at which latency is read; 100 is the longest. */
const PERCENTILES = [50, 90, 99, 99.9, 100];
/** More asks are not under way at once; those that are due wait, and count with their waiting. */
const MOST_IN_FLIGHT = 1024;
/** A contender that falls behind is stopped after so many times its time. */
const PATIENCE = 3;

/** One of those that are compared: does one piece of work; `lane` is no other's while it is under way. */
export interface Loaded {
  readonly name: string;
  work(lane: number): Promise<unknown>;
}

/** Latencies in microseconds at `PERCENTILES`. Work that was due but never sent counts as if it ended with the reading. */
async function underLoad({ work }: Loaded, rate: number, milliseconds: number): Promise<number[]> {
  const histogram = createHistogram({ figures: 3 });
  const count = Math.round((rate * milliseconds) / 1000);
  const lanes = Array.from({ length: MOST_IN_FLIGHT }, (_, lane) => lane);
  const start = performance.now();
  const due = (index: number): number => start + (index * 1000) / rate;
  const record = (index: number): void => {
    histogram.record(Math.max(1, Math.round((performance.now() - due(index)) * 1e6)));
  };
  let sent = 0;
  let answered = 0;
  const send = async (index: number, lane: number): Promise<void> => {
    await work(lane);
    record(index);
    answered++;
    lanes.push(lane);
  };
  await new Promise<void>((resolve, reject) => {
    const turn = (): void => {
      const now = performance.now();
      if (now - start > PATIENCE * milliseconds) {
        for (; sent < count; answered++) record(sent++);
      }
      while (sent < count && due(sent) <= now) {
        const lane = lanes.pop();
        if (lane === undefined) break;
        send(sent++, lane).catch(reject);
      }
      if (answered === count) resolve();
      else setImmediate(turn);
    };
    turn();
  });
  return PERCENTILES.map(
    (percentile) => (percentile === 100 ? histogram.max : histogram.percentile(percentile)) / 1000,
  );
}

/** A picture per rate: latencies of all contenders. */
export async function latencies(
  what: string,
  contenders: readonly Loaded[],
  rates: readonly number[],
  milliseconds: number,
  rounds: number,
): Promise<{ readonly curves: Curves[]; readonly p99: (rate: number, name: string) => number[] }> {
  const read = new Map<string, number[][]>();
  const key = (rate: number, name: string): string => `${rate} ${name}`;
  const pairs = rates.flatMap((rate) => contenders.map((contender) => ({ rate, contender })));
  await alternate(
    pairs.map(({ rate, contender }) => ({
      name: key(rate, contender.name),
      async measure() {
        const values = await underLoad(contender, rate, milliseconds);
        const name = key(rate, contender.name);
        read.set(name, [...(read.get(name) ?? []), values]);
        return values[0];
      },
    })),
    rounds,
  );
  // The first one warmed up.
  const counted = (rate: number, name: string): number[][] => read.get(key(rate, name))?.slice(1) ?? [];
  const curves = rates.map(
    (rate): Curves => ({
      title: `${what}, ${formatNumber(rate)} a second`,
      about: `How long ${what} took when it was asked for ${formatNumber(rate)} times a second, from when it was to be asked: at the median and in the slow cases. What cannot keep up has a queue that grows until it is stopped.`,
      unit: 'us',
      x: 'percentile',
      series: contenders.map(({ name }) => ({
        name,
        points: PERCENTILES.map(
          (x, index): CurvePoint => ({ x, values: counted(rate, name).map((all) => all[index]) }),
        ),
      })),
    }),
  );
  const p99 = (rate: number, name: string): number[] => counted(rate, name).map((all) => all[PERCENTILES.indexOf(99)]);
  return { curves, p99 };
}
