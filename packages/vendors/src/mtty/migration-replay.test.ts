/**
 * Replays what a real kernel's mtty answered to migration, each row on a fresh card: every transition between states, what
 * closing keeps, lengths of arguments, sizes, whole, broken and foreign images
 * (test/oracle/04-migration-mtty-1.jsonl). The rows that tell one story, saving and restoring a card, are in
 * `migration.test.ts`.
 */
import { readFileSync } from 'node:fs';
import { type ErrnoName, isMediatedError, Runtime } from '@mediated/core';
import { mttyUrl } from '@mediated/vendors';
import { type DeviceFile, type MigrationDataFile, openDevice } from '@mediated/vfio';
import {
  DEVICE_FEATURE,
  DEVICE_FEATURE_BYTES,
  deviceFeature,
  FEATURE_FLAGS,
  FEATURES,
  featureMigState,
  MIGRATION_STATES,
  type MigrationState,
} from '@mediated/vfio/uapi';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

interface Row {
  type: 'mtty-1' | 'mtty-2';
  case: string;
  args: Record<string, string | number>;
  ret: number;
  out: Record<string, unknown>;
}

const rows: Row[] = readFileSync(new URL('../../../../test/oracle/04-migration-mtty-1.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Row);
/** Rows of a case, titled by their arguments. */
const rowsOf = (name: string) =>
  rows.filter((row) => row.case === name).map((row) => [JSON.stringify(row.args), row] as const);

const STATE_NAMES = ['ERROR', 'STOP', 'RUNNING', 'STOP_COPY', 'RESUMING', 'RUNNING_P2P', 'PRE_COPY', 'PRE_COPY_P2P'];
/** A name of a state, or a number that is none. */
const numberOf = (state: string | number) => {
  const known = STATE_NAMES.indexOf(String(state));
  return (known === -1 ? Number(state) : known) as MigrationState;
};

let runtime: Runtime;

beforeAll(async () => {
  runtime = Runtime.start();
  await runtime.loadDriver(mttyUrl, { parents: [{ name: 'mtty' }] });
});

afterAll(() => runtime.close());

async function withCard<T>(type: string, body: (file: DeviceFile) => Promise<T>): Promise<T> {
  const mdev = await runtime.bus.parent('mtty').create(type);
  const file = await openDevice(runtime.bus, mdev);
  try {
    return await body(file);
  } finally {
    await file.close();
    await mdev.remove();
  }
}

/** 0 or the negative errno, and the name of it. */
async function outcome(operation: Promise<unknown>): Promise<{ ret: number; code: ErrnoName | undefined }> {
  try {
    await operation;
    return { ret: 0, code: undefined };
  } catch (error) {
    if (isMediatedError(error)) return { ret: error.errno, code: error.code };
    throw error;
  }
}

/** MIG_DEVICE_STATE as bytes: the result, `data_fd` as it came back, and the file behind it. */
async function setState(file: DeviceFile, state: number, argsz = DEVICE_FEATURE_BYTES + featureMigState.size) {
  const flags = FEATURES.migDeviceState | FEATURE_FLAGS.set;
  const argument = deviceFeature.bytes({ argsz, flags }, 64);
  const data = argument.subarray(DEVICE_FEATURE_BYTES);
  featureMigState.encode(data, { device_state: state, data_fd: -77 });
  const { ret } = await outcome(file.ioctl(DEVICE_FEATURE, argument));
  const { data_fd: number } = featureMigState.decode(data);
  const opened = number < 0 ? undefined : file.migrationData(number);
  return { ret, data_fd: number < 0 ? number : true, opened };
}

async function getState(file: DeviceFile) {
  const data = featureMigState.decode(await file.getFeature(FEATURES.migDeviceState, featureMigState.size));
  return { state: STATE_NAMES[data.device_state], get_data_fd: data.data_fd };
}

/** Count of the bytes read or the errno's name, as the recorder notes a read of one byte. */
async function readOne(data: MigrationDataFile): Promise<number | string | undefined> {
  let count = 0;
  const read = data.readNext(1).then(({ length }) => {
    count = length;
  });
  return (await outcome(read)).code ?? count;
}

async function imageOf(file: DeviceFile): Promise<Uint8Array> {
  const data = (await file.setMigrationState(MIGRATION_STATES.stopCopy)) as MigrationDataFile;
  const image = await data.readToEnd();
  await data.close();
  await file.reset();
  return image;
}

describe('every transition', () => {
  test.each(rowsOf('transition'))('%s', (_, { type, args, ret, out }) =>
    withCard(type, async (file) => {
      const image = await imageOf(file);
      const reached = await setState(file, numberOf(args.from as string));
      expect([reached.ret, reached.data_fd]).toEqual([args.reach_ret, args.reach_data_fd]);
      if (args.image_written === 1) await reached.opened?.writeNext(image);
      const result = await setState(file, numberOf(args.to as string));
      const old = reached.opened === undefined ? {} : { read_1_on_old_data_fd: await readOne(reached.opened) };
      const answer = { data_fd: result.data_fd, ...(await getState(file)), ...old };
      expect([result.ret, answer]).toEqual([ret, out]);
    }),
  );

  test('vfio-core 23.24: the recording has a file exactly where the last hop is one of the four opening arcs', () => {
    const opening = rowsOf('transition').filter(([, { out }]) => out.data_fd === true);
    for (const [, { args }] of opening) {
      expect(['STOP_COPY', 'RESUMING', 'PRE_COPY', 'PRE_COPY_P2P']).toContain(args.to);
      expect(args.from).not.toBe(args.to);
    }
    expect(opening.length).toBeGreaterThan(10);
  });
});

test.each(rowsOf('set bad state number'))('a number that is no state: %s', (_, { type, args, ret, out }) =>
  withCard(type, async (file) => {
    const { ret: result, data_fd } = await setState(file, args.to as number);
    expect([result, { state: (await getState(file)).state, data_fd }]).toEqual([ret, out]);
  }),
);

test.each(rowsOf('MIG_DEVICE_STATE SET argsz'))('length of the argument: %s', (_, { type, args, ret, out }) =>
  withCard(type, async (file) => {
    const { ret: result, data_fd } = await setState(file, MIGRATION_STATES.running, args.argsz as number);
    expect([result, { data_fd }]).toEqual([ret, out]);
  }),
);

test.each(rowsOf('device closed and reopened in state'))('closing keeps the state: %s', async (_, row) => {
  const mdev = await runtime.bus.parent('mtty').create(row.type);
  const file = await openDevice(runtime.bus, mdev);
  const { opened } = await setState(file, numberOf(row.args.from as string));
  await file.close();
  const again = await openDevice(runtime.bus, mdev);
  const { state } = await getState(again);
  const read = opened === undefined ? null : await readOne(opened);
  await again.close();
  await mdev.remove();
  expect({ state, read_on_data_fd_after_close: read }).toEqual(row.out);
});

test.each(rowsOf('MIG_DATA_SIZE in state'))('data size: %s', (_, { type, args, out }) =>
  withCard(type, async (file) => {
    await setState(file, numberOf(args.state as string));
    expect({ stop_copy_length: await file.migrationDataSize() }).toEqual(out);
  }),
);

test.each(rowsOf('write SCR=5a and read it back in state'))('registers answer in every state: %s', (_, row) =>
  withCard(row.type, async (file) => {
    await setState(file, numberOf(row.args.state as string));
    const write = await file.write(7, Uint8Array.of(0x5a));
    expect({ write, scr: (await file.read(7, 1))[0] }).toEqual(row.out);
  }),
);

/** What the recorder did to an image, by its name for it. */
const CORRUPTIONS: Record<string, (image: Uint8Array) => Uint8Array> = {
  'magic byte': (image) => changed(image, 0, 0xff),
  'major version 2': (image) => changed(image, 8, 2),
  'minor version 1': (image) => changed(image, 12, 1),
  'nr_ports + 1': (image) => changed(image, 16, (image[16] as number) + 1),
  'flags 1': (image) => changed(image, 20, 1),
  unchanged: (image) => image,
  'truncated by one byte': (image) => image.subarray(0, -1),
  'header only': (image) => image.subarray(0, 24),
  'one byte too many in the same write': (image) => Uint8Array.of(...image, 0),
  'FIFO count 255': (image) => changed(image, 24 + 8 + 16 + 2, 255),
};

function changed(image: Uint8Array, at: number, byte: number): Uint8Array {
  const copy = image.slice();
  copy[at] = byte;
  return copy;
}

/** Resumes from an image; the recorder notes the last write's result, or the error and, of writes of a byte, where. */
async function restore(file: DeviceFile, image: Uint8Array, perWrite: number | string) {
  const { opened } = await setState(file, MIGRATION_STATES.resuming);
  const step = perWrite === 'all' ? image.length : Number(perWrite);
  let write: number | string | undefined;
  for (let at = 0; at < image.length && typeof write !== 'string'; at += step) {
    try {
      write = await opened?.writeNext(image.subarray(at, at + step));
    } catch (error) {
      write = (error as { code: string }).code + (step === image.length ? '' : ` at byte ${at}`);
    }
  }
  const { ret } = await setState(file, MIGRATION_STATES.running);
  return [ret, { write, state: (await getState(file)).state }];
}

test.each(rowsOf('restore corrupted image'))('an image: %s', (_, { type, args, ret, out }) =>
  withCard(type, async (file) => {
    const image = CORRUPTIONS[args.what as string]?.(await imageOf(file)) as Uint8Array;
    expect(await restore(file, image, args.bytes_per_write as string)).toEqual([ret, out]);
  }),
);

test.each(rowsOf('restore into the other type'))('an image of another type: %s', (_, { type, args, ret, out }) =>
  withCard(type, async (source) => {
    const image = await imageOf(source);
    const result = await withCard(args.target as string, (file) => restore(file, image, 'all'));
    expect(result).toEqual([ret, out]);
  }),
);
