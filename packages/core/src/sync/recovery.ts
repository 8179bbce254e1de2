/**
 * What this JavaScript thread knows how to recover when another thread dies: a list of regions of shared memory with
 * locks in them. `LockSpace` and `registerLockRegion` add to it, `ThreadTable.reap` walks it.
 * The list is private to the thread that holds it; the words it leads to are protected by the rules of each lock.
 */

/** Shared memory whose locks can be freed of a dead thread. */
export interface RecoverableRegion {
  /** Passes on everything the dead `thread` held in this region and kicks everybody who waits in it. */
  recover(thread: number): void;
  /** True if `thread` holds or waits for something in this region. */
  holds(thread: number): boolean;
}

const regions = new Set<RecoverableRegion>();

/** Adds a region to those that a reap on this thread recovers. Returns the function that takes it out again. */
export function registerRegion(region: RecoverableRegion): () => void {
  regions.add(region);
  return () => {
    regions.delete(region);
  };
}

/** Recovers every region this thread knows. Errors are handed to `failed`, the remaining regions are still recovered. */
export function recoverRegions(thread: number, failed: (error: unknown) => void): void {
  for (const region of regions) {
    try {
      region.recover(thread);
    } catch (error) {
      failed(error);
    }
  }
}

/** True if `thread` holds something in a region this thread knows. */
export function holdsInRegions(thread: number): boolean {
  for (const region of regions) {
    if (region.holds(thread)) return true;
  }
  return false;
}
