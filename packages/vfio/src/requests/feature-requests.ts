/** Features of a device: any by its number, migration, DMA logging (spec/vfio-core sections 11 to 13). */
import { isMediatedError } from '@mediated/core';
import { DirtyBitmap } from '../logging/dirty-bitmap.js';
import type { IovaRange } from '../logging/iova-range.js';
import type { PassedFiles } from '../passed-file.js';
import { DEVICE_FEATURE, DEVICE_FEATURE_BYTES, deviceFeature, FEATURE_FLAGS, FEATURES } from '../uapi/feature.js';
import { dmaLoggingControl, dmaLoggingRange, dmaLoggingReport } from '../uapi/logging.js';
import {
  featureMigDataSize,
  featureMigration,
  featureMigState,
  MIG_GET_PRECOPY_INFO,
  type MigrationState,
  precopyInfo,
} from '../uapi/migration.js';
import type { Conversation } from './conversation.js';

const { get: GET, set: SET, probe: PROBE } = FEATURE_FLAGS;

/** Where a request's memory lies: any address but 0 does, for the request has no other. */
const ADDRESS = 0x10000;

/** How a feature is used. */
export type FeatureUse = 'get' | 'set';

/** What is left to read of a data file in pre-copy, in bytes. */
export interface PrecopyInfo {
  /** Of the state at its beginning. */
  readonly initialBytes: number;
  /** Of what has changed since. */
  readonly dirtyBytes: number;
}

/** False: the device has no such feature, or not for this use. */
export function* probeFeatureRequest(feature: number, use: FeatureUse): Conversation<boolean> {
  const argument = deviceFeature.bytes({ argsz: DEVICE_FEATURE_BYTES, flags: feature | PROBE | FEATURE_FLAGS[use] });
  try {
    yield { command: DEVICE_FEATURE, argument };
    return true;
  } catch (error) {
    if (isMediatedError(error, 'ENOTTY') || isMediatedError(error, 'EINVAL')) return false;
    throw error;
  }
}

/** The feature's data, of so many bytes. */
export function* getFeatureRequest(feature: number, length: number, files?: PassedFiles): Conversation<Uint8Array> {
  return yield* featureRequest(feature | GET, new Uint8Array(length), files);
}

/** Returns the data as the device has left it. */
export function* setFeatureRequest(feature: number, data: Uint8Array, files?: PassedFiles): Conversation<Uint8Array> {
  return yield* featureRequest(feature | SET, data, files);
}

export function* migrationFlagsRequest(): Conversation<number> {
  const data = yield* getFeatureRequest(FEATURES.migration, featureMigration.size);
  return Number(featureMigration.decode(data).flags);
}

export function* migrationStateRequest(): Conversation<MigrationState> {
  const data = yield* getFeatureRequest(FEATURES.migDeviceState, featureMigState.size);
  return featureMigState.decode(data).device_state as MigrationState;
}

/** The number of the data file that was opened; undefined: none. */
export function* setMigrationStateRequest(state: number): Conversation<number | undefined> {
  const data = featureMigState.bytes({ device_state: state, data_fd: -1 });
  const { data_fd: number } = featureMigState.decode(yield* setFeatureRequest(FEATURES.migDeviceState, data));
  return number === -1 ? undefined : number;
}

export function* migrationDataSizeRequest(): Conversation<number> {
  const data = yield* getFeatureRequest(FEATURES.migDataSize, featureMigDataSize.size);
  return Number(featureMigDataSize.decode(data).stop_copy_length);
}

/** Of a data file, not of the device. */
export function* precopyInfoRequest(): Conversation<PrecopyInfo> {
  const argument = precopyInfo.bytes({ argsz: precopyInfo.size });
  yield { command: MIG_GET_PRECOPY_INFO, argument };
  const { initial_bytes: initial, dirty_bytes: dirty } = precopyInfo.decode(argument);
  return { initialBytes: Number(initial), dirtyBytes: Number(dirty) };
}

/** Returns the page size that the device uses. */
export function* startDmaLoggingRequest(ranges: readonly IovaRange[], pageSize: bigint): Conversation<bigint> {
  const memory = new SharedArrayBuffer(ranges.length * dmaLoggingRange.size);
  for (const [number, range] of ranges.entries()) {
    dmaLoggingRange.encode(new Uint8Array(memory, number * dmaLoggingRange.size, dmaLoggingRange.size), { ...range });
  }
  const control = { page_size: pageSize, num_ranges: ranges.length, ranges: BigInt(ADDRESS) };
  const data = dmaLoggingControl.bytes(control);
  const answer = yield* setFeatureRequest(FEATURES.dmaLoggingStart, data, placed(memory));
  return dmaLoggingControl.decode(answer).page_size;
}

export function* stopDmaLoggingRequest(): Conversation<void> {
  yield* setFeatureRequest(FEATURES.dmaLoggingStop, new Uint8Array(0));
}

/** The bitmap: bit i stands for the page at `iova + i * pageSize`. */
export function* reportDmaLoggingRequest(range: IovaRange, pageSize: bigint): Conversation<Uint8Array> {
  // A page size that the device will refuse needs no bitmap.
  const memory = new SharedArrayBuffer(pageSize > 0n ? Number(DirtyBitmap.bytesFor(range, pageSize)) : 0);
  const report = { ...range, page_size: pageSize, bitmap: BigInt(ADDRESS) };
  const argument = featureArgument(FEATURES.dmaLoggingReport | GET, dmaLoggingReport.bytes(report));
  yield { command: DEVICE_FEATURE, argument, files: placed(memory) };
  return new Uint8Array(memory);
}

function* featureRequest(flags: number, data: Uint8Array, files?: PassedFiles): Conversation<Uint8Array> {
  const argument = featureArgument(flags, data);
  yield { command: DEVICE_FEATURE, argument, ...(files === undefined ? {} : { files }) };
  return argument.subarray(DEVICE_FEATURE_BYTES);
}

function featureArgument(flags: number, data: Uint8Array): Uint8Array {
  const argsz = DEVICE_FEATURE_BYTES + data.length;
  const argument = deviceFeature.bytes({ argsz, flags }, argsz);
  argument.set(data, DEVICE_FEATURE_BYTES);
  return argument;
}

function placed(memory: SharedArrayBuffer): PassedFiles {
  return new Map([[ADDRESS, { kind: 'memory', memory, offset: 0, length: memory.byteLength }]]);
}
