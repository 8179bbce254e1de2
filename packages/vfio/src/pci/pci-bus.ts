/**
 * The PCI functions of a topology as one thread of their driver sees them all: who is bound and where, the members of a
 * device set, resets of a whole bus or slot (spec/pci sections 7 and 8). A reset runs on the thread of the function that
 * was asked for it, under the mutex of the set, and asks the threads of the others for their steps. What threads share is
 * in `node-records.ts` and `guard-table.ts`.
 */
import { channel } from 'node:diagnostics_channel';
import { type BusMemory, DEVICE_FRAMEWORK, DEVICE_IDS, ERRNO, isMediatedError } from '@mediated/core';
import type { DeviceSet } from '../device-set.js';
import { IOMMUFD } from '../device-words.js';
import type { DevicePeers } from '../device-peers.js';
import type { PhysicalMemory } from '../physical/physical-memory.js';
import type { GuardTable } from './guard-table.js';
import type { MemoryGuard } from './memory-guard.js';
import type { NodeRecords } from './node-records.js';
import type { ResetScope, Topology } from './topology.js';
import type { PciNode } from './topology-nodes.js';

/**
 * Steps of a reset, done by the function's thread. Each is done by all before the next begins: nobody is reset while
 * another still masters the bus, nobody is put back before all are reset.
 */
export const STEP = { save: 1, reset: 2, restore: 3 } as const;
export type Step = (typeof STEP)[keyof typeof STEP];

/** Message of `mediated:pci:reset`: a bus or slot was reset, or that was tried (thread that ran it). */
export interface BusResetNotice {
  readonly kind: 'bus' | 'slot';
  /** Name of the bridge that was told to reset. */
  readonly bridge: string;
  readonly functions: readonly string[];
  /** 0 or a negative errno. */
  readonly result: number;
}

const resetDone = channel('mediated:pci:reset');

/** A bound function. */
export interface Member {
  readonly place: number;
  readonly slot: number;
  readonly guard: MemoryGuard;
}

export class PciBus {
  readonly topology: Topology;
  readonly records: NodeRecords;
  readonly physical: PhysicalMemory;
  readonly #guards: GuardTable;
  readonly #memory: BusMemory;
  readonly #peers: () => DevicePeers;

  constructor(parts: {
    readonly topology: Topology;
    readonly records: NodeRecords;
    readonly physical: PhysicalMemory;
    readonly guards: GuardTable;
    readonly memory: BusMemory;
    readonly peers: () => DevicePeers;
  }) {
    this.topology = parts.topology;
    this.records = parts.records;
    this.physical = parts.physical;
    this.#guards = parts.guards;
    this.#memory = parts.memory;
    this.#peers = parts.peers;
  }

  get peers(): DevicePeers {
    return this.#peers();
  }

  /** Nodes that a reset reaches, as far as they exist: virtual functions do when they are switched on. */
  affected(scope: ResetScope): PciNode[] {
    return this.topology
      .affected(scope)
      .map((place) => this.topology.nodes[place])
      .filter((node) => this.exists(node));
  }

  exists({ physical }: PciNode): boolean {
    return physical === undefined || physical.number < this.records.virtualFunctions(physical.place);
  }

  /** The members of a set in their order. With its mutex held. */
  members(set: DeviceSet): Member[] {
    const places = new Map<number, number>();
    for (const { place } of this.topology.nodes) {
      const slot = this.physical.slotOf(place);
      if (slot >= 0) places.set(slot, place);
    }
    return set.members().flatMap((slot) => {
      const place = places.get(slot);
      const guard = place === undefined ? -1 : this.records.guardOf(place);
      return place === undefined || guard < 0 ? [] : [{ place, slot, guard: this.#guards.open(guard) }];
    });
  }

  /**
   * The scope that a reset of the whole set has: every device that it reaches is a member. Undefined: the set cannot be
   * reset. With its mutex held.
   */
  resettable(members: readonly Member[]): ResetScope | undefined {
    const [first] = members;
    if (first === undefined) return undefined;
    const scope = this.topology.scopeOf(this.topology.nodes[first.place]);
    if (scope === undefined) return undefined;
    const places = new Set(members.map(({ place }) => place));
    return this.affected(scope).every(({ place }) => places.has(place)) ? scope : undefined;
  }

  /** Group number of a bound function, -1 when it has none. */
  groupOf({ slot }: Member): number {
    const { devices } = this.#memory;
    return Atomics.load(devices.words, devices.base(slot) + DEVICE_IDS) - 1;
  }

  /** Number of the iommufd context that the device in a slot is bound to, 0: none. */
  contextOf(slot: number): number {
    const { devices } = this.#memory;
    return Atomics.load(devices.words, devices.base(slot) + DEVICE_FRAMEWORK + IOMMUFD);
  }

  /** Has a step done by the threads of all these functions. EIO: a thread has died; the others have done it. */
  async #step(members: readonly Member[], step: Step): Promise<number> {
    const results = await Promise.all(members.map((member) => this.#ask(member, step)));
    return results.find((result) => result < 0) ?? 0;
  }

  /**
   * Resets a bus or slot all of whose devices are given: their locks are tried, their registers kept. 0 or a negative
   * errno: EAGAIN (somebody has one of the locks), ENOTTY (the link did not come up), EIO (a thread has died meanwhile).
   */
  async reset(scope: ResetScope, members: readonly Member[]): Promise<number> {
    const affected = this.topology.affected(scope);
    const unlock = this.records.tryLockAll([scope.bridge, ...affected]);
    if (unlock === undefined) return this.#done(scope, members, -ERRNO.EAGAIN);
    try {
      let result = 0;
      for (const step of [STEP.save, STEP.reset, STEP.restore]) {
        const stepped = await this.#step(members, step);
        if (result === 0) result = stepped;
      }
      if (result === 0 && this.topology.nodes[scope.bridge].bridge?.linkLost) result = -ERRNO.ENOTTY;
      return this.#done(scope, members, result);
    } finally {
      unlock();
    }
  }

  /** The attempt at the end of a close (section 8): nothing tells whether it did anything. With the set's mutex held. */
  async settle(set: DeviceSet): Promise<void> {
    if (set.openCount() > 1) return;
    const members = this.members(set);
    if (!members.some(({ place }) => this.records.needsReset(place))) return;
    const scope = this.resettable(members);
    if (scope === undefined) return;
    if ((await this.reset(scope, members)) !== 0) return;
    for (const { place } of members) this.records.setNeedsReset(place, false);
  }

  async #ask({ place, slot }: Member, step: Step): Promise<number> {
    const { generation, ...where } = this.records.addressOf(place);
    try {
      return await this.peers.step(where, slot, generation, step);
    } catch (error) {
      // What its thread has held is gone with it.
      return isMediatedError(error, 'ENODEV') ? 0 : -ERRNO.EIO;
    }
  }

  #done(scope: ResetScope, members: readonly Member[], result: number): number {
    if (resetDone.hasSubscribers) {
      const { nodes } = this.topology;
      const functions = members.map(({ place }) => nodes[place].name);
      resetDone.publish({
        kind: scope.kind,
        bridge: nodes[scope.bridge].name,
        functions,
        result,
      } satisfies BusResetNotice);
    }
    return result;
  }
}
