/** Typed requests and the bytes that they are: both faces, against a device that answers from its own structures. */
import { MediatedError } from '@mediated/core';
import { InterruptCounter, type IoctlCall, type PassedFile, type PassedFiles, type VfioDevice } from '@mediated/vfio';
import * as uapi from '@mediated/vfio/uapi';
import { serveFeature } from '#dist/features/serve-feature.js';
import { DeviceInterrupts } from '#dist/irqs/device-interrupts.js';
import { findCounter, findMemory } from '#dist/passed-file.js';
import { type Asked, type Conversation, converse, converseSync } from '#dist/requests/conversation.js';
import * as device from '#dist/requests/device-requests.js';
import * as feature from '#dist/requests/feature-requests.js';
import * as gfx from '#dist/requests/gfx-requests.js';
import * as pci from '#dist/requests/pci-requests.js';
import { beforeEach, describe, expect, test } from 'vitest';

const refused = (code: 'EINVAL' | 'ENOSPC' | 'ENOTTY') => new MediatedError(code, 'refused');

/** A device that notes what it was asked. */
class FakeDevice implements Asked {
  readonly seen: { command: number; argument: Uint8Array; files: PassedFiles | undefined }[] = [];
  readonly interrupts = new DeviceInterrupts([{ count: 1, maskable: true }, { count: 3 }], (error) => {
    throw error;
  });

  async ioctl(command: number, argument: Uint8Array, files?: PassedFiles): Promise<number> {
    return this.ioctlSync(command, argument, files);
  }

  ioctlSync(command: number, argument: Uint8Array, files?: PassedFiles): number {
    this.seen.push({ command, argument: argument.slice(), files });
    return this.#answer(command, argument, files) ?? 0;
  }

  #answer(command: number, argument: Uint8Array, files?: PassedFiles): number | undefined {
    const call = {
      eventfd: (descriptor: number) => findCounter(files, descriptor),
      memory: (address: bigint, length: bigint) => findMemory(files, address, length),
      openFile: () => 41,
    } as unknown as IoctlCall;
    switch (command) {
      case uapi.DEVICE_GET_INFO:
        uapi.deviceInfo.encode(argument, { flags: uapi.DEVICE_FLAGS.pci, num_regions: 9, num_irqs: 2 });
        return;
      case uapi.DEVICE_GET_REGION_INFO:
        return regionAnswer(argument);
      case uapi.DEVICE_GET_IRQ_INFO:
        return void this.interrupts.info(argument);
      case uapi.DEVICE_SET_IRQS:
        return void this.interrupts.set(argument, call);
      case uapi.DEVICE_RESET:
        return;
      case uapi.DEVICE_FEATURE:
        return serveFeature(operations, {} as VfioDevice, argument, call) as number | undefined;
      case uapi.MIG_GET_PRECOPY_INFO:
        uapi.precopyInfo.encode(argument, { initial_bytes: 5n, dirty_bytes: 6n });
        return;
      case uapi.DEVICE_QUERY_GFX_PLANE:
        if (isOtherPlane(argument)) throw refused('EINVAL');
        uapi.gfxPlaneInfo.encode(argument, { width: 640, height: 480, region_index: 7 });
        return;
      case uapi.DEVICE_GET_GFX_DMABUF:
        return 100 + new DataView(argument.buffer).getUint32(0, true);
      case uapi.DEVICE_GET_PCI_HOT_RESET_INFO:
        return hotResetAnswer(argument);
      case uapi.DEVICE_PCI_HOT_RESET:
      case uapi.DEVICE_IOEVENTFD:
        return;
      default:
        throw refused('ENOTTY');
    }
  }
}

const operations: Parameters<typeof serveFeature>[0] = {
  migration: {
    flags: 7,
    setState: (_device, state) => (state === uapi.MIGRATION_STATES.stopCopy ? { name: '[data]' } : undefined),
    getState: () => uapi.MIGRATION_STATES.preCopy,
    dataSize: () => 60,
  },
  logging: {
    start: (_device, ranges, pageSize) => (ranges.length === 2 ? 2n * pageSize : undefined),
    stop() {},
    report: (_device, { iova }, bitmap) => bitmap.set(iova + 4096n, 1n),
  },
};

function isOtherPlane(argument: Uint8Array): boolean {
  const { flags, drm_plane_type: type } = uapi.gfxPlaneInfo.decode(argument);
  return (flags & uapi.GFX_PLANE_FLAGS.probe) === 0 && type !== uapi.DRM_PLANE_TYPES.primary;
}

/** Region 0 is plain, 1 has areas and a type, others are not there. */
function regionAnswer(argument: Uint8Array): undefined {
  const { index } = uapi.regionInfo.decode(argument);
  if (index > 1) throw refused('EINVAL');
  const area = (offset: bigint, size: bigint) => uapi.regionSparseMmapArea.bytes({ offset, size });
  const sparse = uapi.regionSparseMmapCapability.bytes({ id: uapi.REGION_CAPABILITIES.sparseMmap, nr_areas: 2 });
  const type = { id: uapi.REGION_CAPABILITIES.type, type: uapi.REGION_TYPES.ccw, subtype: 3 };
  const capabilities = [
    Uint8Array.of(...sparse, ...area(0n, 4096n), ...area(8192n, 4096n)),
    uapi.regionTypeCapability.bytes(type),
    uapi.capabilityHeader.bytes({ id: uapi.REGION_CAPABILITIES.msixMappable }),
  ];
  const values = { flags: uapi.REGION_FLAGS.read, size: 16384n, offset: BigInt(index) << 40n };
  uapi.encodeWithCapabilities(uapi.regionInfo, argument, values, index === 1 ? capabilities : [], 8);
}

/** Two devices are affected. */
function hotResetAnswer(argument: Uint8Array): number | undefined {
  const { argsz } = uapi.pciHotResetInfo.decode(argument);
  uapi.pciHotResetInfo.encode(argument, { count: 2, flags: 0 });
  if (argsz < 12 + 2 * 8) throw refused('ENOSPC');
  for (const [number, devfn] of [0x08, 0x0a].entries()) {
    const at = uapi.pciHotResetInfo.size + number * uapi.pciDependentDevice.size;
    uapi.pciDependentDevice.encode(argument.subarray(at), { group_id: 4 + number, segment: 1, bus: 2, devfn });
  }
  return 0;
}

let asked: FakeDevice;

beforeEach(() => {
  asked = new FakeDevice();
});

/** Holds a conversation in both ways; they are the same, to the byte. */
async function ask<T>(request: () => Conversation<T>): Promise<T> {
  const blocking = new FakeDevice();
  const [awaited, blocked] = [await converse(asked, request()), converseSync(blocking, request())];
  expect(blocked).toEqual(awaited);
  expect(blocking.seen.map(({ command, argument }) => [command, [...argument]])).toEqual(
    asked.seen.map(({ command, argument }) => [command, [...argument]]),
  );
  return awaited;
}

describe('what every device is asked', () => {
  test('infos, with capabilities decoded', async () => {
    expect(await ask(() => device.deviceInfoRequest())).toEqual({ flags: 2, regions: 9, irqs: 2, capabilities: [] });
    asked = new FakeDevice();
    expect(await ask(() => device.regionInfoRequest(0))).toMatchObject({
      index: 0,
      flags: 1,
      size: 16384,
      offset: 0,
      areas: undefined,
      type: undefined,
      msixMappable: false,
    });
    expect(asked.seen.length).toBe(1);
    asked = new FakeDevice();
    expect(await ask(() => device.regionInfoRequest(1))).toMatchObject({
      flags: 9,
      offset: 2 ** 40,
      areas: [
        { offset: 0, size: 4096 },
        { offset: 8192, size: 4096 },
      ],
      type: { type: 2, subtype: 3 },
      msixMappable: true,
    });
    expect(asked.seen.map(({ argument }) => argument.length)).toEqual([32, 32 + 48 + 16 + 8]);
    asked = new FakeDevice();
    expect(await ask(() => device.irqInfoRequest(1))).toEqual({ index: 1, flags: 1, count: 3 });
  });

  test('an errno of the device is thrown by both faces', async () => {
    await expect(converse(asked, device.regionInfoRequest(7))).rejects.toMatchObject({ code: 'EINVAL' });
    expect(() => converseSync(asked, device.regionInfoRequest(7))).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  });

  test('interrupts are bound by counters, chosen by booleans, disabled by a count of 0', async () => {
    const [one, two] = [InterruptCounter.create(), InterruptCounter.create()];
    const set = (request: Parameters<typeof device.setIrqsRequest>[0]) =>
      converse(asked, device.setIrqsRequest(request));
    await set({ index: 1, action: 'trigger', counters: [one, undefined, two] });
    await set({ index: 1, action: 'trigger', values: [true, true, false] });
    await set({ index: 1, start: 2, action: 'trigger', count: 1 });
    expect([one.take(), two.take()]).toEqual([1, 1]);
    await set({ index: 1, action: 'trigger', count: 0 });
    expect(asked.interrupts.line(1, 2).bound).toBe(false);
    await set({ index: 0, action: 'mask', values: [true] });
    expect(asked.interrupts.line(0).masked).toBe(true);
    await set({ index: 0, action: 'unmask', count: 1 });
    expect(asked.interrupts.line(0).masked).toBe(false);
    await expect(set({ index: 1, action: 'mask', count: 1 })).rejects.toMatchObject({ code: 'ENOTTY' });
  });

  test('reset has no argument', async () => {
    await ask(() => device.resetRequest());
    expect(asked.seen).toMatchObject([{ command: uapi.DEVICE_RESET, argument: new Uint8Array(0) }]);
  });
});

describe('features', () => {
  test('are probed without an error', async () => {
    const { migration, busMaster } = uapi.FEATURES;
    expect(await ask(() => feature.probeFeatureRequest(migration, 'get'))).toBe(true);
    expect(await converse(asked, feature.probeFeatureRequest(migration, 'set'))).toBe(false);
    expect(await converse(asked, feature.probeFeatureRequest(busMaster, 'set'))).toBe(false);
  });

  test('of migration', async () => {
    expect(await ask(() => feature.migrationFlagsRequest())).toBe(7);
    asked = new FakeDevice();
    expect(await ask(() => feature.migrationStateRequest())).toBe(uapi.MIGRATION_STATES.preCopy);
    asked = new FakeDevice();
    expect(await ask(() => feature.setMigrationStateRequest(uapi.MIGRATION_STATES.stopCopy))).toBe(41);
    asked = new FakeDevice();
    expect(await ask(() => feature.setMigrationStateRequest(uapi.MIGRATION_STATES.stop))).toBeUndefined();
    asked = new FakeDevice();
    expect(await ask(() => feature.migrationDataSizeRequest())).toBe(60);
    asked = new FakeDevice();
    expect(await ask(() => feature.precopyInfoRequest())).toEqual({ initialBytes: 5, dirtyBytes: 6 });
  });

  test('of DMA logging: ranges and bitmap are memory that is passed', async () => {
    const range = { iova: 0x10000n, length: 0x10000n };
    expect(await ask(() => feature.startDmaLoggingRequest([range], 4096n))).toBe(4096n);
    asked = new FakeDevice();
    const two = [range, { iova: 0n, length: 4096n }];
    expect(await ask(() => feature.startDmaLoggingRequest(two, 4096n))).toBe(8192n);
    asked = new FakeDevice();
    expect([...(await ask(() => feature.reportDmaLoggingRequest(range, 4096n)))]).toEqual([2, 0, 0, 0, 0, 0, 0, 0]);
    asked = new FakeDevice();
    await ask(() => feature.stopDmaLoggingRequest());
    const huge = () => converse(asked, feature.reportDmaLoggingRequest(range, 0n));
    await expect(huge()).rejects.toMatchObject({ code: 'EINVAL' });
  });
});

describe('displays and PCI', () => {
  test('planes and dma-bufs', async () => {
    await ask(() => gfx.probeGfxPlaneRequest('region'));
    expect(uapi.gfxPlaneInfo.decode(asked.seen[0]?.argument as Uint8Array).flags).toBe(5);
    asked = new FakeDevice();
    expect(await ask(() => gfx.gfxPlaneRequest('dmabuf'))).toMatchObject({ width: 640, height: 480, region_index: 7 });
    await expect(converse(asked, gfx.gfxPlaneRequest('dmabuf', 2))).rejects.toMatchObject({ code: 'EINVAL' });
    asked = new FakeDevice();
    expect(await ask(() => gfx.gfxDmaBufRequest(3))).toBe(103);
  });

  test('what a hot reset affects is asked again with room for it', async () => {
    expect(await ask(() => pci.hotResetInfoRequest())).toEqual({
      flags: 0,
      devices: [
        { group: 4, segment: 1, bus: 2, slot: 1, function: 0 },
        { group: 5, segment: 1, bus: 2, slot: 1, function: 2 },
      ],
    });
    expect(asked.seen.map(({ argument }) => argument.length)).toEqual([12, 28]);
  });

  test('a hot reset passes the files of groups by the numbers in its argument', async () => {
    const groups: PassedFile[] = [
      { kind: 'group', file: 9, group: 4 },
      { kind: 'group', file: 8, group: 5 },
    ];
    await ask(() => pci.hotResetRequest(groups.map((passed) => ({ passed }))));
    const { argument, files } = asked.seen[0] as FakeDevice['seen'][number];
    expect(uapi.pciHotReset.decode(argument)).toEqual({ argsz: 20, flags: 0, count: 2 });
    expect([...new Int32Array(argument.slice(12).buffer)].map((descriptor) => files?.get(descriptor))).toEqual(groups);
  });

  test('ioeventfd: width by its flag, -1 without a counter', async () => {
    const counter = InterruptCounter.create();
    await ask(() => pci.ioeventfdRequest({ position: 2 ** 40 + 8, data: 7n, bytes: 4, counter }));
    const { argument, files } = asked.seen[0] as FakeDevice['seen'][number];
    const expected = { argsz: 32, flags: 4, offset: 2n ** 40n + 8n, data: 7n, fd: 0 };
    expect(uapi.ioeventfd.decode(argument)).toMatchObject(expected);
    expect(files?.get(0)).toEqual(counter.passed);
    asked = new FakeDevice();
    await ask(() => pci.ioeventfdRequest({ position: 0, data: 7n, bytes: 8, counter: undefined }));
    expect(uapi.ioeventfd.decode(asked.seen[0]?.argument as Uint8Array)).toMatchObject({ flags: 8, fd: -1 });
  });
});

test('memory is found by its address, whole or not at all', () => {
  const memory = new SharedArrayBuffer(64);
  const files: PassedFiles = new Map<number, PassedFile>([
    [3, InterruptCounter.create().passed],
    [0x1000, { kind: 'memory', memory, offset: 16, length: 32 }],
  ]);
  new Uint8Array(memory)[20] = 7;
  expect([...findMemory(files, 0x1004n, 2n)]).toEqual([7, 0]);
  expect(findMemory(files, 0x1000n, 32n).length).toBe(32);
  expect(findMemory(files, 0n, 0n).length).toBe(0);
  for (const [address, length] of [
    [0x1000n, 33n],
    [0xfffn, 2n],
    [0x101fn, 2n],
    [2n ** 64n - 1n, 2n],
    [3n, 1n],
  ] as const) {
    expect(() => findMemory(files, address, length)).toThrow(expect.objectContaining({ code: 'EFAULT' }));
  }
});
