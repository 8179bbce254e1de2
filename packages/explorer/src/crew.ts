/**
 * The workers that play the explored threads of one scenario. Started one after the other, so that what each does before
 * the first execution happens in the same order every time; used again for each execution.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { PATIENCE } from './control-memory.js';
import type { Position } from './explored-thread.js';
import type { ThreadStart } from './thread-main.js';

/** The workers of a scenario. Belongs to the controller. */
export class Crew {
  readonly #start: Omit<ThreadStart, 'index'>;
  readonly #workers: Worker[] = [];
  #lost: Error | undefined;

  private constructor(
    readonly names: readonly string[],
    start: Omit<ThreadStart, 'index'>,
  ) {
    this.#start = start;
  }

  /** Starts a worker per thread. Rejects with what a worker's first moments throw. */
  static async start(names: readonly string[], start: Omit<ThreadStart, 'index'>): Promise<Crew> {
    const crew = new Crew(names, start);
    try {
      for (const index of names.keys()) await crew.restart(index);
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
    this.#workers[index] = worker;
    const name = this.names[index] ?? '';
    await ready(worker, name);
    worker.unref();
    worker.on('error', (error: Error) => {
      this.#lost = error;
    });
    worker.on('exit', (code) => {
      this.#lost ??= new Error(`the worker of '${name}' has ended with code ${code}`);
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

/** Waits until a worker has declared the scenario. Rejects when it cannot, or does not come to an end. */
async function ready(worker: Worker, name: string): Promise<void> {
  const tooLong = AbortSignal.timeout(PATIENCE);
  const settled = new AbortController();
  const signal = AbortSignal.any([tooLong, settled.signal]);
  try {
    const exited = once(worker, 'exit', { signal }).then(([code]) => {
      throw new Error(`its worker has ended with code ${code}`);
    });
    // Each of the two rejects with what the worker throws.
    await Promise.race([once(worker, 'message', { signal }), exited]);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const text = tooLong.aborted ? `that takes more than ${PATIENCE / 1000} seconds` : why;
    throw new Error(`the scenario cannot be declared in the thread '${name}': ${text}`, { cause: error });
  } finally {
    settled.abort();
  }
}
