/**
 * A virtual machine and its VFIO device (spec/vfio-core 6.5, 18): groups and devices that are told which machine uses
 * them. Private to the control thread. To this house a machine is no more than its number.
 */
import { type ErrnoName, MediatedError } from '@mediated/core';
import { ControlFile } from './control-files.js';
import type { DeviceLink } from './device-link.js';
import type { Group } from './group.js';

/** A machine, named by the number of its file. */
export class Kvm extends ControlFile {
  /** False once it is being destroyed: it counts as none then. */
  alive = true;
  #device = false;
  /** What has been added, by a key of the file, and how it is taken out. */
  readonly #added = new Map<string, () => void | Promise<void>>();

  /** Creates its VFIO device. EBUSY: it has one. */
  createDevice(): void {
    if (this.#device) throw refused('EBUSY', 'the machine has a VFIO device already');
    this.#device = true;
  }

  /** FILE_ADD of a group's file, which stays open until FILE_DEL. EEXIST. */
  addGroup(key: number, group: Group): void {
    this.#assertNew(`group ${key}`);
    group.pins++;
    group.kvm = this;
    this.#added.set(`group ${key}`, () => {
      group.kvm = undefined;
      group.pins--;
      group.settle();
    });
  }

  /** FILE_ADD of a device's file. EEXIST, EBADF. */
  async addDevice(link: DeviceLink, file: number, owner: number): Promise<void> {
    const key = `device ${link.thread} ${file}`;
    this.#assertNew(key);
    const { actor } = link;
    const remove = async () => actor.ask('unpinFile', file).catch(() => {});
    this.#added.set(key, remove);
    try {
      await actor.ask('pinFile', file, owner, this.number);
    } catch (error) {
      this.#added.delete(key);
      throw error;
    }
  }

  /** FILE_DEL. ENOENT. */
  async remove(key: string): Promise<void> {
    const remove = this.#added.get(key);
    if (remove === undefined || !this.#device) throw refused('ENOENT', 'this file was not added');
    this.#added.delete(key);
    await remove();
  }

  release(): void {
    this.alive = false;
    for (const remove of this.#added.values()) void remove();
    this.#added.clear();
  }

  #assertNew(key: string): void {
    if (!this.#device) throw refused('EINVAL', 'the machine has no VFIO device yet');
    if (this.#added.has(key)) throw refused('EEXIST', 'this file was added already');
  }
}

function refused(code: ErrnoName, text: string): MediatedError {
  return new MediatedError(code, text, { syscall: 'ioctl' });
}
