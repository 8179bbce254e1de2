/**
 * A recorder's process: one program with its descriptors, on a machine with the devices that it used. What a step needs
 * and no step before it has made (a device, an open group, a container with its IOMMU) is made here, so that steps may be
 * left out. One per recording; used by the handlers of this folder.
 */
import { Descriptors, InterruptCounter } from '@mediated/vfio';
import * as uapi from '@mediated/vfio/uapi';
import type { Machine } from '../machine.js';
import { moduleOfType } from '../modules.js';
import { attempt, int } from './attempt.js';
import { Skip } from './step.js';
import { type Container, Subject } from './subject.js';

/** Of the recorder's devices: how the last four digits count them. */
const UUID_STEM = '83b8f4f2-509f-382f-3c1e-e6bfe0fa';

export class Session {
  readonly machine: Machine;
  readonly program: Descriptors;
  readonly #subjects = new Map<string, Subject>();
  #made = 0;
  readonly #containers = new Map<string, Container>();
  readonly #counters: { readonly descriptor: number; readonly counter: InterruptCounter }[] = [];
  #null: number | undefined;

  constructor(machine: Machine, program = new Descriptors(machine.bus)) {
    this.machine = machine;
    this.program = program;
  }

  /** The device of another session, for this one to close with its own. */
  adopt(subject: Subject): void {
    this.#subjects.set(`${subject.type} adopted`, subject);
  }

  /** The device that a program has not made yet. */
  async undone(type: string): Promise<Subject> {
    const known = this.#subjects.get(`${type} first`);
    if (known?.mdev !== undefined) await this.#discard(known);
    return known ?? this.#name(type, 'first');
  }

  #name(type: string, name: string): Subject {
    const subject = new Subject(UUID_STEM + String(++this.#made).padStart(4, '0'), type);
    this.#subjects.set(`${type} ${name}`, subject);
    return subject;
  }

  /** The device of this name, made if there is none; names count: the first has the recorder's first UUID. */
  async subject(type: string, name = 'first'): Promise<Subject> {
    const subject = this.#subjects.get(`${type} ${name}`) ?? this.#name(type, name);
    if (subject.mdev === undefined) await this.create(subject);
    return subject;
  }

  /** A device that has just been made: the one of this name, anew if it was there. */
  async renewed(type: string, name = 'first'): Promise<Subject> {
    // A number that it had is another's: the device of another type that has it goes.
    const others = [...this.#subjects].filter(([key]) => key.endsWith(` ${name}`) && key !== `${type} ${name}`);
    for (const [key, other] of others) {
      if (other.mdev !== undefined) await this.#discard(other);
      this.#subjects.delete(key);
    }
    const known = this.#subjects.get(`${type} ${name}`);
    if (known?.mdev !== undefined) await this.#discard(known);
    return this.subject(type, name);
  }

  async #discard(subject: Subject): Promise<void> {
    await this.closeSubject(subject);
    await this.remove(subject);
  }

  /** Closes all files of a device, its group and its container. */
  async closeSubject(subject: Subject): Promise<void> {
    for (const descriptor of subject.devices) await this.closeDevice(subject, descriptor);
    await this.closeContainer(subject);
    await this.closeGroup(subject);
  }

  /** What writing the UUID to the type's `create` gives. */
  async create(subject: Subject): Promise<number> {
    const { bus } = this.machine;
    await this.load(subject.type);
    const parent = bus.parents().find(({ types }) => types.some(({ id }) => id === subject.type));
    if (parent === undefined) throw new Skip(`there is no type ${subject.type}`);
    const path = `/sys/class/mdev_bus/${parent.name}/mdev_supported_types/${subject.type}/create`;
    const file = await this.machine.open(path, 'write');
    const ret = await file.write(Buffer.from(subject.uuid));
    subject.mdev = this.machine.mdev(subject.uuid);
    return ret;
  }

  /** Has the module of a type loaded. */
  async load(type: string): Promise<void> {
    const module = moduleOfType(type);
    if (module === undefined) throw new Skip(`there is no type ${type}`);
    if (!this.machine.isLoaded(module.name)) await this.machine.insmod(module.name);
  }

  /** What writing 1 to `remove` gives. */
  async remove(subject: Subject): Promise<number> {
    const file = await this.machine.open(`/sys/bus/mdev/devices/${subject.uuid}/remove`, 'write');
    const ret = await file.write(Buffer.from('1'));
    subject.mdev = undefined;
    subject.regions.clear();
    return ret;
  }

  groupPath({ mdev }: Subject): string {
    return `/dev/vfio/${mdev?.group}`;
  }

  /** The device's group, opened if it is not. */
  async group(subject: Subject): Promise<number> {
    subject.group ??= await this.program.open(this.groupPath(subject));
    return subject.group;
  }

  /** The container of this name, opened if it is not. */
  async container(name: string): Promise<Container> {
    let container = this.#containers.get(name);
    if (container === undefined) {
      container = { descriptor: undefined, hasIommu: false };
      this.#containers.set(name, container);
    }
    container.descriptor ??= await this.program.open('/dev/vfio/vfio');
    return container;
  }

  async setContainer(subject: Subject, container: Container): Promise<number> {
    const ret = await this.program.ioctl(
      await this.group(subject),
      uapi.GROUP_SET_CONTAINER,
      int(container.descriptor ?? -1),
    );
    subject.container = container;
    return ret;
  }

  async unsetContainer(subject: Subject): Promise<number> {
    const ret = await this.program.ioctl(await this.group(subject), uapi.GROUP_UNSET_CONTAINER);
    // The last group takes the IOMMU with it; its container is the one that later steps mean.
    const { container } = subject;
    if (container !== undefined && this.#users(container) === 1) container.hasIommu = false;
    this.#left = container;
    subject.container = undefined;
    return ret;
  }

  /** The container of a device, or the one that it has left. */
  containerOf({ container }: Subject): Container | undefined {
    return container ?? this.#left;
  }

  #left: Container | undefined;

  async setIommu(container: Container, type: number): Promise<number> {
    const ret = await this.program.ioctl(container.descriptor ?? -1, uapi.SET_IOMMU, type);
    container.hasIommu = true;
    return ret;
  }

  /** Opens a device once more. */
  async openDevice(subject: Subject, name = subject.uuid): Promise<number> {
    const argument = new TextEncoder().encode(`${name}\0`);
    const descriptor = await this.program.ioctl(await this.group(subject), uapi.GROUP_GET_DEVICE_FD, argument);
    subject.devices.push(descriptor);
    return 0;
  }

  /** An open file of the device, opened with all that it takes if there is none. */
  async device(subject: Subject): Promise<number> {
    if (subject.devices.length === 0) {
      await this.group(subject);
      if (subject.container === undefined) await this.setContainer(subject, await this.container('first'));
      const container = subject.container as Container | undefined;
      if (container !== undefined && !container.hasIommu) await this.setIommu(container, uapi.EXTENSIONS.type1v2);
      await this.openDevice(subject);
    }
    return subject.devices[0];
  }

  async closeDevice(subject: Subject, descriptor: number): Promise<void> {
    subject.devices = subject.devices.filter((open) => open !== descriptor);
    subject.lastClosed = descriptor;
    await this.program.close(descriptor);
    if (subject.devices.length === 0 && subject.group === undefined) subject.container = undefined;
  }

  async closeGroup(subject: Subject): Promise<void> {
    const { group } = subject;
    subject.group = undefined;
    if (group === undefined) return;
    await this.program.close(group);
    // With its last file a group leaves its container.
    if (subject.devices.length === 0) subject.container = undefined;
  }

  async closeContainer({ container }: Subject): Promise<void> {
    if (container?.descriptor === undefined) return;
    await this.program.close(container.descriptor);
    container.descriptor = undefined;
    for (const [name, known] of this.#containers) if (known === container) this.#containers.delete(name);
  }

  /** Closes everything that the program has open; counters and what stands for /dev/null come anew. */
  async closeAll(): Promise<void> {
    await this.program.closeAll();
    for (const subject of this.#subjects.values()) {
      subject.devices = [];
      subject.group = undefined;
      subject.container = undefined;
    }
    this.#containers.clear();
    this.#counters.length = 0;
    this.#null = undefined;
  }

  /** Where a region lies, as GET_REGION_INFO says; where it has none, by PCI's rule. */
  async region(subject: Subject, index: number): Promise<{ offset: number; size: number }> {
    const device = await this.device(subject);
    let region = subject.regions.get(index);
    if (region === undefined) {
      const argument = uapi.regionInfo.bytes({ argsz: uapi.REGION_INFO_BYTES, index });
      const ret = await attempt(() => this.program.ioctl(device, uapi.DEVICE_GET_REGION_INFO, argument));
      const { offset, size } = uapi.regionInfo.decode(argument);
      region =
        ret < 0
          ? { offset: index * 2 ** uapi.REGION_OFFSET_BITS, size: 0 }
          : { offset: Number(offset), size: Number(size) };
      subject.regions.set(index, region);
    }
    return region;
  }

  /** The newest eventfd, or a new one. */
  eventfd(replace = false): number {
    const last = this.#counters.at(-1);
    if (last !== undefined && !replace) return last.descriptor;
    const counter = InterruptCounter.create();
    const descriptor = this.program.eventfd(counter);
    this.#counters.push({ descriptor, counter });
    return descriptor;
  }

  /** Signals of the newest eventfd since the last call; those of older ones count a thousandfold: they must not come. */
  fired(): number {
    return this.#counters.reduce((sum, { counter }, at) => {
      const signals = counter.take();
      return sum + (at === this.#counters.length - 1 ? signals : 1000 * signals);
    }, 0);
  }

  /** A file that has nothing to do with vfio. */
  async nothing(): Promise<number> {
    this.#null ??= await this.program.open('/dev/null');
    return this.#null;
  }

  #users(container: Container): number {
    return [...this.#subjects.values()].filter((subject) => subject.container === container).length;
  }
}
