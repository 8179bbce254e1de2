/** The ioctls of a device's file (ccw sections 4 and 6). Called by the driver's `ioctl`. */
import { MediatedError } from '@mediated/core';
import { type IoctlCall, readIrqSet } from '@mediated/vfio';
import {
  DEVICE_FLAGS,
  DEVICE_GET_INFO,
  DEVICE_GET_IRQ_INFO,
  DEVICE_GET_REGION_INFO,
  DEVICE_INFO_BYTES,
  DEVICE_RESET,
  DEVICE_SET_IRQS,
  deviceInfo,
  encodeWithCapabilities,
  IRQ_INFO_BYTES,
  IRQ_INFO_FLAGS,
  IRQ_SET_BYTES,
  irqInfo,
  REGION_CAPABILITIES,
  REGION_FLAGS,
  REGION_INFO_BYTES,
  REGION_TYPES,
  readArgument,
  regionInfo,
  regionTypeCapability,
} from '@mediated/vfio/uapi';
import { IRQ_COUNT } from './interrupts.js';
import { resetDevice } from './life.js';
import type { CcwPrivate } from './private.js';
import { REGION_SHIFT, REGIONS } from './regions.js';

/** Errors: ENOTTY (no such command), EFAULT, EINVAL. */
export function ioctl(
  device: CcwPrivate,
  command: number,
  argument: Uint8Array,
  call: IoctlCall,
): undefined | Promise<undefined> {
  switch (command) {
    case DEVICE_GET_INFO:
      return getInfo(device, argument);
    case DEVICE_GET_REGION_INFO:
      return getRegionInfo(device, argument);
    case DEVICE_GET_IRQ_INFO:
      return getIrqInfo(argument);
    case DEVICE_SET_IRQS:
      return setIrqs(device, argument, call);
    case DEVICE_RESET:
      return resetDevice(device).then(() => undefined);
    default:
      throw new MediatedError('ENOTTY', `no command 0x${command.toString(16)}`, { syscall: 'ioctl' });
  }
}

function getInfo({ regionCount }: CcwPrivate, argument: Uint8Array): undefined {
  readArgument(deviceInfo, argument, DEVICE_INFO_BYTES);
  const values = { flags: DEVICE_FLAGS.ccw | DEVICE_FLAGS.reset, num_regions: regionCount, num_irqs: IRQ_COUNT };
  deviceInfo.encode(argument, values);
}

/** The regions besides the first say what they are by a capability. */
function getRegionInfo({ regionCount }: CcwPrivate, argument: Uint8Array): undefined {
  const { index } = readArgument(regionInfo, argument, REGION_INFO_BYTES);
  if (index >= regionCount) throw invalid(`there is no region ${index}`);
  const { bytes, writable, subtype } = REGIONS[index];
  const flags = writable ? REGION_FLAGS.read | REGION_FLAGS.write : REGION_FLAGS.read;
  const values = { flags, size: BigInt(bytes), offset: BigInt(index << REGION_SHIFT) };
  const type = { id: REGION_CAPABILITIES.type, version: 1, type: REGION_TYPES.ccw };
  const chain = subtype === undefined ? [] : [regionTypeCapability.bytes({ ...type, subtype })];
  encodeWithCapabilities(regionInfo, argument, values, chain, REGION_FLAGS.caps);
}

function getIrqInfo(argument: Uint8Array): undefined {
  const { index } = readArgument(irqInfo, argument, IRQ_INFO_BYTES);
  if (index >= IRQ_COUNT) throw invalid(`there is no interrupt ${index}`);
  irqInfo.encode(argument, { flags: IRQ_INFO_FLAGS.eventfd, count: 1 });
}

function setIrqs({ interrupts }: CcwPrivate, argument: Uint8Array, call: IoctlCall): undefined {
  const { index, kind, action } = readIrqSet(argument, IRQ_COUNT, () => 1);
  interrupts.set(index, kind, action, argument.subarray(IRQ_SET_BYTES), call);
}

function invalid(message: string): MediatedError {
  return new MediatedError('EINVAL', message, { syscall: 'ioctl' });
}
