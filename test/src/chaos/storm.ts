/**
 * A process that runs one part of a chaos run: told by `main.ts` what to do, tells how it goes on and how it went. Told to stop, or
 * left alone by its parent, it kills no more and counts a last time.
 */
import { Chaos, type ChaosOptions, type ChaosReport } from './chaos.js';

/** To the storm. */
export type StormOrder = { readonly run: Omit<ChaosOptions, 'progress' | 'signal'> } | { readonly stop: true };
/** From the storm. */
export type StormNews = { readonly soFar: ChaosReport } | { readonly done: ChaosReport };

const stopping = new AbortController();
const tell = (news: StormNews) => process.send?.(news);

process.on('message', (order: StormOrder) => {
  if ('stop' in order) stopping.abort();
  else void run(order.run);
});
process.on('disconnect', () => stopping.abort());
// Who interrupts the whole group has told the parent too, which says what is to be done.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});

async function run(options: ChaosOptions): Promise<void> {
  const report = await Chaos.run({ ...options, signal: stopping.signal, progress: (soFar) => tell({ soFar }) });
  process.send?.({ done: report } satisfies StormNews, () => process.exit(0));
}
