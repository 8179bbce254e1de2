/**
 * The address spaces that devices of this thread use, by the numbers that the control actor has for them: opened once per
 * thread, with the guest memory that their mappings name. Private to the device's thread. The control actor hands memory
 * over before a mapping names it, so what is handed over is taken in as soon as it comes.
 */
import type { SpaceGrant } from './control/control-protocol.js';
import type { VfioDevice } from './device.js';
import { reportDriverError } from './driver-report.js';
import { AddressSpace } from './iommu/address-space.js';
import { type Segment, SegmentTable } from './iommu/segment-table.js';
import type { DeviceOperations } from './operations.js';

/** An address space in use on this thread. */
interface Entry {
  readonly space: AddressSpace;
  readonly segments: SegmentTable;
  /** Devices that may be told of unmaps, and opens that are under way. */
  users: number;
  readonly devices: Set<VfioDevice>;
}

/** One hold of a space: by a device, or by an open that is under way. */
export interface HeldSpace {
  readonly grant: SpaceGrant;
  readonly entry: Entry;
}

export class DeviceSpaces {
  readonly #operations: DeviceOperations<unknown>;
  readonly #entries = new Map<number, Entry>();

  constructor(operations: DeviceOperations<unknown>) {
    this.#operations = operations;
  }

  /** Takes in a space as soon as it is granted. */
  hold(grant: SpaceGrant): HeldSpace {
    let entry = this.#entries.get(grant.id);
    if (entry === undefined) {
      entry = { space: AddressSpace.from(grant.handle), segments: new SegmentTable(), users: 0, devices: new Set() };
      this.#entries.set(grant.id, entry);
    }
    for (const segment of grant.segments) entry.segments.add(segment);
    entry.users++;
    return { grant, entry };
  }

  release({ grant, entry }: HeldSpace): void {
    if (--entry.users === 0) this.#entries.delete(grant.id);
  }

  /** What the device's accesses go to from now on. */
  attach(device: VfioDevice, { grant, entry }: HeldSpace): void {
    const { space, segments } = entry;
    const { group, hardware } = grant;
    const unpinsOnRequest = this.#operations.dmaUnmap !== undefined;
    entry.devices.add(device);
    device.access.bind({ space, segments, slot: device.index, unpinsOnRequest, group, hardware });
  }

  /** The device uses a space no more. `bound`: it is still bound to an iommufd context. */
  detach(device: VfioDevice, held: HeldSpace, bound = false): void {
    device.access.bind(bound ? 'unattached' : undefined);
    held.entry.devices.delete(device);
    this.release(held);
  }

  share(id: number, segment: Segment): void {
    this.#entries.get(id)?.segments.add(segment);
  }

  drop(id: number, segment: number): void {
    this.#entries.get(id)?.segments.drop(segment);
  }

  /** Tells every device that uses a space of an unmap; through when all have unpinned. */
  async unmapped(id: number, iova: bigint, size: bigint): Promise<void> {
    for (const device of [...(this.#entries.get(id)?.devices ?? [])]) await this.unmap(device, iova, size);
  }

  /** Has a device's driver unpin a range. What it throws is reported; what it keeps pinned, the caller sees. */
  async unmap(device: VfioDevice, iova: bigint, size: bigint): Promise<void> {
    try {
      await this.#operations.dmaUnmap?.(device, iova, size);
    } catch (error) {
      reportDriverError(device, 'dmaUnmap', error);
    }
  }
}
