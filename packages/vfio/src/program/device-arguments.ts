/**
 * Where descriptors and addresses stand in the arguments of a device's ioctls: what a program must pass with them, and
 * what comes back as a number that is to become a descriptor (spec/vfio-core section 21). Pure; used by `descriptors.ts`.
 * An argument that is too short names nothing: the device answers EFAULT or EINVAL as it finds it.
 */
import { DEVICE_FEATURE, DEVICE_FEATURE_BYTES, FEATURE_FLAGS, FEATURE_INDEX_MASK, FEATURES } from '../uapi/feature.js';
import { DEVICE_GET_GFX_DMABUF } from '../uapi/gfx.js';
import { bindIommufd, DEVICE_BIND_IOMMUFD } from '../uapi/iommufd.js';
import { DEVICE_SET_IRQS, IRQ_SET_BYTES, IRQ_SET_FLAGS, irqSet } from '../uapi/irq.js';
import { dmaLoggingControl, dmaLoggingRange, dmaLoggingReport, MAX_LOGGING_RANGES } from '../uapi/logging.js';
import { DEVICE_IOEVENTFD, DEVICE_PCI_HOT_RESET, ioeventfd, pciHotReset } from '../uapi/pci.js';

/** A piece of the program's memory. */
export interface NamedMemory {
  readonly address: bigint;
  readonly length: bigint;
}

/** What an argument names. */
export interface Named {
  readonly descriptors: readonly number[];
  readonly memory: readonly NamedMemory[];
}

const NOTHING: Named = { descriptors: [], memory: [] };
const DESCRIPTOR_BYTES = 4;
/** The largest bitmap that is of any use. */
const BITS_PER_WORD = 64n;

/** What the argument of a command on a device names. */
export function namedBy(command: number, argument: Uint8Array): Named {
  switch (command) {
    case DEVICE_SET_IRQS: {
      const { flags, count } = irqSet.decode(argument);
      if ((flags & IRQ_SET_FLAGS.dataEventfd) === 0) return NOTHING;
      return descriptors(listAt(argument, IRQ_SET_BYTES, count));
    }
    case DEVICE_PCI_HOT_RESET:
      return descriptors(listAt(argument, pciHotReset.size, pciHotReset.decode(argument).count));
    case DEVICE_IOEVENTFD:
      return argument.length < ioeventfd.size ? NOTHING : descriptors([ioeventfd.decode(argument).fd]);
    case DEVICE_BIND_IOMMUFD:
      return argument.length < bindIommufd.size ? NOTHING : descriptors([bindIommufd.decode(argument).iommufd]);
    case DEVICE_FEATURE:
      return namedByFeature(argument);
    default:
      return NOTHING;
  }
}

/** Byte of an argument at which an answer has put the number of a new file; undefined: nowhere. */
export function fileInAnswer(command: number, argument: Uint8Array): number | undefined {
  if (command !== DEVICE_FEATURE || argument.length < DEVICE_FEATURE_BYTES + 2 * DESCRIPTOR_BYTES) return undefined;
  const flags = flagsOf(argument);
  const set = (flags & FEATURE_FLAGS.set) !== 0 && (flags & FEATURE_FLAGS.probe) === 0;
  const moves = (flags & FEATURE_INDEX_MASK) === FEATURES.migDeviceState;
  return set && moves ? DEVICE_FEATURE_BYTES + DESCRIPTOR_BYTES : undefined;
}

/** Whether the result of a command is the number of a new file. */
export function answersFile(command: number): boolean {
  return command === DEVICE_GET_GFX_DMABUF;
}

function namedByFeature(argument: Uint8Array): Named {
  if (argument.length < DEVICE_FEATURE_BYTES) return NOTHING;
  const data = argument.subarray(DEVICE_FEATURE_BYTES);
  switch (flagsOf(argument) & FEATURE_INDEX_MASK) {
    case FEATURES.lowPowerEntryWithWakeup:
      return descriptors(listAt(data, 0, 1));
    case FEATURES.dmaLoggingStart: {
      const { ranges, num_ranges: count } = dmaLoggingControl.decode(data);
      if (count === 0 || count > MAX_LOGGING_RANGES) return NOTHING;
      return { descriptors: [], memory: [{ address: ranges, length: BigInt(count * dmaLoggingRange.size) }] };
    }
    case FEATURES.dmaLoggingReport: {
      const { bitmap, length, page_size: page } = dmaLoggingReport.decode(data);
      if (page === 0n || length === 0n) return NOTHING;
      const pages = (length + page - 1n) / page;
      const words = (pages + BITS_PER_WORD - 1n) / BITS_PER_WORD;
      return { descriptors: [], memory: [{ address: bitmap, length: words * 8n }] };
    }
    default:
      return NOTHING;
  }
}

function descriptors(numbers: readonly number[]): Named {
  return { descriptors: numbers, memory: [] };
}

/** Descriptors from a byte on, as many as are there. */
function listAt(argument: Uint8Array, at: number, count: number): number[] {
  const view = new DataView(argument.buffer, argument.byteOffset, argument.length);
  const present = Math.max(0, Math.floor((argument.length - at) / DESCRIPTOR_BYTES));
  return Array.from({ length: Math.min(count, present) }, (_, i) => view.getInt32(at + i * DESCRIPTOR_BYTES, true));
}

function flagsOf(argument: Uint8Array): number {
  return new DataView(argument.buffer, argument.byteOffset).getUint32(4, true);
}
