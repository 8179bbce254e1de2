/**
 * A device in use by a machine: opened through its group, with a container for the machine's memory, as any other program
 * does it. Lives on the device's own thread, where what it asks of the device is a call.
 */
import type { Bus, Mdev } from '@mediated/core';
import {
  AddressMap,
  type ContainerFile,
  type DeviceFile,
  type DeviceInfo,
  type GroupFile,
  type LocalFile,
  openContainer,
  openGroup,
  type RegionInfo,
} from '@mediated/vfio';
import { EXTENSIONS, PCI_REGIONS } from '@mediated/vfio/uapi';
import { refusal } from './refusal.js';

/** Bytes of a configuration space, which machines read as a whole; drivers may say one less. */
const CONFIG_BYTES = 256;

export class AttachedDevice {
  readonly file: DeviceFile;
  /** Its registers and memory, without a promise where the driver needs none. */
  readonly registers: LocalFile;
  readonly container: ContainerFile;
  readonly info: DeviceInfo;
  readonly #group: GroupFile;
  readonly #regions: (RegionInfo | undefined)[] = [];

  private constructor(
    file: DeviceFile,
    registers: LocalFile,
    container: ContainerFile,
    group: GroupFile,
    info: DeviceInfo,
  ) {
    this.file = file;
    this.registers = registers;
    this.container = container;
    this.#group = group;
    this.info = info;
  }

  /** First open of the device. ENODEV, EBUSY (another program has its group), what its driver throws. */
  static async open(bus: Bus, mdev: Mdev, local: (file: DeviceFile) => LocalFile | undefined): Promise<AttachedDevice> {
    const opened: { close(): Promise<void> }[] = [];
    const { group: number } = mdev;
    if (number === undefined) throw refusal('ENODEV', `${mdev.name} has no group`);
    try {
      const group = await openGroup(bus, number);
      opened.unshift(group);
      const container = await openContainer(bus);
      opened.push(container);
      await group.setContainer(container);
      await container.setIommu(EXTENSIONS.type1v2);
      const file = await group.openDevice(mdev.name);
      opened.unshift(file);
      const registers = local(file);
      if (registers === undefined) throw refusal('ENODEV', `${mdev.name} is gone`);
      return new AttachedDevice(file, registers, container, group, await file.info());
    } catch (error) {
      for (const one of opened) await one.close();
      throw error;
    }
  }

  /** A region as a machine is told of it. EINVAL: there is none. */
  region(index: number): RegionInfo | Promise<RegionInfo> {
    return this.#regions[index] ?? this.refreshRegion(index);
  }

  /** {@link region}, asked anew. */
  async refreshRegion(index: number): Promise<RegionInfo> {
    if (index >= this.info.regions) throw refusal('EINVAL', `no region ${index}`);
    const info = await this.file.regionInfo(index);
    const size = index === PCI_REGIONS.config && info.size > 0 ? Math.max(info.size, CONFIG_BYTES) : info.size;
    const told = { ...info, size, flags: size === 0 ? 0 : info.flags };
    this.#regions[index] = told;
    return told;
  }

  /** No mapping is left of a buffer. */
  forgetMemory(memory: SharedArrayBuffer): void {
    AddressMap.ofThread().remove(this.container.addressOf(memory));
  }

  /** Last close. */
  async close(): Promise<void> {
    await this.file.close();
    await this.#group.close();
    await this.container.close();
  }
}
