/** Tasks of 20 us a second, by number of threads: actors, which are asked in turn, against the thread pools. */
import { fileURLToPath } from 'node:url';
import { ActorSystem } from '@mediated/core/actor';
import { Piscina } from 'piscina';
import { FixedThreadPool } from 'poolifier';
import { pool as workerpool } from 'workerpool';
import { ratios } from '../figures.js';
import type { Part } from '../harness/part.js';
import { CORES } from '../harness/places.js';
import { type Crew, scaling } from '../harness/scaling.js';
import { chained } from '../harness/timing.js';
import { roundsFor } from '../lifecycle/work.js';
import { taskActor } from './task-actor.js';

const TASK_MICROSECONDS = 20;
const MILLISECONDS = 250;
/** Tasks under way per thread. */
const PER_THREAD = 16;

const fileOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

async function crew(threads: number, rounds: number): Promise<Crew> {
  const system = ActorSystem.start();
  const actors = await Promise.all(
    Array.from({ length: threads }, (_, number) => system.spawn(taskActor, undefined, { thread: `worker${number}` })),
  );
  const piscina = new Piscina({ filename: fileOf('./task.worker.js'), minThreads: threads, maxThreads: threads });
  const script = fileOf('./workerpool-task.worker.js');
  const wpool = workerpool(script, { workerType: 'thread', minWorkers: threads, maxWorkers: threads });
  const poolifier = new FixedThreadPool<number, number>(threads, fileOf('./poolifier-task.worker.js'));
  const contender = (name: string, task: (index: number) => PromiseLike<unknown>) => ({
    name,
    measure: () =>
      chained(PER_THREAD * threads, MILLISECONDS, async (meter, index) => {
        while (meter.running) {
          await task(index);
          meter.tick();
        }
      }),
  });
  return {
    contenders: [
      contender('actors', (index) => actors[index % threads].ask('work', rounds)),
      contender('piscina', () => piscina.run(rounds)),
      contender('workerpool', () => wpool.exec('task', [rounds])),
      contender('poolifier', () => poolifier.execute(rounds)),
    ],
    async close() {
      // On a busy machine poolifier 5.3 now and then waits for good for a thread that it has ended; idle, they do no harm.
      void poolifier.destroy();
      await Promise.all([system.close(), piscina.destroy(), wpool.terminate(true)]);
    },
  };
}

export const part: Part = async ({ rounds }) => {
  const work = roundsFor(TASK_MICROSECONDS);
  const about = 'Tasks of 20 us, 16 under way per thread, asked for by one thread: actors and the thread pools.';
  const start = (threads: number) => crew(threads, work);
  const { curves, of } = await scaling({ title: 'tasks by threads', about }, start, rounds);
  return {
    figures: {
      'tasks_speedup.cores': ratios(of('actors', CORES), of('actors', 1)),
      tasks_vs_piscina: ratios(of('actors', CORES), of('piscina', CORES)),
      tasks_vs_workerpool: ratios(of('actors', CORES), of('workerpool', CORES)),
      tasks_vs_poolifier: ratios(of('actors', CORES), of('poolifier', CORES)),
    },
    readings: [],
    curves,
    notes: [],
  };
};
