/**
 * One worker thread that hosts actors, as the supervising thread sees it: its worker, its control calls, the list of
 * actors it must run. Survives the worker: a restarted thread keeps its id, its name and its actors' numbers.
 */
import type { Worker } from 'node:worker_threads';
import type { ControlCalls } from './control-calls.js';
import type { RestartLimit } from './restart-limit.js';
import type { ActorSpec } from './thread-control.js';

export type ThreadState = 'starting' | 'running' | 'stopping' | 'down';

export class HostedThread {
  readonly id: number;
  readonly name: string;
  readonly restarts: RestartLimit;
  readonly specs = new Map<number, ActorSpec>();
  state: ThreadState = 'starting';
  worker!: Worker;
  /** Control calls of the present worker. */
  control!: ControlCalls;
  /** Settles when the present worker runs with all its actors, or has failed to. */
  ready!: Promise<void>;
  /** Set once the thread is being stopped for good. */
  stopped: Promise<void> | undefined;

  /** True once the first worker has answered. */
  ran = false;

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
}
