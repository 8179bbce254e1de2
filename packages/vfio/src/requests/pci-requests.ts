/** What PCI devices are asked beside the common: hot reset, ioeventfd (spec/pci sections 7 and 10). */
import { isMediatedError } from '@mediated/core';
import type { InterruptCounter } from '../interrupt-counter.js';
import type { PassableFile } from '../passed-file.js';
import {
  DEVICE_GET_PCI_HOT_RESET_INFO,
  DEVICE_IOEVENTFD,
  DEVICE_PCI_HOT_RESET,
  IOEVENTFD_FLAGS,
  ioeventfd,
  pciDependentDevice,
  pciHotReset,
  pciHotResetInfo,
} from '../uapi/pci.js';
import type { Conversation } from './conversation.js';

/** A device that a hot reset would reset. */
export interface DependentDevice {
  /** Its group's number; its devid where `HOT_RESET_INFO_FLAGS.devId` is set. */
  readonly group: number;
  readonly segment: number;
  readonly bus: number;
  readonly slot: number;
  readonly function: number;
}

/** What a hot reset affects. */
export interface HotResetInfo {
  /** `HOT_RESET_INFO_FLAGS`. */
  readonly flags: number;
  readonly devices: readonly DependentDevice[];
}

/** A write of the device's own registers that the device makes when a counter is signalled. */
export interface IoeventfdRequest {
  /** Of the device's file. */
  readonly position: number;
  readonly data: bigint;
  readonly bytes: 1 | 2 | 4 | 8;
  /** Undefined: no longer. */
  readonly counter: InterruptCounter | undefined;
}

const WIDTHS = {
  1: IOEVENTFD_FLAGS.bits8,
  2: IOEVENTFD_FLAGS.bits16,
  4: IOEVENTFD_FLAGS.bits32,
  8: IOEVENTFD_FLAGS.bits64,
} as const;

export function* hotResetInfoRequest(): Conversation<HotResetInfo> {
  let room = 0;
  for (;;) {
    const argsz = pciHotResetInfo.size + room * pciDependentDevice.size;
    const argument = pciHotResetInfo.bytes({ argsz }, argsz);
    try {
      yield { command: DEVICE_GET_PCI_HOT_RESET_INFO, argument };
      return decodeHotResetInfo(argument);
    } catch (error) {
      const { count } = pciHotResetInfo.decode(argument);
      if (!isMediatedError(error, 'ENOSPC') || count <= room) throw error;
      room = count;
    }
  }
}

/** `groups`: the files of the groups that the reset affects. */
export function* hotResetRequest(groups: readonly PassableFile[]): Conversation<void> {
  const argsz = pciHotReset.size + groups.length * Int32Array.BYTES_PER_ELEMENT;
  const argument = pciHotReset.bytes({ argsz, count: groups.length }, argsz);
  argument.set(new Uint8Array(Int32Array.from(groups.keys()).buffer), pciHotReset.size);
  yield {
    command: DEVICE_PCI_HOT_RESET,
    argument,
    files: new Map(groups.map(({ passed }, number) => [number, passed])),
  };
}

export function* ioeventfdRequest({ position, data, bytes, counter }: IoeventfdRequest): Conversation<void> {
  const argument = ioeventfd.bytes({
    argsz: ioeventfd.size,
    flags: WIDTHS[bytes],
    offset: BigInt(position),
    data,
    fd: counter === undefined ? -1 : 0,
  });
  yield {
    command: DEVICE_IOEVENTFD,
    argument,
    ...(counter === undefined ? {} : { files: new Map([[0, counter.passed]]) }),
  };
}

function decodeHotResetInfo(answer: Uint8Array): HotResetInfo {
  const { flags, count } = pciHotResetInfo.decode(answer);
  const devices = Array.from({ length: count }, (_, number) => {
    const at = pciHotResetInfo.size + number * pciDependentDevice.size;
    const { group_id: group, segment, bus, devfn } = pciDependentDevice.decode(answer.subarray(at));
    return { group, segment, bus, slot: devfn >> 3, function: devfn & 7 };
  });
  return { flags, devices };
}
