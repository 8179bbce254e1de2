/**
 * What a driver does to log which memory its device writes (spec/vfio-core section 13). Written by vendors as
 * `DeviceOperations.logging`; called by the core on the device's thread.
 */
import type { VfioDevice } from '../device.js';
import type { DirtyBitmap } from './dirty-bitmap.js';
import type { IovaRange } from './iova-range.js';

/** DMA logging of the devices of a driver. Throw a `MediatedError` to fail. The core keeps no state between calls. */
export interface DmaLoggingOperations<Data> {
  /**
   * Logs writes to these ranges from now on: 1 to 256, aligned to `pageSize`, apart from each other, in the order of their
   * addresses. Returns the page size that it uses, if it is another. A driver with fewer slots: `combineRanges`.
   */
  start(
    device: VfioDevice<Data>,
    ranges: readonly IovaRange[],
    pageSize: bigint,
    // biome-ignore lint/suspicious/noConfusingVoidType: a driver that has no opinion returns nothing.
  ): bigint | undefined | void | Promise<bigint | undefined | void>;
  /** Ends it. May come without a start. */
  stop(device: VfioDevice<Data>): void | Promise<void>;
  /** Marks in `bitmap` what was written since the last report, within the range. May come without a start. */
  report(device: VfioDevice<Data>, range: IovaRange, bitmap: DirtyBitmap): void | Promise<void>;
}
