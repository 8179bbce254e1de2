/**
 * The state of the control actor and what is done with it: group files, containers, iommufd contexts, and the devices that
 * are opened through them (spec/vfio-core sections 6 to 8). Private to the control thread; called by `control-actor.ts`.
 */
import { type Bus, type ErrnoName, MediatedError } from '@mediated/core';
import type { DmaClient } from '../iommu/client-memory.js';
import { Container } from './container.js';
import { ControlFiles } from './control-files.js';
import type { ContainerCall, DeviceHandle, IoasMap, MemoryWindow } from './control-protocol.js';
import { linkTo } from './device-link.js';
import { DeviceOpens } from './device-opens.js';
import { ContainerFile, GroupFile, IommufdFile } from './file-kinds.js';
import type { GroupRecords } from './group-records.js';
import { Groups } from './groups.js';
import type { IommuDriverKind } from './iommu-driver.js';
import { IommufdContext } from './iommufd-context.js';
import { Kvm } from './kvm.js';
import { noIommuKind } from './no-iommu.js';
import { ProgramMemory, threadOf } from './program-memory.js';
import { type1Kind } from './type1-driver.js';

export class Control {
  readonly #bus: Bus;
  readonly #files: ControlFiles;
  readonly #groups: Groups;
  /** Devices that are opened through groups, and bound. */
  readonly devices: DeviceOpens;
  readonly #memory = new ProgramMemory();
  readonly #kinds: () => IommuDriverKind[];
  #lastSpace = 0;

  /** `life` of the thread; files of other lives are EIO. */
  constructor(bus: Bus, records: GroupRecords, life: number) {
    const { locks } = bus.memory;
    this.#bus = bus;
    this.#files = new ControlFiles(life);
    this.#groups = new Groups(records);
    this.devices = new DeviceOpens(bus, records, this.#files, this.#groups);
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
    const opener = this.#groupFile(number, owner, 'GET_DEVICE_FD');
    const { group } = opener;
    const link = group.gone ? undefined : await this.devices.find(group, name);
    if (link === undefined) throw refused('ENODEV', `group ${group.number} has no device ${name}`);
    const { index, generation } = link;
    const file = await this.devices.open(opener, link);
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

  /** A thread has died or left: as a client, or with devices. */
  threadGone(thread: number): void {
    this.devices.threadGone(thread);
    this.#groups.retireLost();
    for (const container of this.#groups.containers()) container.clientDied((owner) => threadOf(owner) === thread);
    this.#memory.forget(thread);
    this.#files.abandon(thread);
  }

  #groupFile(number: number, owner: number, syscall: string): GroupFile {
    return this.#files.find(number, owner, GroupFile, syscall);
  }

  #context(number: number, owner: number): IommufdContext {
    return this.#files.find(number, owner, IommufdFile, 'ioctl').context;
  }

  #client(thread: number, call: { readonly program: number; readonly windows: readonly MemoryWindow[] }): DmaClient {
    return this.#memory.client(thread, call.program, call.windows);
  }
}

function refused(code: ErrnoName, text: string): MediatedError {
  return new MediatedError(code, text, { syscall: 'ioctl' });
}
