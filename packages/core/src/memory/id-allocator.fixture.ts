/** A worker that takes and returns numbers as fast as it can and writes down whose each one is. */
import { parentPort, workerData } from 'node:worker_threads';
import { IdAllocator, type IdAllocatorHandle } from '#dist/memory/id-allocator.js';

export interface IdData {
  readonly ids: IdAllocatorHandle;
  /** Per number: who has it, 0 when nobody. */
  readonly owners: Int32Array;
  readonly go: Int32Array;
  readonly self: number;
  readonly rounds: number;
}

const { ids: handle, owners, go, self, rounds } = workerData as IdData;
const ids = IdAllocator.from(handle);

function run(): string {
  for (let round = 0; round < rounds; round++) {
    const taken: number[] = [];
    // More than a word holds, so that the start of the search moves.
    for (let n = 0; n < 1 + (round % 40); n++) {
      const id = ids.allocate();
      if (id < 0) return `no number in round ${round}`;
      const before = Atomics.exchange(owners, id, self);
      if (before !== 0) return `${id} belonged to ${before} in round ${round}`;
      taken.push(id);
    }
    for (const id of taken) {
      if (Atomics.exchange(owners, id, 0) !== self) return `${id} was taken away in round ${round}`;
      ids.free(id);
    }
  }
  return 'done';
}

parentPort?.postMessage('ready');
Atomics.wait(go, 0, 0);
parentPort?.postMessage(run());
