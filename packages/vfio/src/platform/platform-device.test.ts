/** Opening and closing of a platform device, step by step, on one thread. */
import type { VfioDevice } from '@mediated/vfio';
import type { PlatformDeviceSpec, PlatformModel } from '@mediated/vfio/platform';
import { DEVICE_FLAGS, IRQ_INFO_BYTES, irqInfo, REGION_INFO_BYTES } from '@mediated/vfio/uapi';
import { answerRegionInfo } from '#dist/platform/mmio-region.js';
import { PlatformDevice } from '#dist/platform/platform-device.js';
import { MediatedError } from '@mediated/core';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

const SPEC: PlatformDeviceSpec = {
  name: 'fff51000.ethernet',
  compat: 'acme,nic',
  resources: [{ start: 0xfff51000, size: 0x1000 }],
  irqs: [{ number: 1 }, { number: 2, level: true }],
};

/** A device that notes what happens to it. */
function rig({
  spec = {},
  resetRequired = true,
  reset,
  model = {},
}: {
  spec?: Partial<PlatformDeviceSpec>;
  resetRequired?: boolean;
  reset?: () => void;
  model?: PlatformModel;
} = {}) {
  const steps: string[] = [];
  const failures: string[] = [];
  const device = new PlatformDevice({
    device: {} as VfioDevice,
    spec: { ...SPEC, ...spec },
    resetRequired,
    reset: {
      reset() {
        steps.push('reset');
        reset?.();
      },
      release: () => steps.push('module put'),
    },
    model: () => ({
      power: (on) => void steps.push(on ? 'on' : 'off'),
      requestIrq: (irq) => void steps.push(`request ${irq}`),
      freeIrq: (irq) => void steps.push(`free ${irq}`),
      ...model,
    }),
    failed: (callback, error) => failures.push(`${callback}: ${error}`),
  });
  const state = () => [device.regions.length, device.interrupts.lines.length, device.powerCount];
  return { device, steps, failures, state };
}

const broken = () => {
  throw new MediatedError('EIO', 'it does not come back');
};

let warnings: string[] = [];
beforeEach(() => {
  warnings = [];
  vi.spyOn(process, 'emitWarning').mockImplementation((warning) => void warnings.push(String(warning)));
});
afterEach(() => vi.restoreAllMocks());

test('platform-fsl 1: a required reset that fails fails the open, and nothing is left of it', async () => {
  const { device, steps, state } = rig({ reset: broken });
  await expect(device.open()).rejects.toMatchObject({ code: 'EIO' });
  expect(steps).toEqual(['request 0', 'request 1', 'on', 'reset', 'off', 'free 0', 'free 1']);
  expect(state()).toEqual([0, 0, 0]);
});

test('platform-fsl 1: so does power that does not come; it is switched off all the same', async () => {
  const { device, steps, state } = rig({ spec: { powerError: 'ETIMEDOUT' } });
  await expect(device.open()).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  expect(steps).toEqual(['request 0', 'request 1', 'off', 'free 0', 'free 1']);
  expect(state()).toEqual([0, 0, 0]);
});

test('a resource of an unknown kind fails the open before anything is taken', async () => {
  const { device, steps, state } = rig({ spec: { resources: [{ start: 0, size: 16, kind: 'other' }] } });
  await expect(device.open()).rejects.toMatchObject({ code: 'EINVAL' });
  expect([steps, state()]).toEqual([[], [0, 0, 0]]);
});

test('platform-fsl 2: where no reset is required the device opens, and a reset that is asked for answers its error', async () => {
  const { device, state } = rig({ reset: broken, resetRequired: false });
  await device.open();
  expect(state()).toEqual([1, 2, 1]);
  await expect(device.reset()).rejects.toMatchObject({ code: 'EIO' });
});

test('platform-fsl 4: the last close resets, then switches off, then frees the lines', async () => {
  const { device, steps, state } = rig();
  await device.open();
  steps.length = 0;
  await device.close();
  expect(steps).toEqual(['reset', 'off', 'free 0', 'free 1']);
  expect(state()).toEqual([0, 0, 0]);
  device.release();
  expect(steps.at(-1)).toBe('module put');
});

test.each([
  [true, 1],
  [false, 0],
])('a reset that fails at the last close is told of, aloud if it is required (%s)', async (resetRequired, aloud) => {
  let works = true;
  const { device, failures, state } = rig({ reset: () => works || broken(), resetRequired });
  await device.open();
  works = false;
  await device.close();
  expect(failures).toEqual(['reset: MediatedError: EIO: it does not come back']);
  expect(warnings).toHaveLength(aloud);
  expect(state()).toEqual([0, 0, 0]);
});

test('ACPI comes before the device tree: its method, or none', async () => {
  const cleared = rig({ spec: { acpi: { id: 'ACME0001', reset: 'works' } } });
  await cleared.device.open();
  cleared.device.write(0, Uint8Array.of(7));
  await cleared.device.reset();
  const into = new Uint8Array(1);
  cleared.device.read(0, into);
  expect([into[0], cleared.steps.includes('reset')]).toEqual([0, false]);
  const failing = rig({ spec: { acpi: { id: 'ACME0001', reset: 'ETIMEDOUT' } } });
  await expect(failing.device.open()).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  const without = rig({ spec: { acpi: { id: 'ACME0001' } }, resetRequired: false });
  expect(without.device.flags & DEVICE_FLAGS.reset).toBe(0);
  await without.device.open();
  await expect(without.device.reset()).rejects.toMatchObject({ code: 'EINVAL' });
});

test('memory that the host cannot have is ENOMEM when it is first touched', async () => {
  const { device } = rig({ spec: { resources: [{ start: 0, size: 2 ** 40 }] } });
  await device.open();
  expect(() => device.read(0, new Uint8Array(4))).toThrow(expect.objectContaining({ code: 'ENOMEM' }));
});

test('an interrupt of a device that is closed is lost', async () => {
  let raise = (_irq: number): void => {};
  const { device } = rig();
  const made = new PlatformDevice({
    device: {} as VfioDevice,
    spec: SPEC,
    resetRequired: false,
    reset: undefined,
    model: (hardware) => {
      raise = (irq) => hardware.raise(irq);
      return {};
    },
    failed: () => {},
  });
  expect(made.flags & DEVICE_FLAGS.reset).toBe(0);
  raise(0);
  await device.open();
  await device.close();
  await made.open();
  raise(1);
  raise(9);
  expect(made.interrupts.lines[1]?.masked).toBe(false);
});

test('reads and writes anywhere are those of an array of bytes, cut off at its end, or EINVAL', async () => {
  const { device } = rig({
    spec: {
      resources: [
        { start: 0, size: 100 },
        { start: 0, size: 50, readOnly: true },
      ],
    },
  });
  await device.open();
  const model = [new Uint8Array(100), new Uint8Array(50)] as const;
  const offset = fc.oneof(fc.nat(120), fc.nat(2 ** 40 - 1));
  const access = fc.record({
    index: fc.nat(3),
    offset,
    bytes: fc.uint8Array({ maxLength: 80 }),
    isWrite: fc.boolean(),
  });
  fc.assert(
    fc.property(access, ({ index, offset, bytes, isWrite }) => {
      const position = index * 2 ** 40 + offset;
      const memory = model[index];
      if (memory === undefined || offset >= memory.length || (isWrite && index === 1)) {
        const run = () => (isWrite ? device.write(position, bytes) : device.read(position, bytes));
        expect(run).toThrow(expect.objectContaining({ code: 'EINVAL' }));
        return;
      }
      const count = Math.min(bytes.length, memory.length - offset);
      if (isWrite) {
        expect(device.write(position, bytes)).toBe(count);
        memory.set(bytes.subarray(0, count), offset);
      }
      const into = new Uint8Array(bytes.length);
      expect(device.read(position, into)).toBe(count);
      expect(into.subarray(0, count)).toEqual(memory.subarray(offset, offset + count));
    }),
  );
});

test('arguments of infos that are too short, or say so, are refused and left as they are', async () => {
  const { device } = rig();
  await device.open();
  const infos = [
    { least: REGION_INFO_BYTES, count: 1, answer: (bytes: Uint8Array) => answerRegionInfo(device.regions, bytes) },
    { least: IRQ_INFO_BYTES, count: 2, answer: (bytes: Uint8Array) => device.interrupts.info(bytes) },
  ];
  for (const { least, count, answer } of infos) {
    fc.assert(
      fc.property(fc.nat(40), fc.oneof(fc.nat(40), fc.nat(0xffffffff)), fc.nat(5), (length, argsz, index) => {
        const argument = irqInfo.bytes({ argsz, index }, Math.max(length, irqInfo.size)).subarray(0, length);
        const before = argument.slice();
        const code = length < least ? 'EFAULT' : 'EINVAL';
        if (length >= least && argsz >= least && index < count) return answer(argument);
        expect(() => answer(argument)).toThrow(expect.objectContaining({ code }));
        expect(argument).toEqual(before);
      }),
    );
  }
});
