/**
 * The runtime's workqueue: CPU-heavy work away from the threads that host actors, on a piscina pool.
 * Made when first used, with piscina, which is not loaded before: it would be a fifth of what importing this package costs.
 * Only the supervising thread queues.
 */
import { availableParallelism } from 'node:os';
import type { Worker } from 'node:worker_threads';
import type { Piscina } from 'piscina';
import { MediatedError } from '../errors.js';
import { ThreadTable } from '../sync/threads.js';
import { type Outcome, resultOf } from './outcome.js';

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
  #pool: Promise<Piscina> | undefined;
  #closed = false;
  readonly #watched = new WeakSet<Worker>();

  /**
   * Runs an exported function of a module on a pool thread. Rejects with what it threw, EAGAIN (the queue is full),
   * EIO (the pool thread ended under it) or ECANCELED (aborted, or the workqueue was closed).
   */
  async run<T>(item: WorkItem, options: WorkOptions = {}): Promise<T> {
    if (this.#closed) throw canceled(item, 'the workqueue is closed');
    if (options.signal?.aborted) throw canceled(item, 'aborted', options.signal.reason);
    const pool = await (this.#pool ??= this.#start());
    if (this.#closed) throw canceled(item, 'the workqueue was closed');
    if (options.signal?.aborted) throw canceled(item, 'aborted', options.signal.reason);
    if (pool.queueSize >= MAX_QUEUE) {
      throw new MediatedError('EAGAIN', `${item.export}: the workqueue is full`, { syscall: 'work' });
    }
    let outcome: Outcome<T>;
    try {
      outcome = await pool.run(item, { signal: options.signal });
    } catch (cause) {
      // Errors of the work itself are outcomes: what rejects here is the pool.
      if (options.signal?.aborted) throw canceled(item, 'aborted', options.signal.reason);
      if (this.#closed) throw canceled(item, 'the workqueue was closed', cause);
      if (cause instanceof Error && cause.name === 'DataCloneError') throw cause;
      throw new MediatedError('EIO', `${item.export}: its pool thread has ended`, { syscall: 'work', cause });
    }
    return resultOf(outcome);
  }

  /** Terminates the pool; work under way rejects with ECANCELED. */
  async close(): Promise<void> {
    this.#closed = true;
    await (await this.#pool)?.destroy();
  }

  async #start(): Promise<Piscina> {
    const { Piscina } = await import('piscina');
    const pool = new Piscina({
      filename: new URL('./workqueue-main.js', import.meta.url).href,
      maxThreads: availableParallelism(),
      // With none, work that waits behind work that ended its thread would wait for ever.
      minThreads: 1,
    });
    // What a pool thread held in shared memory is let go when it ends.
    pool.on('workerCreate', () => {
      for (const worker of pool.threads) {
        if (this.#watched.has(worker)) continue;
        this.#watched.add(worker);
        ThreadTable.current().watch(worker);
      }
    });
    pool.on('error', (error: Error) => process.emitWarning(error));
    return pool;
  }
}

function canceled(item: WorkItem, text: string, cause?: unknown): MediatedError {
  return new MediatedError('ECANCELED', `${item.export}: ${text}`, { syscall: 'work', cause });
}
