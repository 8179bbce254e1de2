/** VFIO_DEVICE_FEATURE by itself: the checks that all features share, and who is asked. */
import { MediatedError } from '@mediated/core';
import type { AnonymousFile, DeviceOperations, IoctlCall, VfioDevice } from '@mediated/vfio';
import { checkFeature } from '@mediated/vfio';
import { deviceFeature, FEATURE_FLAGS, FEATURES, featureMigState, MIGRATION_STATES } from '@mediated/vfio/uapi';
import { serveFeature } from '#dist/features/serve-feature.js';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';

const { get: GET, set: SET, probe: PROBE } = FEATURE_FLAGS;
const device = {} as VfioDevice;

/** Callbacks of the driver that have run. */
let calls: string[];
let files: AnonymousFile[];

beforeEach(() => {
  calls = [];
  files = [];
});

const call: IoctlCall = {
  eventfd: () => expect.fail('eventfd'),
  passed: () => expect.fail('passed'),
  memory(address, length) {
    if (address !== 64n) throw new MediatedError('EFAULT', 'no memory there');
    return new Uint8Array(Number(length));
  },
  opened: { kind: 'direct' },
  openFile: (file) => files.push(file) + 6,
};

/** A driver that has everything. */
const whole: DeviceOperations<unknown> = {
  migration: {
    flags: 7,
    setState(_device, state) {
      calls.push(`setState ${state}`);
      if (state === MIGRATION_STATES.error) throw new MediatedError('EINVAL', 'no');
      if (state === MIGRATION_STATES.stopCopy) return { name: '[data]' };
      return undefined;
    },
    getState: () => MIGRATION_STATES.preCopy,
    dataSize: () => 2 ** 33,
  },
  logging: {
    start: () => void calls.push('start'),
    stop: () => void calls.push('stop'),
    report: () => void calls.push('report'),
  },
  feature(_device, feature, flags, data) {
    if (feature !== FEATURES.busMaster) throw new MediatedError('ENOTTY', 'no such feature');
    if (checkFeature(flags, data.length, SET, 4)) calls.push(`feature ${[...data]}`);
  },
};
const asynchronous: DeviceOperations<unknown> = {
  migration: {
    flags: 1,
    setState: async (_device, state) =>
      state === 3 ? { name: '[data]' } : Promise.reject(new MediatedError('EIO', 'no')),
    getState: async () => MIGRATION_STATES.stop,
    dataSize: async () => 77n,
  },
};

/** An argument of `data` behind its header; `argsz` may say something else. */
function argumentOf(flags: number, data: Uint8Array | number[] = [], argsz = 8 + data.length): Uint8Array {
  const argument = deviceFeature.bytes({ argsz, flags }, 8 + data.length);
  argument.set(data, 8);
  return argument;
}

/** The result, or the errno's name. */
async function serve(operations: DeviceOperations<unknown>, argument: Uint8Array): Promise<number | string> {
  try {
    return (await serveFeature(operations, device, argument, call)) ?? 0;
  } catch (error) {
    return (error as { code: string }).code;
  }
}

/** What each feature of the core, and the one of the driver, supports, and its least bytes of data. */
const SUPPORTED = new Map<number, readonly [uses: number, least: number]>([
  [FEATURES.migration, [GET, 8]],
  [FEATURES.migDeviceState, [GET | SET, 8]],
  [FEATURES.dmaLoggingStart, [SET, 24]],
  [FEATURES.dmaLoggingStop, [SET, 0]],
  [FEATURES.dmaLoggingReport, [GET, 32]],
  [FEATURES.migDataSize, [GET, 8]],
  [FEATURES.busMaster, [SET, 4]],
]);

describe('vfio-core 23.22: FEATURE', () => {
  test('PROBE has no effect, and is 0 exactly when what is asked for is supported', async () => {
    for (let feature = 0; feature < 16; feature++) {
      const [supported] = SUPPORTED.get(feature) ?? [undefined];
      for (const uses of [0, GET, SET, GET | SET]) {
        const expected = supported === undefined ? 'ENOTTY' : (uses & ~supported) === 0 ? 0 : 'EINVAL';
        expect(await serve(whole, argumentOf(feature | PROBE | uses)), `${feature} ${uses}`).toBe(expected);
      }
    }
    expect([calls, files]).toEqual([[], []]);
  });

  test('an unknown feature is ENOTTY, also with PROBE, and also where there is no driver for it', async () => {
    for (const feature of [0, 3, 11, 0xffff]) {
      expect(await serve(whole, argumentOf(feature | PROBE | GET))).toBe('ENOTTY');
      expect(await serve(whole, argumentOf(feature | SET, [1, 2, 3, 4]))).toBe('ENOTTY');
    }
    for (let feature = 0; feature < 16; feature++) {
      expect(await serve({}, argumentOf(feature | PROBE))).toBe('ENOTTY');
    }
  });

  test('GET and SET together are EINVAL without PROBE, before the feature is looked for', async () => {
    for (const feature of [1, 2, 0xffff]) expect(await serve(whole, argumentOf(feature | GET | SET))).toBe('EINVAL');
  });

  test('neither is EINVAL; so is a flag that there is not, and less data than it takes', async () => {
    for (const [feature, [supported, least]] of SUPPORTED) {
      const use = (supported & GET) !== 0 ? GET : SET;
      expect(await serve(whole, argumentOf(feature, new Uint8Array(64)))).toBe('EINVAL');
      for (const bit of [19, 25, 31]) {
        expect(await serve(whole, argumentOf((feature | use | (1 << bit)) >>> 0, new Uint8Array(64)))).toBe('EINVAL');
      }
      for (let length = 0; length < least; length++) {
        expect(await serve(whole, argumentOf(feature | use, new Uint8Array(length))), `${feature}`).toBe('EINVAL');
      }
    }
    expect(calls).toEqual([]);
  });

  test('truncated at every length: EFAULT', async () => {
    for (const [feature, [supported, least]] of SUPPORTED) {
      const use = (supported & GET) !== 0 ? GET : SET;
      const argument = argumentOf(feature | use, new Uint8Array(least));
      for (let length = 0; length < argument.length; length++) {
        expect(await serve(whole, argument.slice(0, length)), `${feature}, ${length} bytes`).toBe('EFAULT');
      }
    }
    expect(calls).toEqual([]);
  });

  test('argsz below the header is EINVAL', async () => {
    for (let argsz = 0; argsz < 8; argsz++) expect(await serve(whole, argumentOf(1 | GET, [], argsz))).toBe('EINVAL');
  });

  test('whatever is sent: 0 or an errno of the specification, and the device is in no other state', async () => {
    const flags = fc.oneof(
      fc.integer({ min: 0, max: 0xffffffff }),
      fc.tuple(fc.nat(11), fc.constantFrom(GET, SET, PROBE | GET, PROBE | SET)).map(([feature, use]) => feature | use),
    );
    await fc.assert(
      fc.asyncProperty(flags, fc.uint8Array({ maxLength: 48 }), fc.nat(64), async (sent, data, argsz) => {
        const result = await serve(whole, argumentOf(sent, data, argsz));
        expect([0, -22, 'EFAULT', 'EINVAL', 'ENOTTY', 'E2BIG', 'EOVERFLOW']).toContain(result);
      }),
    );
  });
});

describe('features of the core', () => {
  test('a driver hears only of features that the core does not have', async () => {
    expect(await serve(whole, argumentOf(FEATURES.busMaster | SET, [9, 8, 7, 6]))).toBe(0);
    expect(calls).toEqual(['feature 9,8,7,6']);
  });

  test('MIGRATION and MIG_DATA_SIZE tell what the driver says, in 8 bytes', async () => {
    const flags = argumentOf(FEATURES.migration | GET, new Uint8Array(16).fill(0xee));
    expect(await serve(whole, flags)).toBe(0);
    expect([...flags.subarray(8)]).toEqual([7, 0, 0, 0, 0, 0, 0, 0, ...new Uint8Array(8).fill(0xee)]);
    const size = argumentOf(FEATURES.migDataSize | GET, new Uint8Array(8));
    expect(await serve(whole, size)).toBe(0);
    expect([...size.subarray(8)]).toEqual([0, 0, 0, 0, 2, 0, 0, 0]);
    expect(await serve(asynchronous, size)).toBe(0);
    expect(size[8]).toBe(77);
  });

  const stateOf = (argument: Uint8Array) => featureMigState.decode(argument.subarray(8));
  const setState = (state: number) =>
    argumentOf(FEATURES.migDeviceState | SET, featureMigState.bytes({ device_state: state, data_fd: -77 }));

  test('vfio-core 23.24: data_fd is the file that was opened, otherwise -1, also on error', async () => {
    for (const [operations, state, result, fd] of [
      [whole, MIGRATION_STATES.stopCopy, 0, 7],
      [whole, MIGRATION_STATES.stop, 0, -1],
      [whole, MIGRATION_STATES.error, -22, -1],
      [asynchronous, 3, 0, 8],
      [asynchronous, 1, -5, -1],
    ] as const) {
      const argument = setState(state);
      expect(await serve(operations, argument)).toBe(result);
      expect(stateOf(argument)).toEqual({ device_state: state, data_fd: fd });
    }
    expect(files.map(({ name }) => name)).toEqual(['[data]', '[data]']);
  });

  test('what is refused before the driver is asked leaves the argument alone', async () => {
    const argument = setState(1);
    deviceFeature.encode(argument, { argsz: 15 });
    expect(await serve(whole, argument)).toBe('EINVAL');
    expect(stateOf(argument).data_fd).toBe(-77);
  });

  test('GET tells the state and data_fd -1', async () => {
    for (const [operations, state] of [
      [whole, MIGRATION_STATES.preCopy],
      [asynchronous, MIGRATION_STATES.stop],
    ] as const) {
      const argument = argumentOf(FEATURES.migDeviceState | GET, new Uint8Array(8).fill(0xee));
      expect(await serve(operations, argument)).toBe(0);
      expect(stateOf(argument)).toEqual({ device_state: state, data_fd: -1 });
    }
  });
});
