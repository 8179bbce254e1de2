/**
 * A PCI topology that was described (`topology-spec.ts`): its nodes, and what a reset of one reaches (spec/pci section 7).
 * The same on every thread; pure and immutable.
 */
import { MediatedError } from '@mediated/core';
import { hex, nodesOf, type PciNode } from './topology-nodes.js';
import type { TopologySpec } from './topology-spec.js';

/** What one reset reaches. */
export interface ResetScope {
  readonly kind: 'slot' | 'bus';
  /** Place of the bridge that resets. */
  readonly bridge: number;
  /** Bus and, for a slot, device number. */
  readonly bus: number;
  readonly slot: number | undefined;
}

export class Topology {
  readonly nodes: readonly PciNode[];
  readonly noIommu: boolean;
  readonly noIntx: boolean;
  readonly #places: ReadonlyMap<string, number>;

  /** EINVAL says where and what when a description makes no sense. */
  constructor(spec: TopologySpec) {
    this.nodes = nodesOf(spec);
    this.noIommu = spec.noIommu === true;
    this.noIntx = spec.noIntx === true;
    this.#places = new Map(this.nodes.map(({ name, place }) => [name, place]));
  }

  /** A node by its name. ENODEV. */
  node(name: string): PciNode {
    const place = this.#places.get(name);
    if (place !== undefined) return this.nodes[place];
    throw new MediatedError('ENODEV', `there is no PCI device ${name}`);
  }

  /** The reset that reaches more than one function, slot before bus; undefined: neither is possible. */
  scopeOf(node: PciNode): ResetScope | undefined {
    const bridge = this.nodes[node.upstream];
    if (bridge === undefined) return undefined;
    const slot = node.devfn >> 3;
    const { bus } = node;
    const inSlot: ResetScope = { kind: 'slot', bridge: bridge.place, bus, slot };
    if (hasSlot(bridge, slot) && this.affected(inSlot).every((place) => !this.nodes[place].noBusReset)) return inSlot;
    const onBus: ResetScope = { kind: 'bus', bridge: bridge.place, bus, slot: undefined };
    if (bridge.noBusReset) return undefined;
    return this.affected(onBus).every((place) => !this.nodes[place].noBusReset) ? onBus : undefined;
  }

  /** Places of all nodes that a reset reaches, also behind further bridges, in the order of a walk over the bus. */
  affected({ bus, slot }: ResetScope): number[] {
    return this.#walk(bus).filter((place) => {
      if (slot === undefined) return true;
      for (let node = this.nodes[place]; ; node = this.nodes[node.upstream]) {
        if (node.bus === bus) return node.devfn >> 3 === slot;
      }
    });
  }

  /** Key of the device set: what can only be reset together. Undefined: a set of its own. */
  setKey(node: PciNode): string | undefined {
    const bridge = this.nodes[node.upstream];
    if (bridge === undefined || node.physical !== undefined) return undefined;
    const scope = this.scopeOf(node);
    const bus = `${hex(node.segment, 4)}:${hex(node.bus, 2)}`;
    return scope?.kind === 'slot' ? `pci slot ${bus}:${hex(node.devfn >> 3, 2)}` : `pci bus ${bus}`;
  }

  /** Whether a reset of its bus would reach nothing else that stands on it. */
  isAlone(node: PciNode): boolean {
    return this.nodes.every(
      (other) =>
        other === node || other.bus !== node.bus || other.segment !== node.segment || other.physical !== undefined,
    );
  }

  #walk(bus: number): number[] {
    return this.nodes
      .filter((node) => node.bus === bus)
      .flatMap((node) => [node.place, ...(node.bridge === undefined ? [] : this.#walk(node.bridge.bus))]);
  }
}

function hasSlot(bridge: PciNode, slot: number): boolean {
  const slots = bridge.bridge?.slots;
  return slots === true || (Array.isArray(slots) && slots.includes(slot));
}
