/** What guests may do wrong: malformed channel programs and lists, holes in memory, any bytes in any region at any time. */
import { isMediatedError, MediatedError } from '@mediated/core';
import { DEVICE_GET_INFO, DEVICE_GET_IRQ_INFO, DEVICE_GET_REGION_INFO, DEVICE_SET_IRQS } from '@mediated/vfio/uapi';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readRegion, writeRegion } from '#dist/ccw/access.js';
import { IRB_BYTES, ORB, SCHIB, SCSW } from '#dist/ccw/architected.js';
import { ChannelProgram } from '#dist/ccw/channel-program.js';
import { Disk, diskBytes } from '#dist/ccw/emulation/disk.js';
import { EmulatedSubchannel } from '#dist/ccw/emulation/machine.js';
import { ioctl } from '#dist/ccw/ioctls.js';
import { closeDevice, dmaUnmap, openDevice, resetDevice } from '#dist/ccw/life.js';
import { readOptions } from '#dist/ccw/options.js';
import { planProgram } from '#dist/ccw/plan.js';
import { type CcwValues, Guest } from '../../dist-fixtures/ccw/guest.fixture.js';
import { Rig } from '../../dist-fixtures/ccw/rig.fixture.js';

const PAGES = 32;
const PAGE = 4096;
const runs = { numRuns: 300 };

/** Programs begin on these pages; what they move lies anywhere. */
const PROGRAMS = [1, 2, 3, 4];
const ccwAddress = fc
  .tuple(fc.constantFrom(...PROGRAMS), fc.integer({ min: 0, max: 12 }))
  .map(([page, index]) => page * PAGE + index * 8);
const anyAddress = fc.oneof(
  { weight: 20, arbitrary: fc.integer({ min: 5 * PAGE, max: PAGES * PAGE - 1 }) },
  { weight: 4, arbitrary: ccwAddress },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 0xffffffff }) },
);
const flags = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(0x40, 0x60, 0x80, 0x44, 0x50) },
  { weight: 2, arbitrary: fc.constantFrom(0, 0x20, 0x04) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 255 }) },
);
const ccw: fc.Arbitrary<CcwValues> = fc.oneof(
  { weight: 1, arbitrary: fc.record({ command: fc.constant(0x08), address: fc.oneof(ccwAddress, anyAddress) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      command: fc.oneof(fc.constantFrom(0x03, 0x04, 0x05, 0x06, 0x07, 0x31), fc.integer({ min: 0, max: 255 })),
      flags,
      count: fc.oneof(fc.integer({ min: 0, max: 64 }), fc.integer({ min: 0, max: 65535 })),
      address: anyAddress,
    }),
  },
);
const memory = fc.record({
  programs: fc.array(fc.array(ccw, { minLength: 1, maxLength: 12 }), { minLength: 4, maxLength: 4 }),
  words: fc.array(
    fc.record({ at: anyAddress, word: fc.oneof(anyAddress, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })) }),
    {
      maxLength: 20,
    },
  ),
  holes: fc.array(
    fc.record({ page: fc.integer({ min: 0, max: PAGES - 1 }), kind: fc.constantFrom('hole', 'read-only', 'dark') }),
    { maxLength: 2 },
  ),
});
const orbs = fc
  .record({
    format: fc.constantFrom(1, 1, 1, 0),
    c64: fc.integer({ min: 0, max: 1 }),
    i2k: fc.integer({ min: 0, max: 1 }),
    address: fc.oneof({ weight: 5, arbitrary: ccwAddress }, { weight: 1, arbitrary: anyAddress }),
    lpm: fc.integer({ min: 0, max: 255 }),
  })
  .map((values) => ORB.bytes(values));

type ValueOf<A> = A extends fc.Arbitrary<infer V> ? V : never;

function guestOf({ programs, words, holes }: ValueOf<typeof memory>): Guest {
  const guest = new Guest(PAGES * PAGE);
  for (const [index, ccws] of programs.entries()) guest.program(PROGRAMS[index] * PAGE, ccws);
  for (const { at, word } of words) if (at + 8 <= guest.bytes.length) guest.list(at, [word], 64);
  for (const { page, kind } of holes) {
    if (kind === 'hole') guest.unmap(page * PAGE, PAGE);
    else guest.map(page * PAGE, PAGE, { writable: kind === 'dark', readable: kind !== 'dark' });
  }
  return guest;
}

test('a program is translated or refused with an errno; nothing stays pinned after it is freed', () => {
  fc.assert(
    fc.property(memory, orbs, (values, orb) => {
      const guest = guestOf(values);
      const program = new ChannelProgram(guest, () => {});
      const before = guest.bytes.slice();
      try {
        program.init(orb);
        program.prefetch(planProgram);
        expect(program.lengths.length).toBeGreaterThan(0);
      } catch (error) {
        if (!isMediatedError(error)) throw error;
        expect(['EINVAL', 'EPERM', 'EFAULT']).toContain(error.code);
      }
      program.free();
      expect([guest.pinned, program.initialized]).toEqual([0, false]);
      expect(Buffer.compare(guest.bytes, before)).toBe(0);
    }),
    runs,
  );
});

test('what was translated, the channel runs to its end, or it can be halted; it writes pinned pages only', () => {
  fc.assert(
    fc.property(memory, orbs, (values, orb) => {
      const guest = guestOf(values);
      const program = new ChannelProgram(guest, () => {});
      try {
        program.init(orb);
        program.prefetch(planProgram);
      } catch {
        return;
      }
      const turns: (() => void)[] = [];
      const geometry = { cylinders: 1, heads: 1 };
      const disk = new Disk(new Uint8Array(diskBytes(geometry)).fill(0xd1), geometry);
      const machine = new EmulatedSubchannel({ deviceNumber: 1, paths: [0x40], qdio: false }, disk, (run) =>
        turns.push(run),
      );
      machine.msch(SCHIB.bytes({ enabled: 1 }));
      let ended = false;
      machine.interrupt = () => {
        const irb = new Uint8Array(IRB_BYTES);
        machine.tsch(irb);
        ended = (SCSW.get(irb, 'status') & 7) === 7;
      };
      const before = guest.bytes.slice();
      const channelOrb = program.channelOrb(1, 0x80) as Uint8Array;
      ORB.set(channelOrb, 'lpm', 0x80);
      expect(machine.ssch(channelOrb, program.storage)).toBe(0);
      for (let turn = 0; turn < 20 && turns.length > 0; turn++) turns.shift()?.();
      if (!ended) {
        expect(machine.hsch()).toBe(0);
        while (turns.length > 0) turns.shift()?.();
      }
      expect(ended).toBe(true);
      for (let page = 0; page < PAGES; page++) {
        if (guest.pins.has(page)) continue;
        const span = [page * PAGE, (page + 1) * PAGE] as const;
        expect(Buffer.compare(guest.bytes.subarray(...span), before.subarray(...span))).toBe(0);
      }
    }),
    runs,
  );
});

const step = fc.oneof(
  fc.record({
    kind: fc.constant('write' as const),
    position: fc.integer({ min: 0, max: 5000 }),
    bytes: fc.uint8Array({ maxLength: 140 }),
  }),
  fc.record({ kind: fc.constant('request' as const), orb: orbs, functions: fc.integer({ min: 0, max: 7 }) }),
  fc.record({
    kind: fc.constant('read' as const),
    position: fc.integer({ min: 0, max: 5000 }),
    bytes: fc.uint8Array({ maxLength: 140 }),
  }),
  fc.record({ kind: fc.constant('interrupt' as const), bytes: fc.uint8Array({ minLength: 12, maxLength: 12 }) }),
  fc.record({ kind: fc.constantFrom('reset' as const, 'close' as const, 'open' as const, 'unmap' as const) }),
);

test('any order of writes, reads, interrupts, resets and closes leaves a state of the table and no stray pins', async () => {
  await fc.assert(
    fc.asyncProperty(memory, fc.array(step, { maxLength: 25 }), async (values, steps) => {
      const rig = await Rig.in('IDLE');
      rig.guest.bytes.set(guestOf(values).bytes);
      rig.machine.onEnd = () =>
        queueMicrotask(() => {
          rig.machine.store({});
          rig.subchannel.interrupt();
        });
      for (const taken of steps) {
        const outcome = perform(rig, taken);
        await outcome.catch((error: unknown) => {
          if (!isMediatedError(error)) throw error;
        });
        await rig.works.flush();
        const { state, program } = rig.device;
        if (state !== 'CP_PENDING') expect([state, rig.guest.pinned, program.initialized]).toEqual([state, 0, false]);
        else expect(program.initialized).toBe(true);
        expect(SCHIB.get(rig.machine.schib, 'enabled')).toBe(state === 'IDLE' || state === 'CP_PENDING' ? 1 : 0);
      }
    }),
    { numRuns: 150 },
  );
});

async function perform(rig: Rig, taken: ValueOf<typeof step>): Promise<unknown> {
  switch (taken.kind) {
    case 'write':
      return writeRegion(rig.device, taken.position, taken.bytes);
    case 'request':
      return rig.request(taken.orb, taken.functions);
    case 'read':
      return readRegion(rig.device, taken.position, taken.bytes);
    case 'interrupt':
      return rig.interrupt(
        Object.fromEntries(
          (['status', 'activity', 'address', 'deferredCondition'] as const).map((name) => [
            name,
            SCSW.get(taken.bytes, name),
          ]),
        ),
      );
    case 'reset':
      return resetDevice(rig.device);
    case 'close':
      return rig.device.regionCount === 1 ? undefined : closeDevice(rig.device);
    case 'open':
      return rig.device.regionCount === 1 ? openDevice(rig.device) : undefined;
    case 'unmap':
      return dmaUnmap(rig.device, 0n, BigInt(rig.guest.bytes.length));
  }
}

test('ioctls with any bytes succeed or are refused with an errno, and change no state', async () => {
  const rig = await Rig.in('IDLE');
  const commands = [DEVICE_GET_INFO, DEVICE_GET_REGION_INFO, DEVICE_GET_IRQ_INFO, DEVICE_SET_IRQS];
  const words = fc.array(fc.oneof(fc.integer({ min: 0, max: 64 }), fc.integer({ min: 0, max: 0xffffffff })), {
    maxLength: 13,
  });
  const refuse = () => {
    throw new MediatedError('EBADF', 'no such descriptor');
  };
  fc.assert(
    fc.property(fc.constantFrom(...commands, 0x3b64), words, fc.integer({ min: 0, max: 3 }), (command, values, cut) => {
      const argument = new Uint8Array(Uint32Array.from(values).buffer);
      try {
        ioctl(rig.device, command, argument.subarray(0, Math.max(0, argument.length - cut)), {
          eventfd: refuse,
        } as never);
      } catch (error) {
        if (!isMediatedError(error)) throw error;
        expect(['EFAULT', 'EINVAL', 'EBADF', 'ENOTTY']).toContain(error.code);
      }
    }),
    { numRuns: 1000 },
  );
  expect([rig.device.state, rig.device.regionCount]).toEqual(['IDLE', 4]);
});

test('load options are taken or refused with EINVAL and the place', () => {
  const sound = {
    deviceNumber: fc.integer({ min: 0, max: 0xffff }),
    paths: fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 1, maxLength: 8 }),
  };
  fc.assert(
    fc.property(
      fc.oneof(
        fc.anything(),
        fc.record({
          subchannels: fc.dictionary(fc.constantFrom('0.0.0001', 'x'), fc.oneof(fc.record(sound), fc.anything())),
        }),
      ),
      (options) => {
        try {
          const { geometry, subchannels } = readOptions(options);
          expect(geometry.cylinders).toBeGreaterThan(0);
          for (const { paths } of Object.values(subchannels)) expect(paths.length).toBeGreaterThan(0);
        } catch (error) {
          expect(isMediatedError(error, 'EINVAL')).toBe(true);
        }
      },
    ),
  );
});

test.each([
  [7, 'the options: an object is wanted'],
  [{ disk: 1 }, 'the options: there is no option disk'],
  [{ cylinders: 0 }, 'cylinders is a whole number from 1 to 65535'],
  [{ subchannels: { '0.4.0000': {} } }, 'subchannels["0.4.0000"]: subchannels are named as 0.0.0313 is'],
  [{ subchannels: { '0.0.0000': { paths: [] } } }, 'paths is a list of one to eight numbers'],
  [{ subchannels: { '0.0.0000': { paths: [256] } } }, 'paths[0] is a whole number from 0 to 255'],
  [{ subchannels: { '0.0.0000': { qdio: 1 } } }, 'qdio is true or false'],
  [{ subchannels: { '0.0.0000': { chpids: [] } } }, 'there is no option chpids'],
])('options %j: %s', (options, message) => {
  expect(() => readOptions(options)).toThrow(message);
});
