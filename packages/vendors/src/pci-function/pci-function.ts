/**
 * A simple PCI function as a vfio device: configuration space, BARs of registers or of memory, MSI. Public, as a part of one's own
 * drivers; vgpu and sf have one for each device. Lives on the device's thread. Spec: vfio-core sections 14 to 16.
 */
import { channel } from 'node:diagnostics_channel';
import { type DriverErrorNotice, isThenable, MediatedError } from '@mediated/core';
import { DeviceInterrupts, type IoctlCall, type MapAccess, type MappedMemory, type VfioDevice } from '@mediated/vfio';
import * as uapi from '@mediated/vfio/uapi';
import { CONFIG_BYTES, ConfigSpace, type PciBar, type PciIdentity } from './config-space.js';

export type { PciBar, PciIdentity };

/** Registers behind a BAR: accesses of 1 to 8 bytes, as the program makes them; longer ones come as they are. */
export interface RegisterBar extends PciBar {
  read(offset: number, into: Uint8Array): void;
  write(offset: number, bytes: Uint8Array): void | Promise<void>;
}

/** Memory behind a BAR, which can be mapped. */
export interface MemoryBar extends PciBar {
  readonly memory: SharedArrayBuffer;
}

/** What a function is made of. */
export interface PciFunctionParts {
  readonly identity: PciIdentity;
  readonly bars: ReadonlyMap<number, RegisterBar | MemoryBar>;
  /** MSI vectors. */
  readonly vectors: number;
  /** Puts the device back as it was when it was made. */
  reset(): void;
}

/** Errors that no caller can be told. */
const driverError = channel('mediated:driver:error');

const PAGE = 4096;
const { PCI_REGIONS, PCI_IRQS, REGION_FLAGS } = uapi;

export class PciFunction {
  readonly interrupts: DeviceInterrupts;
  readonly #parts: PciFunctionParts;
  #config: ConfigSpace;

  constructor({ uuid, type }: VfioDevice<undefined>, parts: PciFunctionParts) {
    this.#parts = parts;
    this.#config = new ConfigSpace(parts.identity, parts.bars);
    const none = { count: 0 };
    const msi = { count: parts.vectors, noresize: true };
    this.interrupts = new DeviceInterrupts([none, msi, none, none, none], (error) => {
      const notice = { uuid, parent: type.parent, type: type.sysfsName, callback: 'interrupt', error };
      driverError.publish(notice satisfies DriverErrorNotice);
    });
  }

  /** Raises an MSI vector. */
  raise(vector: number): void {
    this.interrupts.raise(PCI_IRQS.msi, vector);
  }

  /** Unbinds all interrupts: the last close. */
  close(): Promise<void> {
    return this.interrupts.close();
  }

  /** Fills `into` from a position of the device's file; fewer bytes at a region's end. EINVAL: no such region. */
  read(position: number, into: Uint8Array): number {
    const { index, offset, size } = this.#region(position);
    const part = into.subarray(0, Math.max(0, Math.min(into.length, size - offset)));
    const bar = this.#parts.bars.get(index);
    if (bar === undefined) this.#config.read(offset, part);
    else if ('memory' in bar) part.set(new Uint8Array(bar.memory, offset, part.length));
    else if (part.length > 0) bar.read(offset, part);
    return part.length;
  }

  /** The counterpart of {@link read}. */
  write(position: number, bytes: Uint8Array): number | Promise<number> {
    const { index, offset, size } = this.#region(position);
    const part = bytes.subarray(0, Math.max(0, Math.min(bytes.length, size - offset)));
    const bar = this.#parts.bars.get(index);
    if (bar === undefined) this.#config.write(offset, part);
    else if ('memory' in bar) new Uint8Array(bar.memory, offset, part.length).set(part);
    else if (part.length > 0) {
      const written = bar.write(offset, part);
      if (isThenable(written)) return Promise.resolve(written).then(() => part.length);
    }
    return part.length;
  }

  /** Pages of a BAR of memory, to be mapped. EINVAL: it cannot be mapped, or not there; a private mapping. */
  mmap(position: number, length: number, { shared }: Required<MapAccess>): MappedMemory {
    const { index, offset, size } = this.#region(position);
    const bar = this.#parts.bars.get(index);
    if (bar !== undefined && 'memory' in bar && shared && offset % PAGE === 0 && offset + length <= size) {
      return new Uint8Array(bar.memory, offset, length);
    }
    const text = `${length} bytes from ${offset} of region ${index} cannot be mapped; shared pages of a BAR of memory can`;
    throw invalid('mmap', text);
  }

  /** Serves the ioctls of a PCI device. ENOTTY: any other. */
  ioctl(command: number, argument: Uint8Array, call: IoctlCall): void | Promise<void> {
    switch (command) {
      case uapi.DEVICE_GET_INFO: {
        uapi.readArgument(uapi.deviceInfo, argument, uapi.DEVICE_INFO_BYTES);
        const flags = uapi.DEVICE_FLAGS.pci | uapi.DEVICE_FLAGS.reset;
        uapi.deviceInfo.encode(argument, { flags, num_regions: PCI_REGIONS.count, num_irqs: PCI_IRQS.count });
        return;
      }
      case uapi.DEVICE_GET_REGION_INFO:
        return this.#regionInfo(argument);
      case uapi.DEVICE_GET_IRQ_INFO:
        return this.interrupts.info(argument);
      case uapi.DEVICE_SET_IRQS:
        return this.interrupts.set(argument, call);
      case uapi.DEVICE_RESET:
        this.#config = new ConfigSpace(this.#parts.identity, this.#parts.bars);
        return this.#parts.reset();
      default:
        throw new MediatedError('ENOTTY', `no command 0x${command.toString(16)}`, { syscall: 'ioctl' });
    }
  }

  #regionInfo(argument: Uint8Array): void {
    const { index } = uapi.readArgument(uapi.regionInfo, argument, uapi.REGION_INFO_BYTES);
    if (index >= PCI_REGIONS.count) throw invalid('ioctl', `no region ${index}`);
    const bar = this.#parts.bars.get(index);
    const size = index === PCI_REGIONS.config ? CONFIG_BYTES : (bar?.bytes ?? 0);
    const access = size === 0 ? 0 : REGION_FLAGS.read | REGION_FLAGS.write;
    const flags = bar !== undefined && 'memory' in bar ? access | REGION_FLAGS.mmap : access;
    uapi.regionInfo.encode(argument, { flags, size: BigInt(size), offset: BigInt(regionOffset(index)) });
  }

  #region(position: number): { index: number; offset: number; size: number } {
    const index = Math.floor(position / REGION_BYTES);
    const offset = position % REGION_BYTES;
    const size = index === PCI_REGIONS.config ? CONFIG_BYTES : this.#parts.bars.get(index)?.bytes;
    if (size === undefined) throw invalid('read', `there is nothing behind region ${index}`);
    return { index, offset, size };
  }
}

const REGION_BYTES = 2 ** uapi.REGION_OFFSET_BITS;

/** Where a region begins in the device's file. */
export function regionOffset(index: number): number {
  return index * REGION_BYTES;
}

function invalid(syscall: string, message: string): MediatedError {
  return new MediatedError('EINVAL', message, { syscall });
}
