/** An iommufd context as a client thread has it (spec/vfio-core 6.3, 6.4). */
import type { Bus } from '@mediated/core';
import type { ActorRef } from '@mediated/core/actor';
import type { ControlMessages } from '../control/control-protocol.js';
import type { PassedFile } from '../passed-file.js';
import { AddressMap } from './address-map.js';
import { askControl, ControlFile, controlOf } from './control-file.js';
import { type Operation, perform, performSync } from './operation.js';

/** Memory to be mapped into an ioas. */
export interface IoasMapping {
  readonly memory: SharedArrayBuffer;
  /** First byte, a multiple of 4096; default 0. */
  readonly offset?: number;
  /** Bytes, a multiple of 4096; default: all that follow. */
  readonly length?: number;
  /** Where devices find it; default: the lowest room. */
  readonly iova?: bigint;
  /** Default true. */
  readonly readable?: boolean;
  /** Default true. */
  readonly writeable?: boolean;
}

/** An open iommufd context. EBADF after `close`, EIO when the control thread has died. */
export class IommufdFile extends ControlFile {
  readonly #addresses: AddressMap;

  /** @internal See {@link openIommufd}. */
  constructor(bus: Bus, control: ActorRef<ControlMessages>, number: number, addresses: AddressMap) {
    super(bus, control, number);
    this.#addresses = addresses;
  }

  /** As a file that an ioctl's argument names. */
  get passed(): PassedFile {
    return { kind: 'iommufd', file: this.number };
  }

  /** Makes an I/O address space; its number is what devices attach to. */
  allocateIoas(): Promise<number> {
    return perform(this.ask('allocateIoas', this.number));
  }

  allocateIoasSync(): number {
    return performSync(this.ask('allocateIoas', this.number));
  }

  /** ENOENT; EBUSY while a device is attached. */
  destroyIoas(ioas: number): Promise<void> {
    return perform(this.ask('destroyIoas', this.number, ioas));
  }

  destroyIoasSync(ioas: number): void {
    performSync(this.ask('destroyIoas', this.number, ioas));
  }

  /** Maps memory; returns its iova. ENOENT, EINVAL, EOVERFLOW, EEXIST, ENOSPC, EFAULT, ENOMEM. */
  map(ioas: number, mapping: IoasMapping): Promise<bigint> {
    return perform(this.#map(ioas, mapping));
  }

  mapSync(ioas: number, mapping: IoasMapping): bigint {
    return performSync(this.#map(ioas, mapping));
  }

  /**
   * Unmaps whole areas, without a range all of them; returns how many bytes. ENOENT (nothing there, or an area is cut),
   * EINVAL, EOVERFLOW, EDEADLK (a device does not unpin).
   */
  unmap(ioas: number, range?: { readonly iova: bigint; readonly length: bigint }): Promise<bigint> {
    return perform(this.ask('unmapIoas', this.number, ioas, range));
  }

  unmapSync(ioas: number, range?: { readonly iova: bigint; readonly length: bigint }): bigint {
    return performSync(this.ask('unmapIoas', this.number, ioas, range));
  }

  *#map(ioas: number, mapping: IoasMapping): Operation<bigint> {
    const { memory, offset = 0, length = memory.byteLength - offset, iova } = mapping;
    const { readable = true, writeable = true } = mapping;
    const vaddr = this.#addresses.addressOf(memory) + BigInt(offset);
    const { program } = this.#addresses;
    const windows = this.#addresses.shared(vaddr, BigInt(length));
    const request = { ioas, vaddr, length: BigInt(length), iova, readable, writeable, program, windows };
    return yield* this.ask('mapIoas', this.number, request);
  }
}

/** Opens an iommufd context. ENODEV: no vfio driver is loaded. */
export function openIommufd(bus: Bus): Promise<IommufdFile> {
  return perform(openIommufdSteps(bus, AddressMap.ofThread()));
}

/** {@link openIommufd}, blocking; for threads that host no actor. */
export function openIommufdSync(bus: Bus): IommufdFile {
  return performSync(openIommufdSteps(bus, AddressMap.ofThread()));
}

/** @internal `addresses`: of the program. */
export function* openIommufdSteps(bus: Bus, addresses: AddressMap): Operation<IommufdFile> {
  const control = controlOf(bus);
  return new IommufdFile(bus, control, yield* askControl(control, 'openIommufd'), addresses);
}
