/**
 * What all threads share of the objects and containers of an MC. Made with the {@link McBus} on the supervising thread;
 * programs and the threads of `vfio-fsl-mc` open it.
 *
 * Per object: PLUGGED, it exists in the MC; PRESENT, it is a device on the bus (ADDING: it is just becoming one); OVERRIDE,
 * the driver that alone may have it; HOST, the host's driver has it. Programs write these, PLUGGED and PRESENT by
 * compare-and-swap. BOUND, `vfio-fsl-mc` has it: the device's thread, or the supervising thread when that has died.
 * Per container: PORTAL, by whom its portal is set up, HANDLE, its open handle, and NOTIFIER, that vfio hears of new
 * devices on the bus: the thread that binds or unbinds it, the thread of its last object, the supervising thread as above.
 * POPULATED, POOL: see `irq-pool.ts`. The mutexes lie in a lock space of their own, which passes them on.
 */
import { type LockHandle, LockSpace, Mutex } from '@mediated/core/sync';
import { MAX_POOL, type McNode, type McSpec, nodesOf } from './mc-spec.js';

const PLUGGED = 0;
const PRESENT = 1;
const OVERRIDE = 2;
const HOST = 3;
const BOUND = 4;
const OBJECT_WORDS = 8;

const PORTAL = 0;
const HANDLE = 1;
const NOTIFIER = 2;
const POPULATED = 3;
const POOL = 4;
const CONTAINER_WORDS = POOL + MAX_POOL;

const ADDING = 2;
/** Words of a lock space with two mutexes per container. */
const LOCK_WORDS = 256;

/** Values of OVERRIDE. */
export const OVERRIDES = { none: 0, vfio: 1, host: 2 } as const;
export type Override = (typeof OVERRIDES)[keyof typeof OVERRIDES];

/** Values of PORTAL. */
export const PORTALS = { none: 0, host: 1, vfio: 2 } as const;
export type PortalOwner = (typeof PORTALS)[keyof typeof PORTALS];

/** The objects of an MC as they travel to another thread, and options of `vfio-fsl-mc`: structured-cloneable. */
export interface McBusHandle {
  readonly spec: McSpec;
  readonly words: Int32Array<SharedArrayBuffer>;
  /** A mutex per container: one command at a time of those that kernels send. */
  readonly portals: readonly LockHandle<'mutex'>[];
  /** Another: held while it or its objects are bound, unbound, plugged or unplugged. */
  readonly bindings: readonly LockHandle<'mutex'>[];
}

export class McRecords {
  readonly handle: McBusHandle;
  readonly nodes: readonly McNode[];
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #portals: readonly Mutex[];
  readonly #bindings: readonly Mutex[];
  readonly #locks: LockSpace | undefined;

  private constructor(handle: McBusHandle, locks?: LockSpace) {
    this.handle = handle;
    this.nodes = nodesOf(handle.spec);
    this.#words = handle.words;
    this.#portals = handle.portals.map((portal) => Mutex.from(portal));
    this.#bindings = handle.bindings.map((binding) => Mutex.from(binding));
    this.#locks = locks;
  }

  static create(spec: McSpec): McRecords {
    const nodes = nodesOf(spec);
    const { length } = spec.containers;
    const locks = LockSpace.create({ words: LOCK_WORDS * (length + 1) });
    const words = new Int32Array(new SharedArrayBuffer((nodes.length * OBJECT_WORDS + length * CONTAINER_WORDS) * 4));
    const portals = spec.containers.map(() => locks.mutex('mc portal').handle);
    const bindings = spec.containers.map(() => locks.mutex('mc container').handle);
    const records = new McRecords({ spec, words, portals, bindings }, locks);
    for (const node of nodes) records.#start(node);
    return records;
  }

  static from(handle: McBusHandle): McRecords {
    return new McRecords(handle);
  }

  /** The thread that made them looks after their locks no longer. */
  close(): void {
    this.#locks?.close();
  }

  /** The objects in a container. */
  childrenOf({ container }: McNode): readonly McNode[] {
    return this.nodes.filter((node) => node.container === container && !node.isContainer);
  }

  /** The mutex of a container's portal. */
  portalMutex({ container }: McNode): Mutex {
    return this.#portals[container] as Mutex;
  }

  /** The mutex that is held while devices of a container come and go. */
  bindingMutex({ container }: McNode): Mutex {
    return this.#bindings[container] as Mutex;
  }

  isPlugged(node: McNode): boolean {
    return this.#load(node, PLUGGED) !== 0;
  }

  /** Returns whether it was otherwise. */
  setPlugged(node: McNode, plugged: boolean): boolean {
    return Atomics.exchange(this.#words, this.#at(node, PLUGGED), Number(plugged)) !== Number(plugged);
  }

  isPresent(node: McNode): boolean {
    return this.#load(node, PRESENT) === 1;
  }

  /** Makes it a device of the bus; `notify` runs before anybody can probe it. False: it is one. */
  add(node: McNode, notify: () => void): boolean {
    if (Atomics.compareExchange(this.#words, this.#at(node, PRESENT), 0, ADDING) !== 0) return false;
    notify();
    this.#store(node, PRESENT, 1);
    return true;
  }

  /** It is no device any more. */
  remove(node: McNode): void {
    this.#store(node, OVERRIDE, OVERRIDES.none);
    this.#store(node, HOST, 0);
    this.#store(node, PRESENT, 0);
  }

  override(node: McNode): Override {
    return this.#load(node, OVERRIDE) as Override;
  }

  setOverride(node: McNode, override: Override): void {
    this.#store(node, OVERRIDE, override);
  }

  isHost(node: McNode): boolean {
    return this.#load(node, HOST) !== 0;
  }

  setHost(node: McNode, has: boolean): void {
    this.#store(node, HOST, Number(has));
  }

  isBound(node: McNode): boolean {
    return this.#load(node, BOUND) !== 0;
  }

  setBound(node: McNode, bound: boolean): void {
    this.#store(node, BOUND, Number(bound));
  }

  /** By whom the portal of a node's container is set up. */
  portal(node: McNode): PortalOwner {
    return Atomics.load(this.#words, this.#inContainer(node, PORTAL)) as PortalOwner;
  }

  setPortal(node: McNode, owner: PortalOwner): void {
    Atomics.store(this.#words, this.#inContainer(node, HANDLE), owner === PORTALS.none ? 0 : node.containerPlace + 1);
    Atomics.store(this.#words, this.#inContainer(node, PORTAL), owner);
  }

  hasNotifier(node: McNode): boolean {
    return Atomics.load(this.#words, this.#inContainer(node, NOTIFIER)) !== 0;
  }

  setNotifier(node: McNode, registered: boolean): void {
    Atomics.store(this.#words, this.#inContainer(node, NOTIFIER), Number(registered));
  }

  /** Where the words of a container's pool begin: POPULATED; and its interrupts. */
  poolAt(node: McNode): { readonly words: Int32Array; readonly populated: number; readonly first: number } {
    return { words: this.#words, populated: this.#inContainer(node, POPULATED), first: this.#inContainer(node, POOL) };
  }

  /**
   * A node is bound no more. When nothing in a container that vfio has set up is bound, its portal is closed: a container
   * that is unbound takes its objects with it first, and they need the portal to the end.
   */
  unbound(node: McNode): void {
    this.setBound(node, false);
    if (node.isContainer) this.setNotifier(node, false);
    if (this.portal(node) !== PORTALS.vfio) return;
    const { container } = node;
    if (this.nodes.some((other) => other.container === container && this.isBound(other))) return;
    this.setPortal(node, PORTALS.none);
  }

  #start(node: McNode): void {
    const { isContainer, plugged, host, objectHost, containerSpec } = node;
    const scanned = containerSpec.host !== null;
    this.#store(node, PLUGGED, Number(plugged));
    this.#store(node, PRESENT, Number(isContainer || (plugged && scanned)));
    this.#store(node, HOST, Number(host !== undefined || (plugged && scanned && objectHost !== undefined)));
    if (isContainer) this.setPortal(node, scanned ? PORTALS.host : PORTALS.none);
  }

  #load(node: McNode, word: number): number {
    return Atomics.load(this.#words, this.#at(node, word));
  }

  #store(node: McNode, word: number, value: number): void {
    Atomics.store(this.#words, this.#at(node, word), value);
  }

  #at({ place }: McNode, word: number): number {
    return place * OBJECT_WORDS + word;
  }

  #inContainer({ container }: McNode, word: number): number {
    return this.nodes.length * OBJECT_WORDS + container * CONTAINER_WORDS + word;
  }
}
