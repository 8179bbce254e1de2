/** DMA logging: the data of its features (spec/vfio-core section 13). `ranges` and `bitmap` are addresses of memory. */
import { defineStruct } from './struct.js';

/** Data of the feature `dmaLoggingStart`; `ranges` is where `num_ranges` times {@link dmaLoggingRange} lies. */
export const dmaLoggingControl = defineStruct([
  ['page_size', 'u64'],
  ['num_ranges', 'u32'],
  ['__reserved', 'u32'],
  ['ranges', 'u64'],
]);

/** Bytes of I/O address space. */
export const dmaLoggingRange = defineStruct([
  ['iova', 'u64'],
  ['length', 'u64'],
]);

/** Data of the feature `dmaLoggingReport`; `bitmap` is where a bit per page lies, in words of 64 bits. */
export const dmaLoggingReport = defineStruct([
  ['iova', 'u64'],
  ['length', 'u64'],
  ['page_size', 'u64'],
  ['bitmap', 'u64'],
]);

/** Most ranges of one start. */
export const MAX_LOGGING_RANGES = 256;
