/**
 * The IOMMU drivers of containers as a container sees them (spec/vfio-core 8.3): type1 (`type1-driver.ts`) and the one
 * for groups without an IOMMU (`no-iommu.ts`). Lives on the control thread.
 */
import type { DmaClient } from '../iommu/client-memory.js';
import type { SpaceGrant } from './control-protocol.js';
import type { DeviceLink } from './device-link.js';
import type { Group } from './group.js';

/** What a container has after SET_IOMMU. Errors carry the errno of the spec's section 9. */
export interface IommuDriver {
  checkExtension(extension: number): number;
  attachGroup(group: Group): void;
  detachGroup(group: Group): void;
  /** Any command that is none of the container's own; changes `argument`. */
  ioctl(command: number, argument: Uint8Array, client: DmaClient): number | Promise<number>;
  /** A device of an attached group is about to be opened: what its thread needs for DMA. Each needs an `endUse`. */
  beginUse(link: DeviceLink, group: Group): SpaceGrant | undefined;
  endUse(link: DeviceLink): void;
  /** A program that has mapped memory is gone. */
  ownerDied(owner: number): void;
  /** The last group has left. */
  release(): void;
}

/** A driver that SET_IOMMU may choose. */
export interface IommuDriverKind {
  /** Whether it goes with groups without an IOMMU, or with the others. */
  readonly noIommu: boolean;
  /** Answer to CHECK_EXTENSION while no driver is set. */
  extension(extension: number): number;
  /** EPERM, EINVAL. `privileged`: who asks may do raw I/O. */
  open(type: number, privileged: boolean): IommuDriver;
}
