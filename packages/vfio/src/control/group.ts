/**
 * An IOMMU group that somebody uses: its file is open, or a device of it is bound to an iommufd (spec/vfio-core section
 * 7). Private to the control thread; what other threads know of the group is its record (`group-records.ts`).
 */
import { type ErrnoName, MediatedError } from '@mediated/core';
import { GROUP_FLAGS } from '../uapi/group.js';
import type { Container } from './container.js';
import { GROUP_KINDS, type GroupKind, type GroupRecords } from './group-records.js';
import type { IommufdContext } from './iommufd-context.js';
import type { Kvm } from './kvm.js';
import { Turns } from './turns.js';

export class Group {
  readonly number: number;
  /** The life of the group's record that this is. */
  readonly life: number;
  readonly kind: GroupKind;
  /** The kernel's group lock: opening devices, setting and unsetting containers. */
  readonly turns = new Turns();
  container: Container | undefined;
  /** 1 while in a container, and 1 more per open device. */
  containerUsers = 0;
  /** In place of a container. */
  context: IommufdContext | undefined;
  kvm: Kvm | undefined;
  /** Devices bound to an iommufd by their own nodes. */
  bound = 0;
  /** Pins of its file besides the opener's: by virtual machines. */
  pins = 0;
  readonly #records: GroupRecords;
  readonly #idle: (group: Group) => void;
  /** `closed`: by its opener, while devices or machines keep it. */
  #file: 'none' | 'open' | 'closed' = 'none';
  #gone = false;
  #dmaOwner: Container | IommufdContext | undefined;
  #dmaClaims = 0;

  /** `idle` is told when nobody uses it any more. */
  constructor(number: number, life: number, records: GroupRecords, idle: (group: Group) => void) {
    this.number = number;
    this.life = life;
    this.kind = records.kind(number);
    this.#records = records;
    this.#idle = idle;
  }

  /** All its devices have left it: the number may be another group's by now. */
  get gone(): boolean {
    return this.#gone;
  }

  /** An IOMMU stands between its devices and memory: what a container maps is pinned and mapped for them. */
  get behindIommu(): boolean {
    return this.kind === GROUP_KINDS.physical || this.kind === GROUP_KINDS.isolated;
  }

  /** Name id of the device whose IOMMU it is, of an isolated group; else -1. */
  get iommu(): number {
    return this.kind === GROUP_KINDS.isolated ? this.#records.iommu(this.number) : -1;
  }

  /** Its file is open, or was closed while devices are open. */
  get opened(): boolean {
    return this.#file !== 'none';
  }

  /** GET_STATUS. ENODEV: the group is gone. */
  get status(): number {
    if (this.#gone) throw this.refusal('ENODEV', 'the group is gone');
    const { viable, containerSet } = GROUP_FLAGS;
    if (this.container !== undefined || this.context !== undefined) return viable | containerSet;
    return this.kind === GROUP_KINDS.physical && this.#records.kernelUsers(this.number) > 0 ? 0 : viable;
  }

  /** SET_CONTAINER: EINVAL, ENODEV, EBADFD (`target` is neither), else what attaching says. */
  setContainer(target: Container | IommufdContext | undefined, privileged: boolean, attach: () => void): void {
    if (this.container !== undefined || this.context !== undefined) {
      throw this.refusal('EINVAL', 'the group is in a container already');
    }
    if (this.#gone) throw this.refusal('ENODEV', 'the group is gone');
    if (target === undefined) throw this.refusal('EBADFD', 'the descriptor is no container and no iommufd');
    if (this.kind === GROUP_KINDS.noIommu && !privileged) {
      throw this.refusal('EPERM', 'use without an IOMMU takes the right to raw I/O');
    }
    attach();
  }

  /** UNSET_CONTAINER: EINVAL; EBUSY while a device is open. */
  unsetContainer(): void {
    if (this.container === undefined && this.context === undefined) {
      throw this.refusal('EINVAL', 'the group is in no container');
    }
    if (this.container !== undefined && this.containerUsers !== 1) {
      throw this.refusal('EBUSY', 'a device of the group is open');
    }
    this.#leave();
  }

  /**
   * Physical groups: host drivers that do DMA are kept out until as many `releaseDma`. EPERM: one of them has a device of
   * the group, or another container or context has claimed it.
   */
  claimDma(owner: Container | IommufdContext): void {
    if (this.kind !== GROUP_KINDS.physical) return;
    if (this.#dmaOwner !== undefined && this.#dmaOwner !== owner) {
      throw this.refusal('EPERM', 'its DMA has another owner');
    }
    if (this.#dmaOwner === undefined && !this.#records.claim(this.number)) {
      throw this.refusal('EPERM', 'a host driver that does DMA has a device of the group');
    }
    this.#dmaOwner = owner;
    this.#dmaClaims++;
  }

  releaseDma(): void {
    if (this.kind !== GROUP_KINDS.physical || --this.#dmaClaims > 0) return;
    this.#dmaOwner = undefined;
    this.#records.release(this.number);
  }
  /** Its file is opened: it was not. */
  open(): void {
    this.#file = 'open';
  }

  /** The opener closes its file: at once, or with the last open device that its container serves. */
  close(): void {
    this.#file = 'closed';
    this.settle();
  }

  /** Something that keeps the group has ended. */
  settle(): void {
    if (this.#file === 'closed' && this.pins === 0 && !(this.container !== undefined && this.containerUsers > 1)) {
      this.#leave();
      this.kvm = undefined;
      this.#file = 'none';
      this.#records.clearOpen(this.number, this.life);
    }
    if (this.#file === 'none' && this.bound === 0) this.#idle(this);
  }

  /** The last device has left: further ioctls on the file are ENODEV. */
  retire(): void {
    this.#leave();
    this.#records.clearOpen(this.number, this.life);
    this.#gone = true;
  }

  #leave(): void {
    this.container?.detach(this);
    this.context?.dropGroup(this);
  }

  refusal(code: ErrnoName, text: string): MediatedError {
    return new MediatedError(code, `group ${this.number}: ${text}`, { syscall: 'ioctl' });
  }
}
