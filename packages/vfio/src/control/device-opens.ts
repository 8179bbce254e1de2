/**
 * Devices that are opened through groups and bound to iommufd contexts (spec/vfio-core sections 6.1 to 6.3): finding them,
 * having their threads open them, and the uses of containers and contexts that come of it. Private to the control thread.
 * Opening waits for a device's thread in the group's turn, as under the kernel's group lock; the end of a use takes no turn,
 * because a device's thread waits for it in its last close.
 */
import { type Bus, ERRNO, errnoName, isMediatedError, MediatedError } from '@mediated/core';
import type { ControlFiles } from './control-files.js';
import type { Bound, SpaceGrant } from './control-protocol.js';
import { type DeviceLink, linkTo } from './device-link.js';
import { ContainerUse, ContextUse, type DeviceUse } from './device-use.js';
import { type GroupFile, IommufdFile } from './file-kinds.js';
import type { Group } from './group.js';
import { GROUP_KINDS, type GroupRecords } from './group-records.js';
import type { Groups } from './groups.js';
import type { IommufdContext } from './iommufd-context.js';
import { Kvm } from './kvm.js';
import { membersOf } from './members.js';

export class DeviceOpens {
  readonly #bus: Bus;
  readonly #records: GroupRecords;
  readonly #files: ControlFiles;
  readonly #groups: Groups;
  readonly #uses = new Map<number, DeviceUse>();

  constructor(bus: Bus, records: GroupRecords, files: ControlFiles, groups: Groups) {
    this.#bus = bus;
    this.#records = records;
    this.#files = files;
    this.#groups = groups;
  }

  /** A device of the group by its name, newest first; undefined: there is none. */
  async find(group: Group, name: string): Promise<DeviceLink | undefined> {
    if (group.kind !== GROUP_KINDS.physical) {
      const link = linkTo(this.#bus, this.#records.member(group.number));
      return link?.mdev.group === group.number && link.mdev.name === name ? link : undefined;
    }
    for (const link of membersOf(this.#bus, group.number)) {
      let match: number;
      try {
        match = await link.actor.ask('match', link.index, link.generation, name);
      } catch (error) {
        if (isMediatedError(error, 'EIO') || isMediatedError(error, 'ESHUTDOWN')) continue;
        throw error;
      }
      if (match < 0) throw refused(errnoName(-match), `the driver refuses ${name}`);
      if (match > 0) return link;
    }
    return undefined;
  }

  /** GET_DEVICE_FD of a device that was found (6.2, step 5). The number of the file at the device's thread. */
  async open({ group, privileged, owner }: GroupFile, link: DeviceLink): Promise<number> {
    return await group.turns.take(() => this.#open(group, privileged, link, owner));
  }

  endUse(number: number): void {
    const use = this.#uses.get(number);
    if (use === undefined) return;
    this.#uses.delete(number);
    use.end();
  }

  /**
   * A device is bound to an iommufd by its own node (6.3, steps 2, 4 and 5). `iommufd`: the client's file, 0 for a file of
   * another kind, -1 for none. What refuses it after that is told, not thrown: other checks of the caller's precede.
   */
  bind(index: number, generation: number, client: number, iommufd: number, kvm: number): Bound {
    // A device whose removal waits for its users may still be bound by those that have its node open.
    const link = linkTo(this.#bus, index, true);
    const number = link?.mdev.group;
    if (link?.generation !== generation || number === undefined) throw refused('ENODEV', 'the device is gone');
    const group = this.#groups.bind(number);
    const unbind = () => this.#groups.unbind(group);
    const file = this.#files.peek(iommufd, client);
    if (!(file instanceof IommufdFile)) {
      unbind();
      return { use: 0, context: 0, kvm: 0, refused: iommufd < 0 ? -ERRNO.EBADF : -ERRNO.EBADFD };
    }
    try {
      const use = this.#addUse(new ContextUse(link, group, file.context, unbind));
      const machine = this.#files.peek(kvm, client);
      const alive = machine instanceof Kvm && machine.alive;
      return { use, context: file.context.number, kvm: alive ? kvm : 0, refused: 0 };
    } catch (error) {
      unbind();
      if (isMediatedError(error)) return { use: 0, context: 0, kvm: 0, refused: error.errno };
      throw error;
    }
  }

  attachIoas(number: number, ioas: number): SpaceGrant | undefined {
    const use = this.#contextUse(number);
    return use.attach(use.context.ioas(ioas));
  }

  detachIoas(number: number): void {
    this.#contextUse(number).detach();
  }

  /** A device's thread has died: what its devices used is not used any more. */
  threadGone(thread: number): void {
    for (const [number, { link }] of this.#uses) if (link.thread === thread) this.endUse(number);
  }

  async #open(group: Group, privileged: boolean, link: DeviceLink, owner: number): Promise<number> {
    const { context, kvm } = group;
    const { use, space } = this.#use(group, privileged, link);
    const number = this.#addUse(use);
    try {
      const { file, kept } = await link.actor.ask('openOfGroup', link.index, link.generation, {
        owner,
        group: group.number,
        use: number,
        space,
        iommufd: context?.number ?? 0,
        kvm: kvm?.alive === true ? kvm.number : 0,
      });
      if (!kept) this.endUse(number);
      return file;
    } catch (error) {
      this.endUse(number);
      throw asGone(error);
    }
  }

  /** A use of what the group is in. EINVAL: nothing that could serve a device; EPERM. */
  #use(group: Group, privileged: boolean, link: DeviceLink): { use: DeviceUse; space: SpaceGrant | undefined } {
    const { container, context } = group;
    if (container === undefined && context === undefined) {
      throw refused('EINVAL', `group ${group.number} is in no container`);
    }
    if (container !== undefined && container.driver === undefined) {
      throw refused('EINVAL', 'the container has no IOMMU yet');
    }
    const noIommu = group.kind === GROUP_KINDS.noIommu;
    if (noIommu && !privileged) throw refused('EPERM', 'use without an IOMMU takes the right to raw I/O');
    if (container?.driver !== undefined) {
      const use = new ContainerUse(link, group, container.driver);
      return { use, space: use.space };
    }
    const use = new ContextUse(link, group, context as IommufdContext);
    try {
      return { use, space: noIommu ? undefined : use.attach(use.context.compatible) };
    } catch (error) {
      use.end();
      throw error;
    }
  }

  #addUse(use: DeviceUse): number {
    const number = this.#files.next();
    this.#uses.set(number, use);
    return number;
  }

  #contextUse(number: number): ContextUse {
    const use = this.#uses.get(number);
    if (use instanceof ContextUse) return use;
    throw refused('EINVAL', 'the device is bound to no iommufd context');
  }
}

/** A device that went while it was being opened. */
function asGone(error: unknown): unknown {
  return isMediatedError(error, 'ESHUTDOWN') ? refused('ENODEV', 'the device is gone') : error;
}

function refused(code: ReturnType<typeof errnoName>, text: string): MediatedError {
  return new MediatedError(code, text, { syscall: 'ioctl' });
}
