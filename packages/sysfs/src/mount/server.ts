/**
 * The two threads behind a mount, as the thread that mounts sees them: the server, which has `/dev/fuse`, and its waker.
 */
import { closeSync } from 'node:fs';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { MediatedError, type Runtime } from '@mediated/core';
import { awaitDone, type Bed, createParking, stop } from '../serve/parking.js';
import type { ServerNews, ServerOptions } from '../serve/server-main.js';
import type { WakerOptions } from '../serve/waker-main.js';
import { ChangeWatch } from './change-watch.js';

/** Longest wait for the server when the process ends, in milliseconds. */
const EXIT_PATIENCE = 1000;

export class Server {
  readonly #worker: Worker;
  readonly #bed: Bed;
  readonly #descriptor: number;
  readonly #changes: ChangeWatch;
  readonly #ended: Promise<void>;
  #serving = false;

  private constructor(worker: Worker, bed: Bed, descriptor: number, changes: ChangeWatch) {
    this.#worker = worker;
    this.#bed = bed;
    this.#descriptor = descriptor;
    this.#changes = changes;
    this.#ended = new Promise((resolve) => worker.once('exit', () => resolve()));
    // The mount goes then, the runtime stays.
    worker.on('error', (error: Error) => process.emitWarning(error));
    worker.on('message', (news: ServerNews) => {
      if (news.kind === 'polls') changes.set(news.any);
    });
  }

  /** Starts the thread; it waits for {@link serve}. `options.descriptor` belongs to it from now on. */
  static async start(runtime: Runtime, options: Omit<ServerOptions, 'ticket' | 'parking'>): Promise<Server> {
    const words = createParking();
    let worker: Worker | undefined;
    try {
      const { ticket, transfer } = runtime.invite();
      worker = new Worker(new URL('../serve/server-main.js', import.meta.url), {
        workerData: { ...options, ticket, parking: words } satisfies ServerOptions,
        transferList: transfer,
        // The descriptor was opened by another thread.
        trackUnmanagedFds: false,
      });
      runtime.watch(worker);
      const news = await firstNews(worker);
      const changes = new ChangeWatch(runtime, words, ticket.client.attachment.thread);
      const { parked, parkedAt } = news;
      return new Server(worker, { words, parked, parkedAt }, options.descriptor, changes);
    } catch (error) {
      await worker?.terminate();
      closeSync(options.descriptor);
      throw error;
    }
  }

  /** Lets it serve what is mounted. `wakePath`: what the waker looks up. */
  serve(wakePath: string): void {
    this.#serving = true;
    new Worker(new URL('../serve/waker-main.js', import.meta.url), {
      workerData: { ...this.#bed, path: wakePath } satisfies WakerOptions,
    }).unref();
    this.#worker.postMessage('serve');
    // The mount alone keeps no process alive.
    this.#worker.unref();
  }

  /** Resolves when it has ended, by {@link end} or because the mount is gone. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  /** Ends it; it closes `/dev/fuse`. */
  async end(): Promise<void> {
    this.#changes.set(false);
    if (this.#serving) {
      stop(this.#bed);
      // Awaiting a thread must keep the process alive.
      this.#worker.ref();
      await this.#ended;
      return;
    }
    await this.#worker.terminate();
    closeSync(this.#descriptor);
  }

  /** Ends it while the process ends, when nothing can be awaited any more. */
  endAtExit(): void {
    stop(this.#bed);
    awaitDone(this.#bed.words, EXIT_PATIENCE);
  }
}

async function firstNews(worker: Worker): Promise<Extract<ServerNews, { kind: 'ready' }>> {
  // Rejects with the thread's error, if it has one.
  const ended = once(worker, 'exit').then(() => {
    throw new MediatedError('EIO', 'the thread that was to serve the tree has ended', { syscall: 'mount' });
  });
  const [news] = (await Promise.race([once(worker, 'message'), ended])) as [Extract<ServerNews, { kind: 'ready' }>];
  ended.catch(() => {});
  return news;
}
