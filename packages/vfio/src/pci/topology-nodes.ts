/**
 * The nodes of a described PCI topology (`topology-spec.ts`): names, buses, IOMMU groups, ways to reset. Made by
 * `topology.ts`, on every thread alike. Pure.
 *
 * Nodes are in the order in which a host finds them: bus by bus, virtual functions last. IOMMU groups that are not given
 * are numbered in that order: functions of one device share one (none of them is isolated), so do a conventional bridge and
 * all behind it, and every virtual function has its own.
 */
import { MediatedError } from '@mediated/core';
import type { PhysicalDevice } from '../physical/description.js';
import { checkFunction, type FunctionSpec, RESET_METHODS, type ResetMethod } from './function-spec.js';
import type { BridgeSpec, EndpointSpec, SriovSpec, TopologyNodeSpec, TopologySpec } from './topology-spec.js';

/** A function or a bridge. */
export interface PciNode extends PhysicalDevice {
  readonly place: number;
  readonly segment: number;
  readonly bus: number;
  readonly devfn: number;
  /** Place of the bridge that leads to its bus; -1 on a root bus. */
  readonly upstream: number;
  readonly noBusReset: boolean;
  readonly reset: readonly ResetMethod[];
  /** Undefined: a function that may be bound. */
  readonly bridge: BridgeSpec | undefined;
  readonly spec: FunctionSpec;
  readonly model: string | undefined;
  readonly modelOptions: unknown;
  readonly sriov: SriovSpec | undefined;
  /** Of a virtual function: place of its physical function, and its number from 0. */
  readonly physical: { readonly place: number; readonly number: number } | undefined;
}

type Unplaced = Omit<PciNode, 'place' | 'group' | 'upstream' | 'physical'> & {
  readonly parent: Unplaced | undefined;
  readonly declared: number | null | undefined;
  readonly ofPhysical: { readonly node: Unplaced; readonly number: number } | undefined;
};

/** All nodes of a description. EINVAL says where and what when it makes no sense. */
export function nodesOf(spec: TopologySpec): PciNode[] {
  if (!Array.isArray(spec?.devices)) throw refused('it has no list of devices');
  return place(collect(spec));
}

/** All nodes, sorted as a host finds them. */
function collect({ segment = 0, devices }: TopologySpec): Unplaced[] {
  if (!(Number.isInteger(segment) && segment >= 0 && segment <= 0xffff)) throw refused(`segment is ${segment}`);
  const found: Unplaced[] = [];
  const buses = new Set([0]);
  const add = (specs: readonly TopologyNodeSpec[], bus: number, parent: Unplaced | undefined) => {
    for (const spec of specs) {
      const devfn = parsePlace(spec.at, bus);
      const node = isBridge(spec)
        ? bridgeNode(spec, segment, bus, devfn, parent)
        : endpointNode(spec, segment, bus, devfn, parent);
      found.push(node);
      if (isBridge(spec)) {
        if (!(Number.isInteger(spec.bus) && spec.bus > 0 && spec.bus <= 0xff)) {
          throw refused(`the bus behind ${node.name} is ${spec.bus}; it is a number from 1 to 255`);
        }
        if (buses.has(spec.bus)) throw refused(`two bridges lead to bus ${spec.bus}`);
        buses.add(spec.bus);
        add(spec.devices ?? [], spec.bus, node);
      } else if (spec.sriov !== undefined) {
        found.push(...virtualFunctions(spec, spec.sriov, node));
      }
    }
  };
  add(devices, 0, undefined);
  const names = new Set<string>();
  for (const { name } of found) {
    if (names.has(name)) throw refused(`two devices are at ${name}`);
    names.add(name);
  }
  const isVirtual = (node: Unplaced) => Number(node.ofPhysical !== undefined);
  return found.sort((a, b) => isVirtual(a) - isVirtual(b) || a.bus - b.bus || a.devfn - b.devfn);
}

function place(found: readonly Unplaced[]): PciNode[] {
  const groups = groupNumbers(found);
  return found.map(({ parent, declared: _declared, ofPhysical, ...node }, place) => ({
    ...node,
    place,
    group: groups[place],
    upstream: parent === undefined ? -1 : found.indexOf(parent),
    physical:
      ofPhysical === undefined ? undefined : { place: found.indexOf(ofPhysical.node), number: ofPhysical.number },
    reset: node.reset.filter((method) => method !== 'bus' || isFirst(found, place)),
  }));
}

/** Whether a host, when it finds the node, sees nothing else on its bus: then it notes that a bus reset resets it alone. */
function isFirst(found: readonly Unplaced[], place: number): boolean {
  const { bus } = found[place];
  return found.findIndex((node) => node.bus === bus) === place;
}

function groupNumbers(found: readonly Unplaced[]): (number | undefined)[] {
  const used = new Set(found.flatMap(({ declared }) => (typeof declared === 'number' ? [declared] : [])));
  const byKey = new Map<unknown, number>();
  let next = 0;
  return found.map((node) => {
    if (node.declared === null) return undefined;
    if (node.declared !== undefined) return node.declared;
    const key = groupKey(node);
    let number = byKey.get(key);
    if (number === undefined) {
      while (used.has(next)) next++;
      number = next;
      used.add(number);
      byKey.set(key, number);
    }
    return number;
  });
}

/** What the node shares a group with: the topmost conventional bridge, else the functions of its device. */
function groupKey(node: Unplaced): unknown {
  if (node.ofPhysical !== undefined) return node;
  let top: Unplaced | undefined;
  for (let at: Unplaced | undefined = node; at !== undefined; at = at.parent) {
    if (at.bridge?.bridge === 'conventional') top = at;
  }
  return top ?? `${node.bus}:${node.devfn >> 3}`;
}

function bridgeNode(
  spec: BridgeSpec,
  segment: number,
  bus: number,
  devfn: number,
  parent: Unplaced | undefined,
): Unplaced {
  const { vendor = 0x1b36, device = 0x000c, reset = defaultBridgeReset(spec, parent) } = spec;
  const common = commonNode(spec, segment, bus, devfn, parent);
  const own: FunctionSpec = { vendor, device, classCode: 0x060400, express: {} };
  return { ...common, bridge: spec, spec: own, reset, model: undefined, modelOptions: undefined, sriov: undefined };
}

function endpointNode(
  spec: EndpointSpec,
  segment: number,
  bus: number,
  devfn: number,
  parent: Unplaced | undefined,
): Unplaced {
  const common = commonNode(spec, segment, bus, devfn, parent);
  checkFunction(common.name, spec);
  for (const method of spec.reset ?? []) {
    if (!RESET_METHODS.includes(method)) throw refused(`${common.name} has an unknown way to reset, ${method}`);
  }
  const { model, modelOptions, sriov } = spec;
  const reset = spec.reset ?? defaultReset(spec, parent);
  return { ...common, bridge: undefined, spec, reset, model, modelOptions, sriov };
}

function commonNode(spec: TopologyNodeSpec, segment: number, bus: number, devfn: number, parent: Unplaced | undefined) {
  const name = nameOf(segment, bus, devfn);
  const path = parent === undefined ? name : `${parent.path}/${name}`;
  const { host, noBusReset = false } = spec;
  return { name, path, segment, bus, devfn, parent, host, noBusReset, declared: spec.group, ofPhysical: undefined };
}

function virtualFunctions(spec: EndpointSpec, sriov: SriovSpec, node: Unplaced): Unplaced[] {
  const { total, enabled = 0, offset = 1, stride = 1 } = sriov;
  if (!(Number.isInteger(total) && total > 0 && node.devfn + offset + (total - 1) * stride <= 0xff)) {
    throw refused(`the ${total} virtual functions of ${node.name} do not fit onto its bus`);
  }
  if (!(Number.isInteger(enabled) && enabled >= 0 && enabled <= total)) {
    throw refused(`${enabled} of ${total} virtual functions of ${node.name} are on`);
  }
  const own: FunctionSpec = {
    vendor: spec.vendor,
    device: spec.device,
    ...(spec.classCode === undefined ? {} : { classCode: spec.classCode }),
    express: { flr: true },
    pin: 0,
    ...sriov.function,
  };
  return Array.from({ length: total }, (_, number) => {
    const devfn = node.devfn + offset + number * stride;
    const name = nameOf(node.segment, node.bus, devfn);
    checkFunction(name, own);
    const { segment, bus, parent } = node;
    const path = parent === undefined ? name : `${parent.path}/${name}`;
    const place = { name, path, segment, bus, devfn, parent, host: undefined, declared: undefined };
    const reset = sriov.reset ?? defaultReset(own, undefined);
    const model = { model: sriov.model, modelOptions: sriov.modelOptions };
    const common = { noBusReset: false, bridge: undefined, sriov: undefined, ofPhysical: { node, number } };
    return { ...place, ...common, ...model, spec: own, reset };
  });
}

/** What a function is able to; whether a bus reset would do for it is found when its neighbours are known. */
function defaultReset(spec: FunctionSpec, parent: Unplaced | undefined): ResetMethod[] {
  return [
    ...(spec.express?.flr ? (['flr'] as const) : []),
    ...(spec.af?.flr ? (['af_flr'] as const) : []),
    ...(spec.pm !== undefined && !spec.pm.noSoftReset ? (['pm'] as const) : []),
    ...(parent !== undefined && !parent.noBusReset ? (['bus'] as const) : []),
  ];
}

function defaultBridgeReset(spec: BridgeSpec, parent: Unplaced | undefined): ResetMethod[] {
  return spec.bridge === 'conventional' && parent !== undefined ? ['pm', 'bus'] : [];
}

function parsePlace(at: string, bus: number): number {
  const [, device, fn = '0'] = /^([01]?[\da-f])(?:\.([0-7]))?$/i.exec(at ?? '') ?? [];
  if (device !== undefined) return (Number.parseInt(device, 16) << 3) | Number(fn);
  throw refused(`${JSON.stringify(at)} on bus ${bus} is no place; 00.0 to 1f.7 are`);
}

function nameOf(segment: number, bus: number, devfn: number): string {
  return `${hex(segment, 4)}:${hex(bus, 2)}:${hex(devfn >> 3, 2)}.${devfn & 7}`;
}

/** A number of so many hexadecimal digits. */
export function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

function isBridge(spec: TopologyNodeSpec): spec is BridgeSpec {
  return 'bridge' in spec;
}

function refused(reason: string): MediatedError {
  return new MediatedError('EINVAL', `the PCI topology: ${reason}`, { syscall: 'loadDriver' });
}
