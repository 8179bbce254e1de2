/** States of a device's migration as a program asks for them and sets them, with the descriptors that come with that. */
import { isMediatedError } from '@mediated/core';
import {
  DEVICE_FEATURE,
  DEVICE_FEATURE_BYTES,
  DEVICE_RESET,
  deviceFeature,
  FEATURE_FLAGS,
  FEATURES,
  featureMigState,
  MIGRATION_STATES,
} from '@mediated/vfio/uapi';
import { attempt } from './attempt.js';
import type { Session } from './session.js';
import type { Subject } from './subject.js';

/** What the program puts where a descriptor goes: nothing, or what shows whether it was touched. */
const NO_FILE = -1;
const UNTOUCHED = -77;
const ROOM = 4096;
/** Names in the recordings, by number. */
const NAMES = ['ERROR', 'STOP', 'RUNNING', 'STOP_COPY', 'RESUMING', 'RUNNING_P2P', 'PRE_COPY', 'PRE_COPY_P2P'];

/** The number of a state: a name, or the number itself. */
export function stateNumber(name: string): number {
  const known = NAMES.indexOf(name);
  return known === -1 ? Number(name) : known;
}

/** A feature's argument of `argsz` bytes, in enough memory. */
export function featureArgument(
  flags: number,
  data: Uint8Array,
  argsz = DEVICE_FEATURE_BYTES + data.length,
): Uint8Array {
  const argument = deviceFeature.bytes({ argsz, flags }, ROOM);
  argument.set(data, DEVICE_FEATURE_BYTES);
  return argument;
}

export interface StateSet {
  readonly ret: number;
  /** As the recordings give it: true for a descriptor. */
  readonly data_fd: number | true;
  readonly descriptor: number | undefined;
}

export async function setState(session: Session, subject: Subject, state: number, argsz?: number): Promise<StateSet> {
  const device = await session.device(subject);
  const data = featureMigState.bytes({ device_state: state, data_fd: argsz === undefined ? NO_FILE : UNTOUCHED });
  const argument = featureArgument(FEATURES.migDeviceState | FEATURE_FLAGS.set, data, argsz);
  const ret = await attempt(() => session.program.ioctl(device, DEVICE_FEATURE, argument));
  const { data_fd } = featureMigState.decode(argument.subarray(DEVICE_FEATURE_BYTES));
  const given = ret === 0 && data_fd >= 0;
  return { ret, data_fd: given ? true : data_fd, descriptor: given ? data_fd : undefined };
}

export async function getState(session: Session, subject: Subject) {
  const device = await session.device(subject);
  const data = featureMigState.bytes({ data_fd: UNTOUCHED });
  const argument = featureArgument(FEATURES.migDeviceState | FEATURE_FLAGS.get, data);
  const ret = await attempt(() => session.program.ioctl(device, DEVICE_FEATURE, argument));
  const { device_state, data_fd } = featureMigState.decode(argument.subarray(DEVICE_FEATURE_BYTES));
  return { ret, state: NAMES[device_state] ?? String(device_state), data_fd };
}

/** Everything that a data file gives until it ends. */
export async function readToEnd(session: Session, descriptor: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  do parts.push(await session.program.read(descriptor, ROOM));
  while (parts.at(-1)?.length !== 0);
  return new Uint8Array(Buffer.concat(parts));
}

/** The image of a device as it is; the device runs again afterwards, reset. */
export async function imageOf(session: Session, subject: Subject): Promise<Uint8Array> {
  const { descriptor = -1 } = await setState(session, subject, MIGRATION_STATES.stopCopy);
  const image = await readToEnd(session, descriptor);
  await session.program.close(descriptor);
  await session.program.ioctl(await session.device(subject), DEVICE_RESET);
  return image;
}

/** What a read of one byte gives, as the recordings note it: the count, or the name of the error. */
export async function readOne(session: Session, descriptor: number): Promise<number | string> {
  try {
    return (await session.program.read(descriptor, 1)).length;
  } catch (error) {
    if (isMediatedError(error)) return error.code;
    throw error;
  }
}
