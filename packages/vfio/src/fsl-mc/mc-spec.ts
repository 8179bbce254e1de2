/**
 * The containers of a management complex (MC) and the objects in them as data: what an {@link McBus} is made with
 * (spec/vendors/platform-fsl B1). Checked once, read on each of the driver's threads as a list of nodes, the same on every
 * thread. Structured-cloneable, immutable.
 */
import { ERRNO, type ErrnoName, MediatedError } from '@mediated/core';
import type { HostDriver, PhysicalDevice } from '../physical/description.js';
import { checkRange, type PhysicalRange } from '../platform/mmio-region.js';

/** Interrupts of a container's pool. */
export const MAX_POOL = 256;

/** A region of an object. */
export interface McRegionSpec extends PhysicalRange {
  readonly readOnly?: boolean;
  /** Both: programs map it with a write-back cache, else uncached. */
  readonly cacheable?: boolean;
  readonly shareable?: boolean;
}

/** An interrupt of an object. */
export interface McIrqSpec {
  /** The line cannot be had: what SET_IRQS answers that binds it. */
  readonly requestError?: ErrnoName;
}

/** What objects and containers have. */
interface ObjectBase {
  readonly id: number;
  readonly regions?: readonly McRegionSpec[];
  /** Its interrupts, or how many. */
  readonly irqs?: number | readonly McIrqSpec[];
  /** Module with its model, and what the model is made with. Default: it knows no command. */
  readonly model?: string;
  readonly modelOptions?: unknown;
}

/** An object in a container. */
export interface McObjectSpec extends ObjectBase {
  /** `dpni`, `dpbp`, `dpio`, ... */
  readonly type: string;
  /** The host's driver that takes it when it appears and no other is to have it. */
  readonly host?: HostDriver;
  /** It is there from the start; default. Otherwise `McBus.plug` makes it appear. */
  readonly plugged?: boolean;
}

/** A container, a DPRC. */
export interface McContainerSpec extends ObjectBase {
  /** Number of the IOMMU group that it shares with its objects; none: they have no IOMMU. */
  readonly group?: number;
  /** The host's driver that has it until it is bound; default `fsl_mc_dprc`. Null: none, so its objects do not appear. */
  readonly host?: HostDriver | null;
  /** Interrupts that its objects share, 0 to 256; default 256. */
  readonly irqPool?: number;
  readonly objects?: readonly McObjectSpec[];
  /** What goes wrong: when it is set up for vfio, when it is scanned, when its pool is populated. */
  readonly faults?: { readonly setup?: ErrnoName; readonly scan?: ErrnoName; readonly irqPool?: ErrnoName };
}

/** What there is. */
export interface McSpec {
  readonly containers: readonly McContainerSpec[];
  /** Devices without an IOMMU group may be used by those who may do anything (no-IOMMU mode). */
  readonly noIommu?: boolean;
}

/** A container or an object. */
export interface McNode extends PhysicalDevice {
  readonly place: number;
  /** Number of its container, and the container's place: its own, for a container. */
  readonly container: number;
  readonly containerPlace: number;
  readonly isContainer: boolean;
  readonly regions: readonly McRegionSpec[];
  readonly irqs: readonly McIrqSpec[];
  readonly model: string | undefined;
  readonly modelOptions: unknown;
  readonly containerSpec: McContainerSpec;
  /** Of an object: the host's driver for it, and whether it is there from the start. */
  readonly objectHost: HostDriver | undefined;
  readonly plugged: boolean;
}

const DPRC_HOST: HostDriver = { name: 'fsl_mc_dprc' };

/** The nodes of a description: each container, its objects behind it. EINVAL says what makes no sense and why. */
export function nodesOf(spec: McSpec): readonly McNode[] {
  if (!Array.isArray(spec?.containers)) throw refused('there is no list of containers');
  const nodes: McNode[] = [];
  for (const [container, containerSpec] of spec.containers.entries()) {
    const { group, host = DPRC_HOST, objects = [] } = containerSpec;
    const containerPlace = nodes.length;
    const name = nameOf('dprc', containerSpec);
    checkContainer(name, containerSpec);
    const shared = { container, containerPlace, containerSpec, group };
    nodes.push({
      ...shared,
      ...described(name, containerSpec),
      place: containerPlace,
      isContainer: true,
      host: host ?? undefined,
      objectHost: undefined,
      plugged: true,
    });
    for (const object of objects) {
      const { type, plugged = true } = object;
      if (!/^[a-z]{1,15}$/.test(type) || type === 'dprc') throw refused(`${name} has an object of type ${type}`);
      const objectName = nameOf(type, object);
      // It is the host's from the start only where the host has found it.
      const atHost = plugged && host !== null ? object.host : undefined;
      nodes.push({
        ...shared,
        ...described(objectName, object),
        place: nodes.length,
        path: `${name}/${objectName}`,
        isContainer: false,
        host: atHost,
        objectHost: object.host,
        plugged,
      });
    }
  }
  return nodes;
}

function described(name: string, { regions = [], irqs = 0, model, modelOptions }: ObjectBase) {
  for (const [index, region] of regions.entries()) checkRange(region, `region ${index} of ${name}`);
  const count = typeof irqs === 'number' ? irqs : irqs.length;
  if (!Number.isInteger(count) || count < 0 || count > MAX_POOL) {
    throw refused(`${name} has ${count} interrupts; 0 to ${MAX_POOL} are possible`);
  }
  const list: readonly McIrqSpec[] = typeof irqs === 'number' ? Array.from({ length: irqs }, () => ({})) : irqs;
  for (const [index, { requestError }] of list.entries()) checkErrno(requestError, `irq ${index} of ${name}`);
  return { name, regions, irqs: list, model, modelOptions };
}

function checkContainer(name: string, { irqPool = MAX_POOL, faults = {} }: McContainerSpec): void {
  if (!Number.isInteger(irqPool) || irqPool < 0 || irqPool > MAX_POOL) {
    throw refused(`the pool of ${name} has ${irqPool} interrupts; 0 to ${MAX_POOL} are possible`);
  }
  for (const [fault, code] of Object.entries(faults)) checkErrno(code, `fault ${fault} of ${name}`);
}

function checkErrno(code: string | undefined, what: string): void {
  if (code !== undefined && !(code in ERRNO)) throw refused(`${what} is ${code}, which is no errno`);
}

function nameOf(type: string, { id }: ObjectBase): string {
  if (Number.isInteger(id) && id >= 0 && id < 2 ** 31) return `${type}.${id}`;
  throw refused(`${id} is no id of a ${type}`);
}

function refused(reason: string): MediatedError {
  return new MediatedError('EINVAL', `fsl-mc: ${reason}`, { syscall: 'McBus' });
}
