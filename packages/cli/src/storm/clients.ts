/**
 * The client threads of a storm: a piscina pool, one task per thread for the whole storm. Used by the supervising
 * thread only.
 */
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import type { Bench } from './bench.js';
import type { ClientTask } from './client.worker.js';
import { StormControl } from './control.js';
import type { Surprise } from './outcome.js';
import { Tally } from './tally.js';

/** Every other client awaits, with so many users; the others block, with one. */
const AWAITING_USERS = 8;

const WORKER = fileURLToPath(new URL('./client.worker.js', import.meta.url));

function usersOf(client: number): number {
  return client % 2 === 1 ? AWAITING_USERS : 1;
}

export class Clients {
  readonly control: StormControl;
  /** One row per client, and the last for the supervisor. */
  readonly tally: Tally;
  /** Surprises of every client; rejects when a client's thread died. */
  readonly ended: Promise<Surprise[]>;
  readonly #files = new Int32Array(new SharedArrayBuffer(4));
  readonly #pool: Piscina;

  /** Starts `count` clients on the bench; they begin at once. `operations`: their limit together, 0 for none. */
  constructor(bench: Bench, count: number, operations: number) {
    const users = Array.from({ length: count }, (_, client) => usersOf(client)).reduce((sum, each) => sum + each, 0);
    this.control = StormControl.create(users, operations);
    this.tally = Tally.create(count + 1);
    this.#pool = new Piscina({
      filename: WORKER,
      minThreads: count,
      maxThreads: count,
      concurrentTasksPerWorker: 1,
      // A blocking client has the thread to itself; there is nothing to be had by polling for tasks.
      atomics: 'disabled',
    });
    for (const worker of this.#pool.threads) bench.runtime.watch(worker);
    const tasks = Array.from({ length: count }, (_, row) => {
      const { ticket, transfer } = bench.runtime.invite();
      const task: ClientTask = {
        ticket,
        control: this.control.buffer,
        tally: this.tally.buffer,
        files: this.#files.buffer as SharedArrayBuffer,
        row,
        field: { parents: bench.parents.map(({ name, types }) => ({ name, types })), uuids: bench.uuids },
        seed: bench.seed,
        gate: bench.gate,
        awaiting: usersOf(row) === 1 ? 0 : AWAITING_USERS,
      };
      return this.#pool.run(task, { name: 'client', transferList: transfer }) as Promise<Surprise[]>;
    });
    this.ended = Promise.all(tasks).then((surprises) => surprises.flat());
  }

  /** Files that clients have open. */
  get files(): number {
    return Atomics.load(this.#files, 0);
  }

  /** The supervisor's row of the tally. */
  get ownRow(): number {
    return this.tally.rows - 1;
  }

  /** Ends the threads, in the middle of what they do if they still do something. */
  async destroy(): Promise<void> {
    await this.#pool.destroy();
  }
}
