/**
 * A lock yard for explored threads: `@mediated/core/sync` as the search wants it (a mutant, or the real one), a lock space,
 * a thread table in which explored thread t has the id t, and words for what a lock protects.
 */
import type * as Sync from '@mediated/core/sync';
import type { World } from '@mediated/explorer';

/** Words of a thread table (`threads.ts`): token, deaths, identities, a word, 64 slots. */
const TABLE_WORDS = 68;
const MOST_THREADS = 7;

/** What the scenarios of locks use. */
export interface Yard {
  readonly sync: typeof Sync;
  readonly space: Sync.LockSpace;
  readonly table: Sync.ThreadTable;
  /** Words that locks protect, or in which threads note what they have done. */
  readonly data: Int32Array;
  /** The lock that `make` makes in the controller, as a handle for all threads. */
  lock<Kind extends Sync.LockKind>(
    name: string,
    make: (space: Sync.LockSpace) => { readonly handle: Sync.LockHandle<Kind> },
  ): Sync.LockHandle<Kind>;
}

const controllers = new Set<typeof Sync>();

function createTable(token: number): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(TABLE_WORDS * 4);
  new Int32Array(buffer)[0] = token;
  return buffer;
}

/** Opens the yard: the first thing a scenario does. `words`: size of the lock space. */
export async function openYard(world: World, words = 1024): Promise<Yard> {
  const sync = await world.import<typeof Sync>('@mediated/core/sync');
  if (world.thread < 0 && !controllers.has(sync)) {
    // Each mutant's code takes an id in the controller too: in a table of its own, for one process has but 64.
    controllers.add(sync);
    try {
      sync.ThreadTable.join(createTable(controllers.size + 1));
    } catch (error) {
      // A scenario without a yard was declared with this code before: it has its id.
      if (codeOf(error) !== 'EINVAL') throw error;
    }
  }
  const threads = world.shareUnexplored('thread table', () => {
    const buffer = createTable(1);
    const table = sync.ThreadTable.from(buffer);
    for (let id = 0; id < MOST_THREADS; id++) table.reserve();
    return buffer;
  });
  const table = sync.ThreadTable.from(threads);
  if (world.thread >= 0) {
    // A worker that was started anew takes over the id.
    if (table.isAlive(world.thread)) table.reap(world.thread, { keep: true });
    table.adopt(world.thread);
  }
  let own: Sync.LockSpace | undefined;
  const buffer = world.share('locks', () => {
    own = sync.LockSpace.create({ words });
    return own.handle.buffer;
  });
  const space = own ?? sync.LockSpace.from({ buffer, threads });
  const data = world.share('data', () => new Int32Array(new SharedArrayBuffer(256)));
  return {
    sync,
    space,
    table,
    data,
    lock: (name, make) => world.share(name, () => ({ ...make(space).handle, threads })),
  };
}

/** One step on a counter that a lock protects: lost when two threads are in there at the same time. */
export function count(data: Int32Array, at: number): void {
  const seen = Atomics.load(data, at);
  Atomics.store(data, at, seen + 1);
}

/** Throws unless it holds. */
export function demand(holds: boolean, message: string): asserts holds {
  if (!holds) throw new Error(message);
}

/** The code of an error that a lock throws. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
