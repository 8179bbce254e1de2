/**
 * One worker thread that hosts actors, as the supervising thread sees it: its worker, its control calls, the list of
 * actors it must run. Survives the worker: a restarted thread keeps its id, its name and its actors' numbers.
 */
import type { Worker } from 'node:worker_threads';
import { MediatedError, fromWire } from '../errors.js';
import type { RestartLimit } from './restart-limit.js';
import type { ActorSpec, Outcome, ThreadControl } from './thread-control.js';

export type ThreadState = 'starting' | 'running' | 'stopping' | 'down';

export class HostedThread {
  readonly id: number;
  readonly name: string;
  readonly restarts: RestartLimit;
  readonly specs = new Map<number, ActorSpec>();
  state: ThreadState = 'starting';
  worker!: Worker;
  /** Control calls of the present worker; each call must go through {@link call}. */
  control!: {
    [K in keyof ThreadControl]: (
      ...args: Parameters<ThreadControl[K]>
    ) => Promise<Awaited<ReturnType<ThreadControl[K]>>>;
  };
  /** Settles when the present worker runs with all its actors, or has failed to. */
  ready!: Promise<void>;
  /** Set once the thread is being stopped for good. */
  stopped: Promise<void> | undefined;

  /** True once the first worker has answered. */
  ran = false;
  /** How to reject the control calls under way. */
  readonly #calls = new Set<(error: Error) => void>();

  /** `ownedByActor`: the thread was started for one actor and ends with it. */
  constructor(
    id: number,
    name: string,
    restarts: RestartLimit,
    readonly ownedByActor: boolean,
  ) {
    this.id = id;
    this.name = name;
    this.restarts = restarts;
  }

  /** Runs a control call; settles also when the thread dies in the middle (comlink alone would wait for ever). */
  call<T>(run: (control: HostedThread['control']) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.state === 'down') throw new MediatedError('EIO', `thread ${this.name} has ended`);
      this.#calls.add(reject);
      // Not a race against one promise of the worker's end: that would keep something of every call until then.
      run(this.control)
        .then(resolve, reject)
        .finally(() => this.#calls.delete(reject));
    });
  }

  /** The present worker has exited: rejects the calls that it will not answer. */
  failCalls(error: Error): void {
    for (const reject of this.#calls) reject(error);
    this.#calls.clear();
  }

  /** Like {@link call} for calls that report their own errors. */
  async invoke<T>(run: (control: HostedThread['control']) => Promise<Outcome<T>>): Promise<T> {
    const outcome = await this.call(run);
    if ('error' in outcome) throw fromWire(outcome.error);
    return outcome.value;
  }
}
