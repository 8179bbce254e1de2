/**
 * An iommufd context: I/O address spaces that devices are attached to one by one (spec/vfio-core 6.3, 6.4). Private to the
 * control thread. It lives as long as its file is open, a group has it in place of a container, or a device is bound to it.
 */
import { type ErrnoName, MediatedError } from '@mediated/core';
import type { LockSpace } from '@mediated/core/sync';
import type { DmaClient } from '../iommu/client-memory.js';
import { Ioas, type IoasMapRequest } from '../iommu/ioas.js';
import type { SpaceGrant } from './control-protocol.js';
import type { DeviceLink } from './device-link.js';
import type { Group } from './group.js';
import { GROUP_KINDS } from './group-records.js';
import { SpaceAudience } from './space-audience.js';

/** An ioas and who uses it. */
export class IoasObject {
  readonly id: number;
  readonly ioas: Ioas;
  readonly audience: SpaceAudience;
  /** Attached devices and calls that wait for their threads. */
  users = 0;

  constructor(id: number, space: number, locks: LockSpace) {
    const audience = new SpaceAudience(space);
    this.id = id;
    this.audience = audience;
    this.ioas = new Ioas({ locks, audience, notify: (iova, size) => audience.notify(iova, size) });
  }

  /** A device begins to use it: what its thread needs. EFAULT, ENOMEM: hardware cannot have all that is mapped. */
  attach(link: DeviceLink, group: Group): SpaceGrant {
    const hardware = group.behindIommu;
    if (hardware) this.ioas.addDomain();
    this.users++;
    this.audience.add(link);
    const { handle } = this.ioas.space;
    return { id: this.audience.id, handle, segments: this.ioas.segments.all(), group: undefined, hardware };
  }

  detach(link: DeviceLink, group: Group): void {
    this.audience.remove(link);
    this.ioas.removeDevice(link.index);
    if (group.behindIommu) this.ioas.removeDomain();
    this.users--;
  }
}

export class IommufdContext {
  /** Number of its file: it names the context. */
  readonly number: number;
  readonly #locks: LockSpace;
  readonly #nextSpace: () => number;
  readonly #objects = new Map<number, IoasObject>();
  readonly #groups = new Set<Group>();
  #lastId = 0;
  #compatible: IoasObject | undefined;
  #noIommu = false;
  #references = 1;

  constructor(number: number, locks: LockSpace, nextSpace: () => number) {
    this.number = number;
    this.#locks = locks;
    this.#nextSpace = nextSpace;
  }

  /** IOMMU_IOAS_ALLOC. */
  allocate(): number {
    return this.#make().id;
  }

  /** IOMMU_DESTROY. ENOENT: no such ioas; EBUSY: a device is attached. */
  destroy(id: number): void {
    const object = this.ioas(id);
    if (object.users > 0 || object === this.#compatible) throw refused('EBUSY', `ioas ${id} is in use`);
    this.#objects.delete(id);
    object.ioas.close();
  }

  /** An ioas. ENOENT. */
  ioas(id: number): IoasObject {
    const object = this.#objects.get(id);
    if (object !== undefined) return object;
    throw refused('ENOENT', `there is no ioas ${id}`);
  }

  map(id: number, client: DmaClient, request: IoasMapRequest): bigint | Promise<bigint> {
    const object = this.ioas(id);
    return this.#during(object, object.ioas.map(client, request));
  }

  /** Without a range: everything. */
  unmap(id: number, range: { iova: bigint; length: bigint } | undefined): bigint | Promise<bigint> {
    const object = this.ioas(id);
    const { ioas } = object;
    return this.#during(object, range === undefined ? ioas.unmapAll() : ioas.unmap(range.iova, range.length));
  }

  /**
   * SET_CONTAINER of a group (7.3): it gets the compatibility ioas. EINVAL: the context is in no-IOMMU mode and the group
   * has an IOMMU, or the other way round.
   */
  addGroup(group: Group): void {
    if (group.kind === GROUP_KINDS.noIommu) {
      if (this.#compatible !== undefined) throw refused('EINVAL', 'the context has an ioas for groups with an IOMMU');
      this.#noIommu = true;
    } else {
      if (this.#noIommu) throw refused('EINVAL', 'the context is in no-IOMMU mode');
      this.#compatible ??= this.#make();
    }
    group.context = this;
    this.#groups.add(group);
    this.#references++;
  }

  /** UNSET_CONTAINER, or the group's file is released. */
  dropGroup(group: Group): void {
    if (!this.#groups.delete(group)) return;
    group.context = undefined;
    this.release();
  }

  /** What devices of groups are attached to. ENODEV: there is none. */
  get compatible(): IoasObject {
    if (this.#compatible !== undefined) return this.#compatible;
    throw refused('ENODEV', 'the context has no compatibility ioas');
  }

  /** A device is bound to it. */
  hold(): this {
    this.#references++;
    return this;
  }

  /** One of those that keep it has ended. */
  release(): void {
    if (--this.#references > 0) return;
    for (const object of this.#objects.values()) closeWhenUnused(object);
    this.#objects.clear();
  }

  #make(): IoasObject {
    const object = new IoasObject(++this.#lastId, this.#nextSpace(), this.#locks);
    this.#objects.set(object.id, object);
    return object;
  }

  #during(object: IoasObject, result: bigint | Promise<bigint>): bigint | Promise<bigint> {
    if (!(result instanceof Promise)) return result;
    object.users++;
    return result.finally(() => {
      object.users--;
      if (this.#references === 0) closeWhenUnused(object);
    });
  }
}

function closeWhenUnused({ users, ioas }: IoasObject): void {
  if (users === 0) ioas.close();
}

function refused(code: ErrnoName, text: string): MediatedError {
  return new MediatedError(code, text, { syscall: 'ioctl' });
}
