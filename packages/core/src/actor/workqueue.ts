/**
 * The runtime's workqueue: CPU-heavy work away from the threads that host actors, on a piscina pool.
 * Made when first used; only the supervising thread queues.
 */
import { availableParallelism } from 'node:os';
import { Piscina } from 'piscina';
import { MediatedError } from '../errors.js';

/** One piece of work: an exported function and its structured-cloneable arguments. */
export interface WorkItem {
  /** URL of the module. */
  readonly module: string;
  readonly export: string;
  readonly args: readonly unknown[];
}

/** Options of {@link Workqueue.run}. */
export interface WorkOptions {
  /** Aborting rejects with ECANCELED; work under way is terminated with its pool thread. */
  readonly signal?: AbortSignal;
}

/** Most items waiting; more are refused with EAGAIN. */
const MAX_QUEUE = 65_536;

export class Workqueue {
  #pool: Piscina | undefined;
  #closed = false;

  /** Runs an exported function of a module on a pool thread. Rejects with what it threw, EAGAIN or ECANCELED. */
  async run<T>(item: WorkItem, options: WorkOptions = {}): Promise<T> {
    if (this.#closed) throw new MediatedError('ECANCELED', 'the workqueue is closed', { syscall: 'work' });
    this.#pool ??= new Piscina({
      filename: new URL('./workqueue-main.js', import.meta.url).href,
      maxThreads: availableParallelism(),
      minThreads: 0,
      maxQueue: MAX_QUEUE,
    });
    try {
      return (await this.#pool.run(item, { signal: options.signal })) as T;
    } catch (cause) {
      if (options.signal?.aborted) throw new MediatedError('ECANCELED', `${item.export} was aborted`, { syscall: 'work', cause });
      if (cause instanceof Error && cause.message.includes('queue')) {
        throw new MediatedError('EAGAIN', 'the workqueue is full', { syscall: 'work', cause });
      }
      throw cause;
    }
  }

  /** Terminates the pool; work under way rejects. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#pool?.destroy();
  }
}
