/** What a test and its device threads (`space-worker.fixture.ts`) share. */
import type { AddressSpaceHandle } from '#dist/iommu/address-space.js';
import type { Segment } from '#dist/iommu/segment-table.js';

/** Words of the control array: threads that are ready, the gate, the order to stop. */
export const READY = 0;
export const GATE = 1;
export const STOP = 2;
/** Odd while devices are to have nothing pinned: set by the test when it is notified, counted on when it has unmapped. */
export const ASK = 3;
/** One per slot: the odd value that the thread has seen, and how often it has pinned. */
export const ANSWER = 4;
export const PINS = 6;

/** What a thread is to do. */
export interface SpaceJob {
  readonly script: 'pinAndRead' | 'pinAndStay' | 'stayInSection' | 'dieMapping';
  readonly space: AddressSpaceHandle;
  readonly segments: readonly Segment[];
  readonly slot: number;
  readonly control: Int32Array<SharedArrayBuffer>;
}
