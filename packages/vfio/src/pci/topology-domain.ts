/**
 * The surroundings of a function of a topology (`domain.ts`): its device lock and that of the bridge above, its set, the
 * physical function of a virtual one. On the function's thread.
 */
import type { DeviceSet } from '../device-set.js';
import type { FunctionDomain } from './domain.js';
import type { ResetMethod } from './function-spec.js';
import type { PciBus } from './pci-bus.js';
import type { PciNode } from './topology-nodes.js';

export class TopologyDomain implements FunctionDomain {
  readonly methods: readonly ResetMethod[];
  readonly virtualFunction: boolean;
  readonly alone: boolean;
  readonly #bus: PciBus;
  readonly #node: PciNode;
  readonly #set: () => DeviceSet;

  /** `set`: the set of the function's device, which has one only after it was made. */
  constructor(bus: PciBus, node: PciNode, set: () => DeviceSet) {
    this.#bus = bus;
    this.#node = node;
    this.#set = set;
    this.methods = node.reset;
    this.virtualFunction = node.physical !== undefined;
    this.alone = node.upstream >= 0 && !node.noBusReset && bus.topology.isAlone(node);
  }

  get needsReset(): boolean {
    return this.#bus.records.needsReset(this.#node.place);
  }

  set needsReset(needed: boolean) {
    this.#bus.records.setNeedsReset(this.#node.place, needed);
  }

  tryLock(bridge: boolean): (() => void) | undefined {
    const { place, upstream } = this.#node;
    return this.#bus.records.tryLockAll(bridge && upstream >= 0 ? [upstream, place] : [place]);
  }

  countReset(kind: 'function' | 'bus'): void {
    this.#bus.records.countReset(this.#node.place, kind);
  }

  opened(): void {
    const { physical, place } = this.#node;
    const { records } = this.#bus;
    if (physical === undefined || records.guardOf(physical.place) < 0) return;
    records.countUser(place, physical.place, true);
  }

  closing(): void {
    const { physical, place } = this.#node;
    if (physical !== undefined) this.#bus.records.countUser(place, physical.place, false);
  }

  settle(): Promise<void> {
    return this.#bus.settle(this.#set());
  }
}
