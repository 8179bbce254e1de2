/**
 * What a part has outside of its process for a while, mounts, folders and programs, and who takes it away: the part itself when it is
 * done with it, or `part.worker.ts` when the process is to end before that. Threads end with the process anyhow.
 */

/** In the order in which they came. */
const there: (() => Promise<void>)[] = [];

/** Gives `use` its time, and undoes what was made for it, however that ends. Call it in the turn in which that was made. */
export async function outside<R>(undo: () => Promise<void>, use: () => Promise<R>): Promise<R> {
  there.push(undo);
  try {
    return await use();
  } finally {
    // When the process is ending somebody else undoes it.
    const at = there.indexOf(undo);
    if (at >= 0) {
      there.splice(at, 1);
      await undo();
    }
  }
}

/** Undoes all that is there, the latest first. */
export async function undoAll(): Promise<void> {
  for (let undo = there.pop(); undo !== undefined; undo = there.pop()) await undo();
}
