/**
 * The shared memory of an emulated AP bus: the host's configuration, every queue, every matrix device, every guest.
 * Opened by the driver's threads (from the driver's options) and by programs (`ApBus`).
 *
 * One mutex protects all of it. It stands for the kernel's locks on these objects (perms, guests, mdevs; ap section 3),
 * which are always taken in one order and around whole operations, waits for resets included. Words that are used
 * without it say so below; everything else is read and written by its holder alone (`exclusive.ts`).
 */
import type { Bus, DriverHost } from '@mediated/core';
import { Completion, type LockHandle, LockSpace, Mutex } from '@mediated/core/sync';
import { MASK_BITS, MASK_WORDS, type Mask } from './masks.js';

/** Shared words of devices, as far as it is to be seen whether one still exists. */
export type DeviceSlots = Bus['memory']['devices'];

/** Header: the host. */
const EXTENDED = 0;
const HIGHEST_ADAPTER = 1;
const HIGHEST_DOMAIN = 2;
const INTERRUPTS = 3;
/** How many registrations of interrupts there have been: the last one's serial number. */
const SERIALS = 4;
/** Up by one when an interrupt was freed, so that its page has to be unpinned. Atomic; waited on without the mutex. */
const NEWS = 5;
/** Numbers below which matrix devices and guests lie. */
const DEVICES_TOP = 6;
const GUESTS_TOP = 7;
const TRACED = 8;
const HOST_MASKS = 16;
const OWNERSHIP_MASKS = HOST_MASKS + 3 * MASK_WORDS;
const ADAPTER_TYPES = OWNERSHIP_MASKS + 2 * MASK_WORDS;
const HEADER_WORDS = ADAPTER_TYPES + MASK_BITS;

const QUEUES = HEADER_WORDS;
const QUEUE_WORDS = 16;
const QUEUE_COUNT = MASK_BITS * MASK_BITS;
const TRACE = QUEUES + QUEUE_COUNT * QUEUE_WORDS;
/** The trace keeps this many events. */
export const TRACE_EVENTS = 4096;
const TRACE_WORDS = 4;
const GUESTS = TRACE + TRACE_EVENTS * TRACE_WORDS;
const GUEST_WORDS = 48;
export const MAX_GUESTS = 4096;
const MATRICES = GUESTS + MAX_GUESTS * GUEST_WORDS;
const MATRIX_WORDS = 80;
/** As many as the parent takes. */
export const MAX_MATRICES = 65_536;
const TOTAL_WORDS = MATRICES + MAX_MATRICES * MATRIX_WORDS;

/** An AP bus as it travels to another thread: structured-cloneable. */
export interface ApBusHandle {
  readonly buffer: SharedArrayBuffer;
  readonly mutex: LockHandle<'mutex'>;
  readonly answers: LockHandle<'completion'>;
}

/** Where a thread finds the slots of devices: a client's bus, or a driver's. */
export type BusView = Pick<Bus, 'memory'> | Pick<DriverHost['bus'], 'memory'>;

/** One thread's view of the shared memory. */
export class ApMemory {
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly devices: DeviceSlots;
  readonly mutex: Mutex;
  /** Completed whenever a queue will answer something else than before. */
  readonly answers: Completion;
  /** Host configuration: adapters, domains, control domains. */
  readonly host: readonly [Mask, Mask, Mask];
  /** Adapters and domains of which the default drivers own what lies in both. */
  readonly ownership: readonly [adapters: Mask, domains: Mask];
  readonly adapterTypes: Int32Array;
  readonly handle: ApBusHandle;

  constructor(handle: ApBusHandle, bus: BusView) {
    this.handle = handle;
    this.words = new Int32Array(handle.buffer);
    this.devices = bus.memory.devices;
    this.mutex = Mutex.from(handle.mutex);
    this.answers = Completion.from(handle.answers);
    this.host = [this.#mask(HOST_MASKS), this.#mask(HOST_MASKS + 8), this.#mask(HOST_MASKS + 16)];
    this.ownership = [this.#mask(OWNERSHIP_MASKS), this.#mask(OWNERSHIP_MASKS + 8)];
    this.adapterTypes = this.words.subarray(ADAPTER_TYPES, ADAPTER_TYPES + MASK_BITS);
  }

  /**
   * Reserves the memory of a new bus; the operating system supplies it as it is used. On the supervising thread, which
   * lets go what threads that die held.
   */
  static create(bus: BusView): ApMemory {
    const locks = LockSpace.create({ words: 1024 });
    const { handle: mutex } = locks.mutex('ap matrix');
    const { handle: answers } = locks.completion('ap queue answers');
    return new ApMemory({ buffer: new SharedArrayBuffer(4 * TOTAL_WORDS), mutex, answers }, bus);
  }

  /** Whether ids go up to the highest ones below, or to 63 and 15 (APXA facility). */
  get extended(): boolean {
    return this.words[EXTENDED] !== 0;
  }

  /** Whether queues can interrupt a guest (AIV facility). Set once. */
  get interrupts(): boolean {
    return this.words[INTERRUPTS] !== 0;
  }

  /** Highest ids that a new matrix device may take: of adapters, of domains. */
  get highest(): [adapter: number, domain: number] {
    const { words } = this;
    return this.extended ? [words[HIGHEST_ADAPTER] as number, words[HIGHEST_DOMAIN] as number] : [63, 15];
  }

  /** What the machine is; before anybody else knows the memory. */
  describe(extended: boolean, highestAdapter: number, highestDomain: number, interrupts: boolean): void {
    this.words[EXTENDED] = Number(extended);
    this.words[HIGHEST_ADAPTER] = highestAdapter;
    this.words[HIGHEST_DOMAIN] = highestDomain;
    this.words[INTERRUPTS] = Number(interrupts);
  }

  get devicesTop(): number {
    return this.words[DEVICES_TOP] as number;
  }

  set devicesTop(top: number) {
    this.words[DEVICES_TOP] = top;
  }

  get guestsTop(): number {
    return this.words[GUESTS_TOP] as number;
  }

  set guestsTop(top: number) {
    this.words[GUESTS_TOP] = top;
  }

  /** Takes the number of the next event of the trace. */
  nextEvent(): number {
    return Atomics.add(this.words, TRACED, 1);
  }

  get traced(): number {
    return Atomics.load(this.words, TRACED);
  }

  nextSerial(): number {
    return Atomics.add(this.words, SERIALS, 1) + 1;
  }

  get news(): number {
    return Atomics.load(this.words, NEWS);
  }

  /** Tells all threads of the driver that pages may have to be unpinned. */
  announce(): void {
    Atomics.add(this.words, NEWS, 1);
    Atomics.notify(this.words, NEWS);
  }

  /** Awaits the next announcement after number `seen`. Does not keep the thread alive. */
  async announced(seen: number): Promise<void> {
    const { async, value } = Atomics.waitAsync(this.words, NEWS, seen);
    if (async) await value;
  }

  queueAt(apqn: number): number {
    return QUEUES + apqn * QUEUE_WORDS;
  }

  eventAt(number: number): number {
    return TRACE + ((number >>> 0) % TRACE_EVENTS) * TRACE_WORDS;
  }

  guestAt(index: number): number {
    return GUESTS + index * GUEST_WORDS;
  }

  matrixAt(index: number): number {
    return MATRICES + index * MATRIX_WORDS;
  }

  #mask(at: number): Mask {
    return this.words.subarray(at, at + MASK_WORDS);
  }
}
