/**
 * The state of the control actor and what is done with it: group files, containers, iommufd contexts, and the devices that
 * are opened through them (spec/vfio-core sections 6 to 8). Private to the control thread; called by `control-actor.ts`.
 * What waits for a device's thread does so in the group's turn, as under the kernel's group lock; the end of a use takes
 * no turn, because a device's thread waits for it in its last close.
 */
import { type Bus, ERRNO, errnoName, isMediatedError, MediatedError } from '@mediated/core';
import type { DmaClient } from '../iommu/client-memory.js';
import { Container } from './container.js';
import { ControlFile, ControlFiles } from './control-files.js';
import type { Bound, ContainerCall, DeviceHandle, IoasMap, MemoryWindow, SpaceGrant } from './control-protocol.js';
import { type DeviceLink, linkTo } from './device-link.js';
import { ContainerUse, ContextUse, type DeviceUse } from './device-use.js';
import type { Group } from './group.js';
import { GROUP_KINDS, type GroupRecords } from './group-records.js';
import { Groups } from './groups.js';
import type { IommuDriverKind } from './iommu-driver.js';
import { IommufdContext } from './iommufd-context.js';
import { Kvm } from './kvm.js';
import { membersOf } from './members.js';
import { noIommuKind } from './no-iommu.js';
import { ProgramMemory } from './program-memory.js';
import { type1Kind } from './type1-driver.js';

/** A group's file. */
class GroupFile extends ControlFile {
  readonly group: Group;
  readonly privileged: boolean;

  constructor(number: number, owner: number, group: Group, privileged: boolean) {
    super(number, owner);
    this.group = group;
    this.privileged = privileged;
  }

  release(): void {
    this.group.close();
  }
}

/** A container's file. */
class ContainerFile extends ControlFile {
  readonly container: Container;
  readonly privileged: boolean;

  constructor(number: number, owner: number, container: Container, privileged: boolean) {
    super(number, owner);
    this.container = container;
    this.privileged = privileged;
  }

  /** Groups keep the container. */
  release(): void {}
}

/** An iommufd context's file. */
class IommufdFile extends ControlFile {
  readonly context: IommufdContext;

  constructor(number: number, owner: number, context: IommufdContext) {
    super(number, owner);
    this.context = context;
  }

  release(): void {
    this.context.release();
  }
}

export class Control {
  readonly #bus: Bus;
  readonly #records: GroupRecords;
  readonly #files: ControlFiles;
  readonly #groups: Groups;
  readonly #memory = new ProgramMemory();
  readonly #uses = new Map<number, DeviceUse>();
  readonly #kinds: () => IommuDriverKind[];
  /** Containers in which a client thread has mapped memory. */
  readonly #mappers = new Map<number, Map<Container, Set<number>>>();
  #lastSpace = 0;

  /** `life` of the thread; files of other lives are EIO. */
  constructor(bus: Bus, records: GroupRecords, life: number) {
    const { locks } = bus.memory;
    this.#bus = bus;
    this.#records = records;
    this.#files = new ControlFiles(life);
    this.#groups = new Groups(records);
    const type1 = type1Kind(locks, () => ++this.#lastSpace);
    this.#kinds = () => (records.noIommu ? [type1, noIommuKind] : [type1]);
  }

  openGroup(number: number, node: number, privileged: boolean, owner: number): number {
    const group = this.#groups.open(number, node, privileged);
    return this.#files.add(new GroupFile(this.#files.next(), owner, group, privileged)).number;
  }

  openContainer(privileged: boolean, owner: number): number {
    const container = new Container(this.#kinds);
    return this.#files.add(new ContainerFile(this.#files.next(), owner, container, privileged)).number;
  }

  openIommufd(owner: number): number {
    const number = this.#files.next();
    const context = new IommufdContext(number, this.#bus.memory.locks, () => ++this.#lastSpace);
    return this.#files.add(new IommufdFile(number, owner, context)).number;
  }

  openKvm(owner: number): number {
    return this.#files.add(new Kvm(this.#files.next(), owner)).number;
  }

  close(number: number, owner: number): void {
    this.#files.close(number, owner);
  }

  groupStatus(number: number, owner: number): number {
    return this.#groupFile(number, owner, 'GET_STATUS').group.status;
  }

  /** `target`: a container's or an iommufd context's file, 0 for a file of another kind. */
  setContainer(number: number, target: number, owner: number): void | Promise<void> {
    const { group, privileged } = this.#groupFile(number, owner, 'SET_CONTAINER');
    return group.turns.take(() => {
      const file = this.#files.peek(target, owner);
      const container = file instanceof ContainerFile ? file.container : undefined;
      const context = file instanceof IommufdFile ? file.context : undefined;
      group.setContainer(container ?? context, privileged, () => {
        container?.attach(group, privileged);
        context?.addGroup(group);
      });
    });
  }

  unsetContainer(number: number, owner: number): void | Promise<void> {
    const { group } = this.#groupFile(number, owner, 'UNSET_CONTAINER');
    return group.turns.take(() => group.unsetContainer());
  }

  setGroupKvm(number: number, kvm: number, owner: number): void {
    const { group } = this.#groupFile(number, owner, 'set_kvm');
    group.kvm = kvm === 0 ? undefined : this.#files.find(kvm, owner, Kvm, 'set_kvm');
  }

  /** GET_DEVICE_FD (6.2). A client that is no longer `alive` when the device is open gets it closed again. */
  async openDevice(number: number, name: string, owner: number, alive: () => boolean): Promise<DeviceHandle> {
    const { group, privileged } = this.#groupFile(number, owner, 'GET_DEVICE_FD');
    const link = group.gone ? undefined : await this.#find(group, name);
    if (link === undefined) throw refused('ENODEV', `group ${group.number} has no device ${name}`);
    const { index, generation } = link;
    const file = await group.turns.take(() => this.#openIn(group, privileged, link, owner));
    if (!alive()) await link.actor.ask('closeFor', file, owner).catch(() => {});
    return { index, generation, file };
  }

  containerCommand(number: number, command: number, argument: number, owner: number): number {
    const { container, privileged } = this.#files.find(number, owner, ContainerFile, 'ioctl');
    return container.command(command, argument, privileged);
  }

  containerIoctl(
    number: number,
    command: number,
    argument: Uint8Array,
    call: ContainerCall,
    owner: number,
  ): number | Promise<number> {
    const { container } = this.#files.find(number, owner, ContainerFile, 'ioctl');
    const client = this.#client(owner, call);
    if (call.windows.length > 0) this.#noteMapper(owner, container, client.owner);
    return container.ioctl(command, argument, client);
  }

  allocateIoas(number: number, owner: number): number {
    return this.#context(number, owner).allocate();
  }

  destroyIoas(number: number, ioas: number, owner: number): void {
    this.#context(number, owner).destroy(ioas);
  }

  mapIoas(number: number, request: IoasMap, owner: number): bigint | Promise<bigint> {
    return this.#context(number, owner).map(request.ioas, this.#client(owner, request), request);
  }

  unmapIoas(
    number: number,
    ioas: number,
    range: { iova: bigint; length: bigint } | undefined,
    owner: number,
  ): bigint | Promise<bigint> {
    return this.#context(number, owner).unmap(ioas, range);
  }

  createKvmDevice(number: number, owner: number): void {
    this.#files.find(number, owner, Kvm, 'KVM_CREATE_DEVICE').createDevice();
  }

  addKvmGroup(number: number, file: number, add: boolean, owner: number): void | Promise<void> {
    const kvm = this.#files.find(number, owner, Kvm, 'KVM_SET_DEVICE_ATTR');
    const { group } = this.#groupFile(file, owner, 'KVM_SET_DEVICE_ATTR');
    if (add) kvm.addGroup(file, group);
    else return kvm.remove(`group ${file}`);
  }

  async addKvmDevice(
    number: number,
    index: number,
    generation: number,
    file: number,
    add: boolean,
    owner: number,
  ): Promise<void> {
    const kvm = this.#files.find(number, owner, Kvm, 'KVM_SET_DEVICE_ATTR');
    const link = linkTo(this.#bus, index);
    if (link?.generation !== generation) throw refused('EBADF', 'the device is gone');
    if (add) await kvm.addDevice(link, file, owner);
    else await kvm.remove(`device ${link.thread} ${file}`);
  }

  retireGroup(number: number): void {
    this.#groups.retire(number);
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
  bindDevice(index: number, generation: number, client: number, iommufd: number, kvm: number): Bound {
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

  /** A thread has died or left: as a client, or with devices. */
  threadGone(thread: number): void {
    for (const [number, { link }] of this.#uses) if (link.thread === thread) this.endUse(number);
    this.#groups.retireLost();
    for (const [container, owners] of this.#mappers.get(thread) ?? []) {
      for (const owner of owners) container.ownerDied(owner);
    }
    this.#mappers.delete(thread);
    this.#memory.forget(thread);
    this.#files.abandon(thread);
  }

  /** A device of the group by its name, newest first. */
  async #find(group: Group, name: string): Promise<DeviceLink | undefined> {
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

  /** Step 5 of 6.2, in the group's turn. */
  async #openIn(group: Group, privileged: boolean, link: DeviceLink, owner: number): Promise<number> {
    const { container, context, kvm } = group;
    let use: ContainerUse | ContextUse;
    let space: SpaceGrant | undefined;
    if (container !== undefined) {
      const { driver } = container;
      if (driver === undefined) throw refused('EINVAL', 'the container has no IOMMU yet');
      if (group.kind === GROUP_KINDS.noIommu && !privileged) {
        throw refused('EPERM', 'use without an IOMMU takes the right to raw I/O');
      }
      use = new ContainerUse(link, group, driver);
      space = use.space;
    } else if (context !== undefined) {
      if (group.kind === GROUP_KINDS.noIommu && !privileged) {
        throw refused('EPERM', 'use without an IOMMU takes the right to raw I/O');
      }
      use = new ContextUse(link, group, context);
      try {
        if (group.kind !== GROUP_KINDS.noIommu) space = use.attach(context.compatible);
      } catch (error) {
        use.end();
        throw error;
      }
    } else {
      throw refused('EINVAL', `group ${group.number} is in no container`);
    }
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

  #addUse(use: DeviceUse): number {
    const number = this.#files.next();
    this.#uses.set(number, use);
    return number;
  }

  #groupFile(number: number, owner: number, syscall: string): GroupFile {
    return this.#files.find(number, owner, GroupFile, syscall);
  }

  #context(number: number, owner: number): IommufdContext {
    return this.#files.find(number, owner, IommufdFile, 'ioctl').context;
  }

  #contextUse(number: number): ContextUse {
    const use = this.#uses.get(number);
    if (use instanceof ContextUse) return use;
    throw refused('EINVAL', 'the device is bound to no iommufd context');
  }

  #client(thread: number, call: { readonly program: number; readonly windows: readonly MemoryWindow[] }): DmaClient {
    return this.#memory.client(thread, call.program, call.windows);
  }

  #noteMapper(thread: number, container: Container, owner: number): void {
    let containers = this.#mappers.get(thread);
    if (containers === undefined) this.#mappers.set(thread, (containers = new Map()));
    const owners = containers.get(container);
    if (owners === undefined) containers.set(container, new Set([owner]));
    else owners.add(owner);
  }
}

/** A device that went while it was being opened. */
function asGone(error: unknown): unknown {
  return isMediatedError(error, 'ESHUTDOWN') ? refused('ENODEV', 'the device is gone') : error;
}

function refused(code: ReturnType<typeof errnoName>, text: string): MediatedError {
  return new MediatedError(code, text, { syscall: 'ioctl' });
}
