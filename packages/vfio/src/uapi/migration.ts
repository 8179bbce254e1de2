/** Migration: the data of its features, states, and the command on its data file (spec/vfio-core section 12). */
import { defineStruct } from './struct.js';

/** ioctl command on a migration data file. */
export const MIG_GET_PRECOPY_INFO = 0x3b79;

/** Bytes that are left to read: of the initial state, and of what has changed since. */
export const precopyInfo = defineStruct([
  ['argsz', 'u32'],
  ['flags', 'u32'],
  ['initial_bytes', 'u64'],
  ['dirty_bytes', 'u64'],
]);
/** Bytes of {@link precopyInfo}: the least that is accepted. */
export const PRECOPY_INFO_BYTES = 24;

/** Data of the feature `migration`. */
export const featureMigration = defineStruct([['flags', 'u64']]);
/** Flags of {@link featureMigration}: what a device's migration can do; `stopCopy` is mandatory. */
export const MIGRATION_FLAGS = { stopCopy: 1, p2p: 2, preCopy: 4 } as const;

/** Data of the feature `migDeviceState`. */
export const featureMigState = defineStruct([
  ['device_state', 'u32'],
  ['data_fd', 's32'],
]);
/** `device_state` of {@link featureMigState}. */
export const MIGRATION_STATES = {
  error: 0,
  stop: 1,
  running: 2,
  stopCopy: 3,
  resuming: 4,
  runningP2p: 5,
  preCopy: 6,
  preCopyP2p: 7,
} as const;
/** One of {@link MIGRATION_STATES}. */
export type MigrationState = (typeof MIGRATION_STATES)[keyof typeof MIGRATION_STATES];

/** Data of the feature `migDataSize`: an estimate, in bytes. */
export const featureMigDataSize = defineStruct([['stop_copy_length', 'u64']]);
