/**
 * Payloads of messages as data. Infos, SET_IRQS and DEVICE_FEATURE have the structures of the user API
 * (`@mediated/vfio/uapi`); these are the others.
 */
import { defineStruct } from '@mediated/vfio/uapi';

/** VERSION: what follows is text in JSON, ended by a zero byte. */
export const versionHead = defineStruct([
  ['major', 'u16'],
  ['minor', 'u16'],
]);

/** DMA_MAP. `offset`: in the file that comes along, if one does. */
export const dmaMapRequest = defineStruct([
  ['argsz', 'u32'],
  ['flags', 'u32'],
  ['offset', 'u64'],
  ['address', 'u64'],
  ['size', 'u64'],
]);
export const DMA_MAP_FLAGS = { read: 1, write: 2 } as const;

export const dmaUnmapRequest = defineStruct([
  ['argsz', 'u32'],
  ['flags', 'u32'],
  ['address', 'u64'],
  ['size', 'u64'],
]);
export const DMA_UNMAP_FLAGS = { dirtyBitmap: 1, all: 2 } as const;

/** REGION_READ and REGION_WRITE, their replies too; data follows a write and the reply to a read. */
export const regionAccess = defineStruct([
  ['offset', 'u64'],
  ['region', 'u32'],
  ['count', 'u32'],
]);
export const REGION_ACCESS = { offset: 0, region: 8, count: 12, bytes: 16 } as const;

/** REGION_WRITE_MULTI: a count (64 bits) and so many of these, each with 1 to 8 bytes of data. */
export const multiWrite = defineStruct([
  ['offset', 'u64'],
  ['region', 'u32'],
  ['count', 'u32'],
  ['data', 'u64'],
]);

/** DMA_READ and DMA_WRITE, their replies too; data follows a write and the reply to a read. */
export const dmaAccess = defineStruct([
  ['address', 'u64'],
  ['count', 'u64'],
]);

/** MIG_DATA_READ and MIG_DATA_WRITE; data follows a write and the reply to a read. */
export const migrationData = defineStruct([
  ['argsz', 'u32'],
  ['size', 'u32'],
]);

/** Data of the feature dmaLoggingStart: ranges follow it, where the user API has their address. */
export const loggingStart = defineStruct([
  ['page_size', 'u64'],
  ['num_ranges', 'u32'],
  ['reserved', 'u32'],
]);

/** Data of the feature dmaLoggingReport: the bitmap follows it, where the user API has its address. */
export const loggingReport = defineStruct([
  ['iova', 'u64'],
  ['length', 'u64'],
  ['page_size', 'u64'],
]);
