/**
 * The groups that somebody uses, by number. Private to the control thread. A group is kept while its file is open or a
 * device of it is bound; a file whose group is gone keeps the group itself.
 */
import { type ErrnoName, MediatedError } from '@mediated/core';
import type { Container } from './container.js';
import { GROUP_NODES } from './control-protocol.js';
import { Group } from './group.js';
import { GROUP_KINDS, type GroupRecords } from './group-records.js';

export class Groups {
  readonly #records: GroupRecords;
  readonly #groups = new Map<number, Group>();

  constructor(records: GroupRecords) {
    this.#records = records;
  }

  /** Opening a group's node (7.2): ENODEV, EPERM, EBUSY. */
  open(number: number, node: number, privileged: boolean): Group {
    // The order of the two looks is the records' rule.
    const before = this.#records.life(number);
    if (before === 0) throw refused('ENODEV', number, 'there is no such group');
    this.#records.setOpen(number, before);
    const group = this.#current(number);
    try {
      const noIommu = group?.kind === GROUP_KINDS.noIommu;
      if (group === undefined || node === (noIommu ? GROUP_NODES.plain : GROUP_NODES.noIommu)) {
        throw refused('ENODEV', number, 'it is gone, or its node has another name');
      }
      if (noIommu && !privileged) {
        throw refused('EPERM', number, 'use without an IOMMU takes the right to raw I/O');
      }
      if (group.bound > 0) throw refused('EBUSY', number, 'a device of it is bound by its own node');
      if (group.opened) throw refused('EBUSY', number, 'it is open already');
      group.open();
      return group;
    } finally {
      if (group?.opened !== true) {
        this.#records.clearOpen(number, before);
        group?.settle();
      }
    }
  }

  /** A device is being bound by its own node: EBUSY while the group's file is open (6.3). ENODEV. */
  bind(number: number): Group {
    const group = this.#current(number);
    if (group === undefined) throw refused('ENODEV', number, 'there is no such group');
    if (group.opened) throw refused('EBUSY', number, 'its file is open');
    group.bound++;
    return group;
  }

  unbind(group: Group): void {
    group.bound--;
    group.settle();
  }

  /** A group whose last device has left. */
  retire(number: number): void {
    const group = this.#groups.get(number);
    if (group !== undefined && this.#records.life(number) !== group.life) this.#retire(group);
  }

  /** Containers that groups are in. */
  containers(): Set<Container> {
    return new Set([...this.#groups.values()].flatMap(({ container }) => container ?? []));
  }

  /** A device thread has died, maybe with groups. */
  retireLost(): void {
    for (const number of [...this.#groups.keys()]) this.retire(number);
  }

  /** The group that has this number now. */
  #current(number: number): Group | undefined {
    const life = this.#records.life(number);
    const known = this.#groups.get(number);
    if (known?.life === life) return known;
    if (known !== undefined) this.#retire(known);
    if (life === 0) return undefined;
    const group = new Group(number, life, this.#records, (idle) => this.#forget(idle));
    this.#groups.set(number, group);
    return group;
  }

  #forget(group: Group): void {
    if (this.#groups.get(group.number) === group) this.#groups.delete(group.number);
  }

  #retire(group: Group): void {
    this.#groups.delete(group.number);
    group.retire();
  }
}

function refused(code: ErrnoName, number: number, text: string): MediatedError {
  return new MediatedError(code, `group ${number}: ${text}`, { syscall: 'open' });
}
