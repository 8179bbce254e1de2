/**
 * The test's side of the lock tests: starts workers (`sync-worker.fixture.ts`), watches them, waits for them without
 * looking at a clock.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type LockHandle, ThreadTable } from '@mediated/core/sync';
import type { Job } from './sync-worker.fixture.js';

const READY = 0;
const GATE = 1;
/** The first word of the control array that scripts use. */
export const DATA = 2;

/** A started worker. */
export interface Member {
  readonly worker: Worker;
  /** The id of the worker's Node thread. */
  readonly nodeThread: number;
  /** What the script answered. */
  readonly answer: Promise<unknown>;
  /** The worker has ended and was reaped. */
  readonly ended: Promise<unknown>;
}

/** What a worker is given. */
export interface Assignment {
  locks?: { readonly handle: LockHandle }[];
  rounds?: number;
  adopt?: number;
  keep?: boolean;
}

/** Workers that share a control array. */
export class Crew {
  readonly control: Int32Array<SharedArrayBuffer> = new Int32Array(new SharedArrayBuffer(64));
  readonly #members: Member[] = [];

  start(script: Job['script'], assignment: Assignment = {}): Member {
    const job: Job = {
      script,
      locks: (assignment.locks ?? []).map((lock) => lock.handle),
      control: this.control,
      rounds: assignment.rounds ?? 1,
      adopt: assignment.adopt,
    };
    const worker = new Worker(new URL('./sync-worker.fixture.js', import.meta.url), { workerData: job });
    ThreadTable.current().watch(worker, { id: assignment.adopt, keep: assignment.keep });
    const answer = once(worker, 'message').then(([message]) => message as unknown);
    answer.catch(() => {});
    const member = { worker, nodeThread: worker.threadId, answer, ended: once(worker, 'exit').catch(() => {}) };
    this.#members.push(member);
    return member;
  }

  /** Until `count` workers in all were ready. */
  async ready(count: number): Promise<void> {
    for (;;) {
      const seen = Atomics.load(this.control, READY);
      if (seen >= count) return;
      const wait = Atomics.waitAsync(this.control, READY, seen);
      if (wait.async) await wait.value;
    }
  }

  /** Lets all workers pass that stand at the gate. */
  open(): void {
    Atomics.store(this.control, GATE, 1);
    Atomics.notify(this.control, GATE);
  }

  /** Ends a worker wherever it is, and has it reaped. */
  async kill(member: Member): Promise<void> {
    await member.worker.terminate();
    await member.ended;
  }

  /** Ends all workers. */
  async dismiss(): Promise<void> {
    for (const member of this.#members) await this.kill(member);
  }
}

/**
 * Until a condition holds that another thread establishes without telling: that it waits. It says so just before it
 * parks, so a few more turns are given: without them a test would pass as well, but seldom meet a parked thread.
 */
export async function until(condition: () => boolean): Promise<void> {
  for (let turnsLeft = 100; turnsLeft > 0; ) {
    await new Promise((resolve) => setImmediate(resolve));
    if (condition()) turnsLeft--;
  }
}
