/**
 * A vGPU: what belongs to it, its states, what its file is made of (gvt sections 3, 4 and 6). Lives on the device's
 * thread; what several vGPUs must agree on lies in `GpuResources`, and is changed under the GPU's lock.
 */
import { MediatedError } from '@mediated/core';
import type { MapAccess, MappedMemory } from '@mediated/vfio';
import { splitAccess } from '../mtty/access.js';
import { CONFIG_BYTES, GvtConfigSpace } from './config-space.js';
import { DmaCache, type PageAccess } from './dma-cache.js';
import { CONFIGURATIONS, type Configuration, type Hardware } from './hardware.js';
import type { GvtHooks } from './hooks.js';
import { GvtInterrupts } from './interrupts.js';
import { Monitor } from './monitor.js';
import { OPREGION_BYTES, opRegion } from './opregion.js';
import { GvtPlanes } from './planes.js';
import { BAR0_BYTES, Registers } from './registers.js';
import type { GpuResources, Share } from './resources.js';

/** A region begins at its index times this. */
const REGION_BYTES = 2 ** 40;

/** Indexes of the regions that there are. */
export const REGIONS = { bar0: 0, bar2: 2, config: 7, opRegion: 9, edid: 10, count: 11 } as const;

/** What GET_REGION_INFO says of the region with the EDID: less than where that lies (quirk). */
const EDID_REGION_BYTES = 128;
/** Where the host's firmware has mapped the aperture. */
const APERTURE_ADDRESS = 0xe0000000;
const DEVICE_IDS: Record<Hardware['platform'], number> = {
  broadwell: 0x1616,
  skylake: 0x1912,
  kabylake: 0x5912,
  broxton: 0x5a84,
  coffeelake: 0x3e92,
  cometlake: 0x9bc5,
};

/** Reads or writes one piece of a region; false: refused. */
type Piece = (offset: number, part: Uint8Array) => boolean;

export class Vgpu {
  readonly share: Share;
  readonly configuration: Configuration;
  readonly config: GvtConfigSpace;
  readonly registers: Registers;
  readonly monitor: Monitor;
  readonly interrupts = new GvtInterrupts();
  readonly planes: GvtPlanes;
  readonly dma: DmaCache;
  /** Whether the guest has been told that the host is ready for it. */
  pvNotified = false;
  readonly #resources: GpuResources;
  readonly #hardware: Hardware;
  readonly #hooks: GvtHooks;
  readonly #opRegion = opRegion();
  /** Made when first used: parts of graphics memory, by their beginning. */
  readonly #memory = new Map<number, SharedArrayBuffer>();

  /** `share` was taken from `resources` for the configuration at `index`. Throws what the hook `created` throws. */
  constructor(
    resources: GpuResources,
    hardware: Hardware,
    hooks: GvtHooks,
    share: Share,
    index: number,
    access: PageAccess,
  ) {
    this.#resources = resources;
    this.#hardware = hardware;
    this.#hooks = hooks;
    this.share = share;
    this.configuration = CONFIGURATIONS[index] as Configuration;
    this.dma = new DmaCache(access, () => this.attached);
    this.config = new GvtConfigSpace(DEVICE_IDS[hardware.platform], [BAR0_BYTES, hardware.aperture], APERTURE_ADDRESS, {
      trap: (trapped) => hooks.trap?.(this, trapped),
      softwareSci: (value) => hooks.softwareSci?.(this, value),
    });
    this.registers = new Registers(share, hardware, hooks.registerHooks?.(this) ?? {}, hooks.registers);
    const { width, height } = this.configuration;
    this.monitor = new Monitor(width, height, (connected) => hooks.hotplug?.(this, connected));
    this.planes = new GvtPlanes(
      (type) => hooks.plane?.(this, type),
      (address, size) => this.memory(address, size),
    );
    hooks.created?.(this);
  }

  get id(): number {
    return this.share.id;
  }

  /** A virtual machine is connected. */
  get attached(): boolean {
    return this.#resources.isAttached(this.id);
  }

  /** The scheduler may run it. */
  get active(): boolean {
    return this.#resources.isActive(this.id);
  }

  /** First open by a virtual machine. EEXIST: it has a vGPU of this GPU. ESRCH: there is none. Under the GPU's lock. */
  open(machine: number): void {
    if (machine === 0) throw new MediatedError('ESRCH', 'no virtual machine is connected', { syscall: 'open' });
    if (this.#resources.hasMachine(machine, this.id)) {
      throw new MediatedError('EEXIST', 'the virtual machine has a vGPU already', { syscall: 'open' });
    }
    this.#resources.attach(this.id, machine);
    this.#resources.activate(this.id, true);
    this.#hooks.activated?.(this);
  }

  /**
   * Last close. It stops running before it is detached, and is detached before its pages are unpinned, so that nothing
   * is mapped anew. Registers, configuration space, page table and resources stay as they are for the next to open it.
   */
  async close(): Promise<void> {
    this.#resources.activate(this.id, false);
    try {
      await this.#hooks.idle?.(this);
      this.#hooks.discardWork?.(this);
    } finally {
      this.config.sleeping = false;
      this.planes.orphan();
      this.#resources.attach(this.id, 0);
      this.dma.clear();
      this.interrupts.tearDown();
    }
  }

  /** The last reference is gone. */
  async destroy(): Promise<void> {
    using _ = await this.#resources.lock.acquire();
    // First, so that nobody finds it any more.
    this.#resources.giveBack(this.id);
    this.planes.orphan();
    this.#hooks.destroyed?.(this);
  }

  /** RESET. Id, resources, regions, MSI binding and state stay. */
  async reset(): Promise<void> {
    await this.#hooks.idle?.(this);
    this.#hooks.discardWork?.(this);
    const { sleeping } = this.config;
    if (!sleeping) this.#hooks.dropPageTables?.(this);
    this.registers.reset();
    this.config.reset();
    // A guest that wakes up goes on with what it has agreed on with the host.
    if (sleeping) this.config.sleeping = false;
    else this.pvNotified = false;
  }

  /** The guest has reset engines. With `all`, their registers and the page of the protocol too. */
  resetEngines(all: boolean): void {
    this.#hooks.discardWork?.(this);
    if (all) this.registers.resetEngines();
  }

  /** An interrupt to the guest: by MSI if it has enabled that, is connected, and has bound an eventfd. */
  interrupt(): void {
    if (this.config.msiEnabled && this.attached) this.interrupts.signal();
  }

  /** Bytes of regions 0 to 10. */
  regionBytes(index: number): number {
    switch (index) {
      case REGIONS.bar0:
        return BAR0_BYTES;
      case REGIONS.bar2:
        return this.#hardware.aperture;
      case REGIONS.config:
        return CONFIG_BYTES;
      case REGIONS.opRegion:
        return OPREGION_BYTES;
      case REGIONS.edid:
        return EDID_REGION_BYTES;
      default:
        return 0;
    }
  }

  /** Reads of the device's file, in pieces of 4, 2 and 1 bytes. EFAULT: whatever a piece met. */
  read(position: number, into: Uint8Array): number {
    return transfer('read', position, into, (index) => this.#reading(index));
  }

  /** Writes, likewise; pieces before the failing one have taken effect. */
  write(position: number, bytes: Uint8Array): number {
    return transfer('write', position, bytes, (index) => this.#writing(index));
  }

  /** A mapping of the aperture. EINVAL: not within this vGPU's slice, or a private one. */
  map(offset: number, length: number, { shared }: Required<MapAccess>): MappedMemory {
    const memory = shared ? this.#aperture(offset - REGIONS.bar2 * REGION_BYTES, length) : undefined;
    if (memory !== undefined) return new Uint8Array(memory.buffer, memory.offset, length);
    throw new MediatedError('EINVAL', `no mapping of ${length} bytes at ${offset}`, { syscall: 'mmap' });
  }

  /** The memory of graphics addresses; undefined outside the vGPU's own. */
  memory(address: number, size: number): { buffer: SharedArrayBuffer; offset: number } | undefined {
    return this.#within(this.share.low, address, size) ?? this.#within(this.share.high, address, size);
  }

  #aperture(address: number, size: number) {
    return this.#within(this.share.low, address, size);
  }

  #within(part: Share['low'], address: number, size: number) {
    if (address < part.start || address + size > part.start + part.size) return undefined;
    let buffer = this.#memory.get(part.start);
    if (buffer === undefined) this.#memory.set(part.start, (buffer = new SharedArrayBuffer(part.size)));
    return { buffer, offset: address - part.start };
  }

  #reading(index: number): Piece | undefined {
    switch (index) {
      case REGIONS.bar0:
        return (offset, part) => this.registers.read(offset, part);
      case REGIONS.bar2:
        return (offset, part) => copy(this.#touched(offset, part), part);
      case REGIONS.config:
        return (offset, part) => this.config.read(offset, part);
      case REGIONS.opRegion:
        return (offset, part) =>
          offset + part.length <= OPREGION_BYTES && copy(this.#opRegion.subarray(offset, offset + part.length), part);
      case REGIONS.edid:
        return (offset, part) => this.monitor.read(offset, part);
      default:
        return undefined;
    }
  }

  #writing(index: number): Piece | undefined {
    switch (index) {
      case REGIONS.bar0:
        return (offset, part) => this.registers.write(offset, part);
      case REGIONS.bar2:
        return (offset, part) => copy(part, this.#touched(offset, part));
      case REGIONS.config:
        return (offset, part) => this.config.write(offset, part);
      case REGIONS.edid:
        return (offset, part) => this.monitor.write(offset, part);
      default:
        return undefined;
    }
  }

  /** The bytes of the slice that a piece meets; one that ends where the slice ends fails (quirk). */
  #touched(offset: number, { length }: Uint8Array): Uint8Array | undefined {
    const memory = this.#aperture(offset, length + 1);
    return memory === undefined ? undefined : new Uint8Array(memory.buffer, memory.offset, length);
  }
}

function copy(from: Uint8Array | undefined, to: Uint8Array | undefined): boolean {
  if (from === undefined || to === undefined) return false;
  to.set(from);
  return true;
}

function transfer(
  syscall: 'read' | 'write',
  position: number,
  bytes: Uint8Array,
  pieces: (index: number) => Piece | undefined,
): number {
  const done = splitAccess(position, bytes.length, (at, start, size) => {
    const piece = pieces(Math.floor(at / REGION_BYTES));
    return piece?.(at % REGION_BYTES, bytes.subarray(start, start + size)) ?? false;
  });
  if (done === bytes.length) return done;
  throw new MediatedError('EFAULT', `the access at ${position + done} was refused`, { syscall });
}
