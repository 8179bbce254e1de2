/**
 * The features of migration (spec/vfio-core sections 11 and 12): MIGRATION, MIG_DEVICE_STATE, MIG_DATA_SIZE. Called by
 * `features/serve-feature.ts` on the device's thread. Without a driver's migration each is ENOTTY.
 */
import { isMediatedError, isThenable, MediatedError } from '@mediated/core';
import type { AnonymousFile } from '../anonymous-file.js';
import type { VfioDevice } from '../device.js';
import type { FeatureRequest } from '../features/feature-request.js';
import type { DeviceOperations } from '../operations.js';
import { FEATURE_FLAGS } from '../uapi/feature.js';
import { featureMigDataSize, featureMigration, featureMigState } from '../uapi/migration.js';
import type { MigrationOperations } from './operations.js';

const { get: GET, set: SET } = FEATURE_FLAGS;

type Operations = DeviceOperations<unknown>;

export function serveMigration(operations: Operations, _device: VfioDevice, request: FeatureRequest): void {
  const { flags } = migrationOf(operations);
  if (!request.check(GET, featureMigration.size)) return;
  featureMigration.encode(request.data, { flags: BigInt(flags) });
}

/** A failed SET gives its argument back all the same, without a file: hence negative errnos. */
export function serveDeviceState(
  operations: Operations,
  device: VfioDevice,
  request: FeatureRequest,
): number | undefined | Promise<number | undefined> {
  const migration = migrationOf(operations);
  if (!request.check(GET | SET, featureMigState.size)) return;
  const { data, call } = request;
  if (!request.sets) {
    return after(migration.getState(device), (state) => {
      featureMigState.encode(data, { device_state: state, data_fd: -1 });
    });
  }
  const answer = (file: AnonymousFile | undefined) => {
    featureMigState.encode(data, { data_fd: file === undefined ? -1 : call.openFile(file) });
    return undefined;
  };
  const refuse = (error: unknown): number => {
    if (!isMediatedError(error)) throw error;
    featureMigState.encode(data, { data_fd: -1 });
    return error.errno;
  };
  try {
    const opened = migration.setState(device, featureMigState.decode(data).device_state);
    return isThenable(opened)
      ? (opened as Promise<AnonymousFile | undefined>).then(answer, refuse)
      : answer(opened as AnonymousFile | undefined);
  } catch (error) {
    return refuse(error);
  }
}

export function serveDataSize(
  operations: Operations,
  device: VfioDevice,
  request: FeatureRequest,
): undefined | Promise<undefined> {
  const migration = migrationOf(operations);
  if (!request.check(GET, featureMigDataSize.size)) return;
  return after(migration.dataSize(device), (size) => {
    featureMigDataSize.encode(request.data, { stop_copy_length: BigInt(size) });
  });
}

function migrationOf({ migration }: Operations): MigrationOperations<unknown> {
  if (migration !== undefined) return migration;
  throw new MediatedError('ENOTTY', 'the device cannot be migrated', { syscall: 'ioctl' });
}

function after<T>(value: T | Promise<T>, use: (value: T) => void): undefined | Promise<undefined> {
  if (isThenable(value)) {
    return (value as Promise<T>).then((settled) => {
      use(settled);
      return undefined;
    });
  }
  use(value as T);
  return undefined;
}
