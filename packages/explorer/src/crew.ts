/**
 * The workers that play the explored threads of one scenario. Started one after the other, so that what each does before
 * the first execution happens in the same order every time; used again for each execution.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Position } from './explored-thread.js';
import type { ThreadStart } from './thread-main.js';

/** The workers of a scenario. Belongs to the controller. */
export class Crew {
  readonly #start: Omit<ThreadStart, 'index'>;
  readonly #workers: Worker[] = [];
  #lost: Error | undefined;

  private constructor(start: Omit<ThreadStart, 'index'>) {
    this.#start = start;
  }

  /** Starts a worker per thread. Rejects with what a worker's first moments throw. */
  static async start(count: number, start: Omit<ThreadStart, 'index'>): Promise<Crew> {
    const crew = new Crew(start);
    try {
      for (let index = 0; index < count; index++) await crew.restart(index);
    } catch (error) {
      await crew.stop();
      throw error;
    }
    return crew;
  }

  /** What ended a worker that should live, if anything did. */
  get lost(): Error | undefined {
    return this.#lost;
  }

  /** Replaces the worker of a thread by a new one. */
  async restart(index: number): Promise<void> {
    await this.#end(index);
    const workerData = { ...this.#start, index };
    const worker = new Worker(new URL('./thread-main.js', import.meta.url), { workerData, execArgv: [] });
    worker.unref();
    this.#workers[index] = worker;
    await once(worker, 'message');
    worker.on('error', (error: Error) => {
      this.#lost = error;
    });
    worker.on('exit', (code) => {
      this.#lost ??= new Error(`explored thread ${index} has ended with code ${code}`);
    });
  }

  /** Where the steps of the execution stand that is being explained, by step: from each thread that took part. */
  positions(threads: readonly number[]): Promise<Map<number, string>> {
    const answers = threads.map(async (index) => {
      const [positions] = (await once(this.#workers[index] as Worker, 'message')) as [Position[]];
      return positions;
    });
    return Promise.all(answers).then((all) => new Map(all.flat().map(({ step, stack }) => [step, stack])));
  }

  /** Ends all workers. */
  async stop(): Promise<void> {
    await Promise.all(this.#workers.map((_, index) => this.#end(index)));
  }

  async #end(index: number): Promise<void> {
    const worker = this.#workers[index];
    worker?.removeAllListeners();
    await worker?.terminate();
  }
}
