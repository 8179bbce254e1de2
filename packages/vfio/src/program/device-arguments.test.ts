/** Where descriptors and addresses stand in arguments, however short or odd these are. */
import {
  DEVICE_BIND_IOMMUFD,
  DEVICE_FEATURE,
  DEVICE_GET_GFX_DMABUF,
  DEVICE_GET_INFO,
  DEVICE_IOEVENTFD,
  DEVICE_PCI_HOT_RESET,
  DEVICE_SET_IRQS,
  FEATURES,
  ioeventfd,
  irqSet,
  pciHotReset,
} from '@mediated/vfio/uapi';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { answersFile, fileInAnswer, namedBy } from '#dist/program/device-arguments.js';

const SET = 0x20000;
const GET = 0x10000;
const PROBE = 0x40000;

function words(...values: number[]): Uint8Array {
  return new Uint8Array(Int32Array.from(values).buffer);
}

function feature(index: number, flags: number, data: Uint8Array): Uint8Array {
  return Buffer.concat([words(8 + data.length, index | flags), data]);
}

test('SET_IRQS names the eventfds behind its header, if its data are such', () => {
  const argument = (flags: number, count: number) =>
    Buffer.concat([irqSet.bytes({ argsz: 32, flags, count }), words(5, -1, 7)]);
  expect(namedBy(DEVICE_SET_IRQS, argument(0x24, 3)).descriptors).toEqual([5, -1, 7]);
  expect(namedBy(DEVICE_SET_IRQS, argument(0x24, 2)).descriptors).toEqual([5, -1]);
  expect(namedBy(DEVICE_SET_IRQS, argument(0x24, 0xffffffff)).descriptors).toEqual([5, -1, 7]);
  expect(namedBy(DEVICE_SET_IRQS, argument(0x22, 3)).descriptors).toEqual([]);
});

test('HOT_RESET, IOEVENTFD, BIND and the low-power feature name theirs', () => {
  const reset = Buffer.concat([pciHotReset.bytes({ argsz: 20, count: 2 }), words(8, 9)]);
  expect(namedBy(DEVICE_PCI_HOT_RESET, reset).descriptors).toEqual([8, 9]);
  expect(namedBy(DEVICE_IOEVENTFD, ioeventfd.bytes({ argsz: 32, fd: 4 })).descriptors).toEqual([4]);
  expect(namedBy(DEVICE_BIND_IOMMUFD, words(16, 0, 6, 0)).descriptors).toEqual([6]);
  const sleep = feature(FEATURES.lowPowerEntryWithWakeup, SET, words(11, 0));
  expect(namedBy(DEVICE_FEATURE, sleep).descriptors).toEqual([11]);
});

test('DMA logging names the memory of its ranges and of its bitmap', () => {
  const start = new Uint8Array(24);
  const view = new DataView(start.buffer);
  view.setUint32(8, 3, true);
  view.setBigUint64(16, 0x7000n, true);
  const memory = namedBy(DEVICE_FEATURE, feature(FEATURES.dmaLoggingStart, SET, start)).memory;
  expect(memory).toEqual([{ address: 0x7000n, length: 48n }]);
  const report = new Uint8Array(32);
  const fields = new DataView(report.buffer);
  for (const [at, value] of [
    [8, 65n * 4096n],
    [16, 4096n],
    [24, 0x9000n],
  ] as const) {
    fields.setBigUint64(at, value, true);
  }
  const bitmap = namedBy(DEVICE_FEATURE, feature(FEATURES.dmaLoggingReport, GET, report)).memory;
  expect(bitmap).toEqual([{ address: 0x9000n, length: 16n }]);
});

describe('files that come back', () => {
  test('a dma-buf is the result, migration data stand in the argument', () => {
    expect(answersFile(DEVICE_GET_GFX_DMABUF)).toBe(true);
    expect(answersFile(DEVICE_FEATURE)).toBe(false);
    expect(fileInAnswer(DEVICE_FEATURE, feature(FEATURES.migDeviceState, SET, words(1, 0)))).toBe(12);
    for (const argument of [
      feature(FEATURES.migDeviceState, GET, words(1, 0)),
      feature(FEATURES.migDeviceState, SET | PROBE, words(1, 0)),
      feature(FEATURES.migDeviceState, SET, words(1)),
      feature(FEATURES.migration, SET, words(1, 0)),
    ]) {
      expect(fileInAnswer(DEVICE_FEATURE, argument)).toBeUndefined();
    }
  });
});

test('any bytes for any command name something, or nothing, and no more than there is', () => {
  const commands = [
    DEVICE_SET_IRQS,
    DEVICE_PCI_HOT_RESET,
    DEVICE_IOEVENTFD,
    DEVICE_BIND_IOMMUFD,
    DEVICE_FEATURE,
    DEVICE_GET_INFO,
  ];
  fc.assert(
    fc.property(fc.constantFrom(...commands), fc.uint8Array({ maxLength: 60 }), (command, argument) => {
      const { descriptors, memory } = namedBy(command, argument);
      expect(descriptors.length * 4).toBeLessThanOrEqual(argument.length);
      expect(memory.length).toBeLessThanOrEqual(1);
      fileInAnswer(command, argument);
    }),
  );
});
