/**
 * The ioctls of an open PCI function but for those that concern its whole bus (spec/pci sections 4 to 7.1 and 9). On the
 * function's thread; the arguments are bytes as in linux/vfio.h.
 */
import { MediatedError } from '@mediated/core';
import { checkFeature } from '../features/check-feature.js';
import { readIrqSet } from '../irqs/irq-set.js';
import type { MapAccess, MappedMemory } from '../mapped-memory.js';
import type { IoctlCall } from '../operations.js';
import { readArgument } from '../uapi/argument.js';
import { capabilityHeader, encodeWithCapabilities } from '../uapi/capability-chain.js';
import { DEVICE_FLAGS, DEVICE_GET_INFO, DEVICE_INFO_BYTES, DEVICE_RESET, deviceInfo } from '../uapi/device.js';
import { FEATURE_FLAGS, FEATURES } from '../uapi/feature.js';
import { DEVICE_GET_IRQ_INFO, DEVICE_SET_IRQS, IRQ_INFO_BYTES, irqInfo } from '../uapi/irq.js';
import { DEVICE_IOEVENTFD, PCI_IRQS, PCI_REGIONS } from '../uapi/pci.js';
import {
  DEVICE_GET_REGION_INFO,
  REGION_CAPABILITIES,
  REGION_FLAGS,
  REGION_INFO_BYTES,
  REGION_OFFSET_BITS,
  regionInfo,
} from '../uapi/region.js';
import { type Bar, VGA_BYTES } from './bar-access.js';
import { recordAt } from './guard-words.js';
import type { PciDevice } from './pci-device.js';
import { GET_MEMORY_GUARD, memoryGuard } from './region-mapping.js';

const { read, write, mmap } = REGION_FLAGS;

type Result = number | undefined | Promise<number | undefined>;

/** Serves a command; undefined when it is none of these. */
export function serveIoctl(
  pci: PciDevice,
  command: number,
  argument: Uint8Array,
  call: IoctlCall,
): { readonly result: Result } | undefined {
  switch (command) {
    case DEVICE_GET_INFO:
      return { result: getInfo(pci, argument) };
    case DEVICE_GET_REGION_INFO:
      return { result: getRegionInfo(pci, argument) };
    case DEVICE_GET_IRQ_INFO:
      return { result: getIrqInfo(pci, argument) };
    case DEVICE_SET_IRQS: {
      const { interrupts } = pci;
      const set = readIrqSet(argument, PCI_IRQS.count, (index) => interrupts.countOf(index));
      return { result: interrupts.set(set, call) };
    }
    case DEVICE_RESET:
      return { result: pci.resetFunction() };
    case DEVICE_IOEVENTFD:
      return { result: pci.ioeventfds.set(argument, call) };
    case GET_MEMORY_GUARD: {
      const { at, generation } = pci.guard;
      memoryGuard.encode(argument, { record: recordAt(at), generation });
      return { result: undefined };
    }
    default:
      return undefined;
  }
}

/** Features of every PCI function: its low-power state. ENOTTY: the feature is another. */
export function serveLowPower(
  pci: PciDevice,
  feature: number,
  flags: number,
  data: Uint8Array,
  call: IoctlCall,
): void | Promise<void> {
  switch (feature) {
    case FEATURES.lowPowerEntry:
      if (checkFeature(flags, data.length, FEATURE_FLAGS.set, 0)) return pci.enterLowPower(undefined);
      return;
    case FEATURES.lowPowerEntryWithWakeup: {
      if (!checkFeature(flags, data.length, FEATURE_FLAGS.set, 8)) return;
      const descriptor = new DataView(data.buffer, data.byteOffset).getInt32(0, true);
      if (descriptor < 0) throw invalid(`${descriptor} is no descriptor`);
      return pci.enterLowPower(call.eventfd(descriptor));
    }
    case FEATURES.lowPowerExit:
      if (checkFeature(flags, data.length, FEATURE_FLAGS.set, 0)) return pci.exitLowPower(false);
      return;
    default:
      throw new MediatedError('ENOTTY', `${pci.name} has no feature ${feature}`, { syscall: 'ioctl' });
  }
}

/** Whether a program may map a BAR. */
function isMappable({ spec }: Bar): boolean {
  return spec.kind !== 'io' && (spec.mmap ?? !spec.registers);
}

/** Checks a mapping (section 5.2) and gives its memory. EINVAL. */
export function mapBar(
  pci: PciDevice,
  index: number,
  offset: number,
  length: number,
  access: Required<MapAccess>,
): MappedMemory {
  const bar = pci.bars[index];
  if (bar === undefined || !isMappable(bar)) throw invalid(`region ${index} cannot be mapped`);
  if (!access.shared) throw invalid('there are no private mappings');
  const size = bar.memory.byteLength;
  if (offset + length > size) throw invalid(`region ${index} has ${size} bytes to map`);
  return new Uint8Array(bar.memory, offset, length);
}

function getInfo(pci: PciDevice, argument: Uint8Array): undefined {
  readArgument(deviceInfo, argument, DEVICE_INFO_BYTES);
  const flags = DEVICE_FLAGS.pci | (pci.resetWorks ? DEVICE_FLAGS.reset : 0);
  const values = { flags, num_regions: PCI_REGIONS.count, num_irqs: PCI_IRQS.count };
  encodeWithCapabilities(deviceInfo, argument, values, [], DEVICE_FLAGS.caps);
  return undefined;
}

function getRegionInfo(pci: PciDevice, argument: Uint8Array): undefined {
  const { index } = readArgument(regionInfo, argument, REGION_INFO_BYTES);
  const { flags, size, capabilities = [] } = describeRegion(pci, index);
  const values = { flags, size: BigInt(size), offset: BigInt(index) << BigInt(REGION_OFFSET_BITS) };
  encodeWithCapabilities(regionInfo, argument, values, capabilities, REGION_FLAGS.caps);
  return undefined;
}

function describeRegion(
  pci: PciDevice,
  index: number,
): { flags: number; size: number; capabilities?: readonly Uint8Array[] } {
  const { rom } = pci.spec;
  switch (index) {
    case PCI_REGIONS.config:
      return { flags: read | write, size: pci.config.size };
    case PCI_REGIONS.rom:
      return rom?.image === undefined ? { flags: 0, size: 0 } : { flags: read, size: rom.size };
    case PCI_REGIONS.vga:
      if (pci.vga === undefined) throw invalid(`${pci.name} is no VGA`);
      return { flags: read | write, size: VGA_BYTES };
    default: {
      if (index >= PCI_REGIONS.count) throw invalid(`there is no region ${index}`);
      const bar = pci.bars[index];
      if (bar === undefined) return { flags: 0, size: 0 };
      const mappable = isMappable(bar);
      const table = mappable && bar.hidden !== undefined;
      const capability = capabilityHeader.bytes({ id: REGION_CAPABILITIES.msixMappable, version: 1 });
      return {
        flags: read | write | (mappable ? mmap : 0),
        size: bar.spec.size,
        capabilities: table ? [capability] : [],
      };
    }
  }
}

function getIrqInfo(pci: PciDevice, argument: Uint8Array): undefined {
  const { index } = readArgument(irqInfo, argument, IRQ_INFO_BYTES);
  const flags = pci.interrupts.flagsOf(index);
  irqInfo.encode(argument, { flags, count: pci.interrupts.countOf(index) });
  return undefined;
}

function invalid(message: string): MediatedError {
  return new MediatedError('EINVAL', message, { syscall: 'ioctl' });
}
