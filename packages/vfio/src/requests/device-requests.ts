/** What every device is asked: its infos, its interrupts, to reset (spec/vfio-core sections 14 to 16). */
import type { InterruptCounter } from '../interrupt-counter.js';
import type { IrqAction } from '../irqs/irq-set.js';
import type { PassedFile } from '../passed-file.js';
import { type Capability, readCapabilities } from '../uapi/capability-chain.js';
import { DEVICE_GET_INFO, DEVICE_RESET, deviceInfo } from '../uapi/device.js';
import { DEVICE_GET_IRQ_INFO, DEVICE_SET_IRQS, IRQ_SET_FLAGS, irqInfo, irqSet } from '../uapi/irq.js';
import {
  DEVICE_GET_REGION_INFO,
  REGION_CAPABILITIES,
  regionInfo,
  regionSparseMmapArea,
  regionSparseMmapCapability,
} from '../uapi/region.js';
import { regionTypeCapability } from '../uapi/gfx.js';
import type { Struct } from '../uapi/struct.js';
import type { Conversation } from './conversation.js';

/** What a device is. */
export interface DeviceInfo {
  /** `DEVICE_FLAGS`. */
  readonly flags: number;
  /** How many region and interrupt indexes there are. */
  readonly regions: number;
  readonly irqs: number;
  readonly capabilities: readonly Capability[];
}

/** A region. Sizes and offsets are in bytes. */
export interface RegionInfo {
  readonly index: number;
  /** `REGION_FLAGS`. */
  readonly flags: number;
  readonly size: number;
  /** Where it begins in the device's file. */
  readonly offset: number;
  /** What of it can be mapped, when that is not all. */
  readonly areas: readonly { readonly offset: number; readonly size: number }[] | undefined;
  /** What it is, when that is not told by its index. */
  readonly type: { readonly type: number; readonly subtype: number } | undefined;
  /** The MSI-X table can be mapped too. */
  readonly msixMappable: boolean;
  readonly capabilities: readonly Capability[];
}

/** An interrupt index. */
export interface IrqInfo {
  readonly index: number;
  /** `IRQ_INFO_FLAGS`. */
  readonly flags: number;
  readonly count: number;
}

/** Interrupts of an index from `start` (default 0) on, and what is done with them. */
export type IrqRequest = {
  readonly index: number;
  readonly start?: number;
  readonly action: IrqAction;
} & (
  | {
      /** That many; 0 with `trigger` disables the index. */
      readonly count: number;
    }
  | {
      /** Those that are true. */
      readonly values: readonly boolean[];
    }
  | {
      /** With `trigger`: signal these; undefined: none. With the others: the device acts when they are signalled. */
      readonly counters: readonly (InterruptCounter | undefined)[];
    }
);

export function* deviceInfoRequest(): Conversation<DeviceInfo> {
  const answer = yield* infoRequest(DEVICE_GET_INFO, deviceInfo, {});
  const { flags, num_regions: regions, num_irqs: irqs, cap_offset: chain } = deviceInfo.decode(answer);
  return { flags, regions, irqs, capabilities: readCapabilities(answer, answer.length > deviceInfo.size ? chain : 0) };
}

export function* regionInfoRequest(index: number): Conversation<RegionInfo> {
  const answer = yield* infoRequest(DEVICE_GET_REGION_INFO, regionInfo, { index });
  const { flags, size, offset, cap_offset: chain } = regionInfo.decode(answer);
  const capabilities = readCapabilities(answer, answer.length > regionInfo.size ? chain : 0);
  const find = (id: number) => capabilities.find((capability) => capability.id === id)?.bytes;
  const sparse = find(REGION_CAPABILITIES.sparseMmap);
  const type = find(REGION_CAPABILITIES.type);
  return {
    index,
    flags,
    size: Number(size),
    offset: Number(offset),
    areas: sparse === undefined ? undefined : areasOf(sparse),
    type: type === undefined ? undefined : typeOf(type),
    msixMappable: find(REGION_CAPABILITIES.msixMappable) !== undefined,
    capabilities,
  };
}

export function* irqInfoRequest(index: number): Conversation<IrqInfo> {
  const argument = irqInfo.bytes({ argsz: irqInfo.size, index });
  yield { command: DEVICE_GET_IRQ_INFO, argument };
  const { flags, count } = irqInfo.decode(argument);
  return { index, flags, count };
}

export function* setIrqsRequest(request: IrqRequest): Conversation<void> {
  const { index, start = 0, action } = request;
  const files = new Map<number, PassedFile>();
  let count: number;
  let flags: number = IRQ_SET_FLAGS[action];
  let data = new Uint8Array(0);
  if ('counters' in request) {
    const descriptors = request.counters.map((counter, number) => {
      if (counter === undefined) return -1;
      files.set(number, counter.passed);
      return number;
    });
    data = new Uint8Array(Int32Array.from(descriptors).buffer);
    count = descriptors.length;
    flags |= IRQ_SET_FLAGS.dataEventfd;
  } else if ('values' in request) {
    data = Uint8Array.from(request.values, Number);
    count = data.length;
    flags |= IRQ_SET_FLAGS.dataBool;
  } else {
    count = request.count;
    flags |= IRQ_SET_FLAGS.dataNone;
  }
  const argsz = irqSet.size + data.length;
  const argument = irqSet.bytes({ argsz, flags, index, start, count }, argsz);
  argument.set(data, irqSet.size);
  yield { command: DEVICE_SET_IRQS, argument, files };
}

export function* resetRequest(): Conversation<void> {
  yield { command: DEVICE_RESET, argument: new Uint8Array(0) };
}

/** Asks for an info, and once more if its capabilities need more room. Returns the answer. */
function* infoRequest<V extends { argsz: number }>(
  command: number,
  struct: Struct<V>,
  values: Partial<V>,
): Conversation<Uint8Array> {
  const first = struct.bytes({ ...values, argsz: struct.size });
  yield { command, argument: first };
  const { argsz } = struct.decode(first);
  if (argsz <= struct.size) return first;
  const second = struct.bytes({ ...values, argsz }, argsz);
  yield { command, argument: second };
  return second;
}

function areasOf(capability: Uint8Array): { offset: number; size: number }[] {
  const { nr_areas: count } = regionSparseMmapCapability.decode(capability);
  const { size: each } = regionSparseMmapArea;
  const room = Math.floor((capability.length - regionSparseMmapCapability.size) / each);
  return Array.from({ length: Math.min(count, room) }, (_, number) => {
    const at = regionSparseMmapCapability.size + number * each;
    const { offset, size } = regionSparseMmapArea.decode(capability.subarray(at));
    return { offset: Number(offset), size: Number(size) };
  });
}

function typeOf(capability: Uint8Array): { type: number; subtype: number } {
  const { type, subtype } = regionTypeCapability.decode(capability);
  return { type, subtype };
}
