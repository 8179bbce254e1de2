/**
 * The type1 IOMMU of one container, from SET_IOMMU until its last group leaves. Private to the control thread; what is
 * shared with device threads is in `iommu/`.
 */
import { MediatedError } from '@mediated/core';
import type { LockSpace } from '@mediated/core/sync';
import type { DmaClient } from '../iommu/client-memory.js';
import type { PhysicalGroup } from '../iommu/groups.js';
import { Type1, type1Extension } from '../iommu/type1.js';
import { type1Ioctl } from '../iommu/type1-ioctl.js';
import { EXTENSIONS } from '../uapi/iommu.js';
import type { SpaceGrant } from './control-protocol.js';
import type { DeviceLink } from './device-link.js';
import type { Group } from './group.js';
import type { IommuDriver, IommuDriverKind } from './iommu-driver.js';
import { SpaceAudience } from './space-audience.js';

/** What the emulated IOMMU of physical groups is like: three page sizes, 48 bits, a hole for interrupt messages. */
const HARDWARE: Omit<PhysicalGroup, 'id'> = {
  kind: 'physical',
  pageSizes: 0x4020_1000n,
  aperture: { start: 0n, last: 2n ** 48n - 1n },
  reserved: [{ start: 0xfee0_0000n, last: 0xfeef_ffffn }],
  coherent: true,
  isolatedInterrupts: true,
  driver: 'emulated',
};

class Type1Driver implements IommuDriver {
  readonly #type1: Type1;
  readonly #audience: SpaceAudience;
  /** What the IOMMU calls the physical groups. */
  readonly #groups = new Map<Group, number | undefined>();
  /** Uses by slot. */
  readonly #uses = new Map<number, number>();
  /** Commands that wait for device threads: the space stays until they are through. */
  #waiting = 0;
  #released = false;

  constructor(space: number, rules: 'type1v1' | 'type1v2', locks: LockSpace) {
    const audience = new SpaceAudience(space);
    this.#audience = audience;
    this.#type1 = new Type1({ locks, rules, audience, notify: (iova, size) => audience.notify(iova, size) });
  }

  checkExtension(extension: number): number {
    return this.#type1.checkExtension(extension);
  }

  attachGroup(group: Group): void {
    const id = group.number;
    // Isolated groups of one device's IOMMU share a domain.
    const driver = group.iommu < 0 ? HARDWARE.driver : `${HARDWARE.driver} ${group.iommu}`;
    const attached = group.behindIommu ? { ...HARDWARE, id, driver } : ({ id, kind: 'emulated' } as const);
    this.#groups.set(group, this.#type1.attachGroup(attached));
  }

  detachGroup(group: Group): void {
    this.#groups.delete(group);
    this.#type1.detachGroup(group.number);
  }

  ioctl(command: number, argument: Uint8Array, client: DmaClient): number | Promise<number> {
    const result = type1Ioctl(this.#type1, command, argument, client);
    if (!(result instanceof Promise)) return result;
    this.#waiting++;
    return result.finally(() => {
      this.#waiting--;
      this.#closeWhenDone();
    });
  }

  beginUse(link: DeviceLink, group: Group): SpaceGrant {
    const { index } = link;
    this.#uses.set(index, (this.#uses.get(index) ?? 0) + 1);
    this.#audience.add(link);
    this.#type1.addDevice(index);
    return {
      id: this.#audience.id,
      handle: this.#type1.space.handle,
      segments: this.#type1.segments.all(),
      group: this.#groups.get(group),
      hardware: group.behindIommu,
    };
  }

  endUse(link: DeviceLink): void {
    const { index } = link;
    const left = (this.#uses.get(index) ?? 1) - 1;
    this.#audience.remove(link);
    this.#type1.removeDevice(index);
    if (left === 0) {
      this.#uses.delete(index);
      return;
    }
    // The device is being opened again.
    this.#uses.set(index, left);
    this.#type1.addDevice(index);
  }

  ownerDied(owner: number): void {
    this.#type1.ownerDied(owner);
  }

  release(): void {
    this.#released = true;
    this.#closeWhenDone();
  }

  #closeWhenDone(): void {
    if (this.#released && this.#waiting === 0) this.#type1.close();
  }
}

/** Type1 for SET_IOMMU. `nextSpace` numbers the spaces. */
export function type1Kind(locks: LockSpace, nextSpace: () => number): IommuDriverKind {
  return {
    noIommu: false,
    extension: type1Extension,
    open(type) {
      switch (type) {
        case EXTENSIONS.type1:
          return new Type1Driver(nextSpace(), 'type1v1', locks);
        case EXTENSIONS.type1v2:
        case EXTENSIONS.type1Nesting:
          return new Type1Driver(nextSpace(), 'type1v2', locks);
        default:
          throw new MediatedError('EINVAL', `${type} is no type of IOMMU`, { syscall: 'SET_IOMMU' });
      }
    },
  };
}
