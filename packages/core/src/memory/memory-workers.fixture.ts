/** Test side of `memory.fixture.ts`: makes the shared objects, starts workers, opens the gate when all are ready. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Arena, NameTable, UuidTable } from '@mediated/core/memory';
import type { Job } from './memory.fixture.js';

/** Shared objects of one test; the test itself is thread 0. */
export interface Shared {
  arena: Arena;
  table: UuidTable;
  names: NameTable;
}

export function makeShared(capacity: number, heads?: number): Shared {
  const arena = Arena.create({ capacity, slotWords: 8, thread: 0 });
  const table = UuidTable.create({ arena, uuidOffset: 2, nextOffset: 6, heads });
  return { arena, table, names: NameTable.create({ thread: 0 }) };
}

/** Workers with thread ids 1.. standing at the gate. */
export class Crew {
  readonly gate = new Int32Array(new SharedArrayBuffer(8));
  readonly workers: Worker[];

  constructor(shared: Shared, jobs: readonly Pick<Job, 'kind' | 'from' | 'count' | 'rounds'>[]) {
    this.workers = jobs.map((job, number) => {
      const workerData: Job = {
        ...job,
        thread: number + 1,
        gate: this.gate,
        arena: shared.arena.handle,
        table: shared.table.handle,
        names: shared.names.handle,
      };
      return new Worker(new URL('./memory.fixture.js', import.meta.url), { workerData });
    });
  }

  async open(): Promise<void> {
    await Promise.all(this.workers.map((worker) => once(worker, 'message')));
    Atomics.store(this.gate, 0, 1);
    Atomics.notify(this.gate, 0);
  }

  /** Opens the gate and returns what each worker found. */
  async run(): Promise<(number[] | string)[]> {
    await this.open();
    const results = await Promise.all(this.workers.map((worker) => once(worker, 'message')));
    await Promise.all(this.workers.map((worker) => worker.terminate()));
    return results.map(([result]) => result as number[] | string);
  }
}
