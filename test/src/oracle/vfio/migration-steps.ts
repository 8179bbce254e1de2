/** Steps on the migration of one device: what it can do, its states and the ways between them. */
import {
  DEVICE_FEATURE,
  DEVICE_FEATURE_BYTES,
  FEATURE_FLAGS,
  FEATURES,
  featureMigDataSize,
  featureMigration,
  MIGRATION_STATES,
} from '@mediated/vfio/uapi';
import { moduleTypes } from '../modules.js';
import { getState, imageOf, readOne, setState, stateNumber, featureArgument } from './migration-state.js';
import { attempt } from './attempt.js';
import type { Session } from './session.js';
import type { Subject } from './subject.js';
import { type Answer, hex, type Step } from './step.js';

/** Registers of a port by their names. */
const REGISTERS: Readonly<Record<string, number>> = { SCR: 7 };

export async function migrationStep(session: Session, step: Step): Promise<Answer | undefined> {
  const { words, type } = step;
  if (type === undefined) return undefined;
  const other = /^(\w+): MIG_DEVICE_STATE (GET|SET)$/.exec(words);
  if (other !== null) return onOther(session, other[1], other[2]);
  const device = () => session.subject(type);
  switch (words) {
    case 'MIGRATION flags':
      return getNumber(session, await device(), FEATURES.migration, featureMigration, 'flags');
    case 'MIG_DATA_SIZE':
      return getNumber(session, await device(), FEATURES.migDataSize, featureMigDataSize, 'stop_copy_length');
    case 'MIG_DATA_SIZE in state': {
      const subject = await inState(session, step);
      return getNumber(session, subject, FEATURES.migDataSize, featureMigDataSize, 'stop_copy_length');
    }
    case 'initial state': {
      const { ret, state, data_fd } = await getState(session, await device());
      return { ret, out: { state, data_fd } };
    }
    case 'image of an idle device': {
      const image = await imageOf(session, await session.renewed(type));
      return { ret: image.length, out: { hex: hex(image) } };
    }
    case 'transition':
      return transition(session, step, type);
    case 'device closed and reopened in state':
      return reopened(session, step);
    case 'set bad state number': {
      const subject = await session.renewed(type);
      const { ret, data_fd } = await setState(session, subject, step.number('to'));
      return { ret, out: { state: (await getState(session, subject)).state, data_fd } };
    }
    case 'MIG_DEVICE_STATE SET argsz': {
      const { ret, data_fd } = await setState(session, await device(), MIGRATION_STATES.running, step.number('argsz'));
      return { ret, out: { data_fd } };
    }
    default:
      return writeAndRead(session, step);
  }
}

async function getNumber<N extends string>(
  session: Session,
  subject: Subject,
  feature: number,
  struct: { readonly size: number; decode(bytes: Uint8Array): Readonly<Record<N, bigint>> },
  name: N,
): Promise<Answer> {
  const device = await session.device(subject);
  const argument = featureArgument(feature | FEATURE_FLAGS.get, new Uint8Array(struct.size));
  const ret = await attempt(() => session.program.ioctl(device, DEVICE_FEATURE, argument));
  return { ret, out: { [name]: struct.decode(argument.subarray(DEVICE_FEATURE_BYTES))[name] } };
}

async function onOther(session: Session, module: string, operation: string): Promise<Answer> {
  const subject = await session.subject(moduleTypes(module)[0]);
  if (operation === 'GET') return { ret: (await getState(session, subject)).ret };
  return { ret: (await setState(session, subject, MIGRATION_STATES.stop)).ret };
}

async function inState(session: Session, step: Step): Promise<Subject> {
  const subject = await session.renewed(step.type as string);
  await setState(session, subject, stateNumber(step.text('state') ?? step.text('from') ?? ''));
  return subject;
}

async function transition(session: Session, step: Step, type: string): Promise<Answer> {
  const subject = await session.renewed(type);
  const image = await imageOf(session, subject);
  const reached = await setState(session, subject, stateNumber(step.text('from') ?? ''));
  const { state: reachedFrom } = await getState(session, subject);
  if (step.number('image_written') === 1) await session.program.write(reached.descriptor ?? -1, image);
  const { ret, data_fd } = await setState(session, subject, stateNumber(step.text('to') ?? ''));
  const { state, data_fd: get_data_fd } = await getState(session, subject);
  const { descriptor } = reached;
  const old = descriptor === undefined ? undefined : await readOne(session, descriptor);
  return {
    ret,
    out: { state, data_fd, get_data_fd, read_1_on_old_data_fd: old },
    args: { reached_from: reachedFrom, reach_ret: reached.ret, reach_data_fd: reached.data_fd },
  };
}

async function reopened(session: Session, step: Step): Promise<Answer> {
  const subject = await session.renewed(step.type as string);
  const { descriptor } = await setState(session, subject, stateNumber(step.text('from') ?? ''));
  await session.closeSubject(subject);
  const read = descriptor === undefined ? null : await readOne(session, descriptor);
  const { ret, state } = await getState(session, subject);
  return { ret, out: { state, read_on_data_fd_after_close: read } };
}

async function writeAndRead(session: Session, step: Step): Promise<Answer | undefined> {
  const asked = /^write (\w+)=([\da-f]+) and read it back in state$/.exec(step.words);
  const register = REGISTERS[asked?.[1] ?? ''];
  if (asked === null || register === undefined) return undefined;
  const subject = await inState(session, step);
  const device = await session.device(subject);
  const { offset } = await session.region(subject, 0);
  const value = Uint8Array.of(Number.parseInt(asked[2], 16));
  const written = await attempt(() => session.program.pwrite(device, value, offset + register));
  const read = await session.program.pread(device, 1, offset + register);
  return { ret: read.length, out: { write: written, [asked[1].toLowerCase()]: read[0] } };
}
