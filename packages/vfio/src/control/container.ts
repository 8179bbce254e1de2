/**
 * A container: groups that share one IOMMU (spec/vfio-core section 8). Private to the control thread. It lives as long
 * as its file is open or a group is in it, so that files may be closed in any order.
 */
import { type ErrnoName, isMediatedError, MediatedError } from '@mediated/core';
import type { DmaClient } from '../iommu/client-memory.js';
import { API_VERSION, CHECK_EXTENSION, GET_API_VERSION, SET_IOMMU } from '../uapi/group.js';
import type { Group } from './group.js';
import { GROUP_KINDS } from './group-records.js';
import type { IommuDriver, IommuDriverKind } from './iommu-driver.js';

/** The drivers that SET_IOMMU may choose, newest first. */
export type IommuDriverKinds = () => readonly IommuDriverKind[];

export class Container {
  readonly #kinds: IommuDriverKinds;
  readonly #groups: Group[] = [];
  /** Containers without groups have none. */
  #driver: IommuDriver | undefined;
  #noIommu = false;
  /** Programs that may have mapped memory. */
  readonly #owners = new Set<number>();

  constructor(kinds: IommuDriverKinds) {
    this.#kinds = kinds;
  }

  get driver(): IommuDriver | undefined {
    return this.#driver;
  }

  /** A command whose argument is a number (8.1, 8.3). `privileged`: who asks may do raw I/O. */
  command(command: number, argument: number, privileged: boolean): number {
    switch (command) {
      case GET_API_VERSION:
        return API_VERSION;
      case CHECK_EXTENSION:
        return this.#checkExtension(argument);
      case SET_IOMMU:
        this.#setIommu(argument, privileged);
        return 0;
      default:
        throw refused('EINVAL', `command 0x${command.toString(16)}`);
    }
  }

  /** Any other command, which changes `argument`. EINVAL before SET_IOMMU. */
  ioctl(command: number, argument: Uint8Array, client: DmaClient): number | Promise<number> {
    if (this.#driver !== undefined) {
      this.#owners.add(client.owner);
      return this.#driver.ioctl(command, argument, client);
    }
    throw refused('EINVAL', `command 0x${command.toString(16)}: the container has no IOMMU yet`);
  }

  /** SET_CONTAINER of a group (8.2): EPERM, EBUSY, or what the IOMMU says. */
  attach(group: Group, privileged: boolean): void {
    const noIommu = group.kind === GROUP_KINDS.noIommu;
    if (noIommu && !privileged) throw refused('EPERM', 'use without an IOMMU takes the right to raw I/O');
    if (this.#groups.length > 0 && noIommu !== this.#noIommu) {
      throw refused('EPERM', 'groups with and without an IOMMU do not share a container');
    }
    group.claimDma(this);
    try {
      this.#driver?.attachGroup(group);
    } catch (error) {
      group.releaseDma();
      throw error;
    }
    this.#groups.push(group);
    this.#noIommu = noIommu;
    group.container = this;
    group.containerUsers = 1;
  }

  /** The group leaves; the last one takes the IOMMU and its mappings along (8.4). */
  detach(group: Group): void {
    this.#driver?.detachGroup(group);
    group.releaseDma();
    group.container = undefined;
    group.containerUsers = 0;
    this.#groups.splice(this.#groups.indexOf(group), 1);
    if (this.#groups.length > 0) return;
    this.#driver?.release();
    this.#driver = undefined;
    this.#owners.clear();
  }

  /** A client thread has died: what its programs have mapped is not reached any more. */
  clientDied(isItsOwn: (owner: number) => boolean): void {
    for (const owner of this.#owners) {
      if (!isItsOwn(owner)) continue;
      this.#owners.delete(owner);
      this.#driver?.ownerDied(owner);
    }
  }

  #checkExtension(extension: number): number {
    if (this.#driver !== undefined) return this.#driver.checkExtension(extension);
    let answer = 0;
    for (const kind of this.#allowed()) {
      answer = kind.extension(extension);
      if (answer > 0) return answer;
    }
    return answer;
  }

  #setIommu(type: number, privileged: boolean): void {
    if (this.#groups.length === 0) throw refused('EINVAL', 'SET_IOMMU before any group is in the container');
    if (this.#driver !== undefined) throw refused('EINVAL', 'the container has its IOMMU already');
    let failure: MediatedError = refused('ENODEV', `no IOMMU is of type ${type}`);
    for (const kind of this.#allowed()) {
      if (kind.extension(type) <= 0) continue;
      try {
        this.#driver = this.#attachAll(kind.open(type, privileged));
        return;
      } catch (error) {
        if (!isMediatedError(error)) throw error;
        failure = error;
      }
    }
    throw failure;
  }

  #attachAll(driver: IommuDriver): IommuDriver {
    const attached: Group[] = [];
    try {
      for (const group of this.#groups) {
        driver.attachGroup(group);
        attached.unshift(group);
      }
      return driver;
    } catch (error) {
      for (const group of attached) driver.detachGroup(group);
      driver.release();
      throw error;
    }
  }

  #allowed(): readonly IommuDriverKind[] {
    const kinds = this.#kinds();
    return this.#groups.length === 0 ? kinds : kinds.filter(({ noIommu }) => noIommu === this.#noIommu);
  }
}

function refused(code: ErrnoName, text: string): MediatedError {
  return new MediatedError(code, text, { syscall: 'ioctl' });
}
