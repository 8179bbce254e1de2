/**
 * Ids, graphics memory and fences of the vGPUs of one GPU (gvt sections 1 and 3): a record per id in the parent's shared
 * memory. Used by the driver's threads, each for its own devices.
 *
 * Owner rules: the words of a record are written while the GPU's lock is held, a budget of one that comes back when its
 * holder dies; but MACHINE and ACTIVE are cleared by the device's thread at any time. GENERATION is written last when a
 * record is taken and first when it is given back, so that it is whole whenever it counts; a record whose device is gone
 * counts no more, so nothing has to be given back after a death. There are no sums that could disagree with the records:
 * what is used is added up when it is asked for, by anybody.
 */
import { type DriverHost, type MdevParent, MediatedError } from '@mediated/core';
import type { Semaphore } from '@mediated/core/sync';
import { type Configuration, CONFIGURATIONS, type Hardware, type Limits, limitsOf, PAGE_BYTES } from './hardware.js';

/** Ids are 1 to 7; 0 is the host's own. */
const FIRST_ID = 1;
const LAST_ID = 7;

/** Generation of the slot of the vGPU's device, odd; 0: the id is free. */
const GENERATION = 0;
const SLOT = 1;
/** Position of its configuration. */
const CONFIGURATION = 2;
/** First page of its memory. */
const LOW_PAGE = 3;
const HIGH_PAGE = 4;
/** A bit per fence register. */
const FENCES = 5;
/** Number of the virtual machine that it is attached to, 0 for none. */
const MACHINE = 6;
const ACTIVE = 7;
const RECORD_WORDS = 16;

/** Bytes of the parent's shared memory. */
export const RESOURCES_BYTES = 4 * RECORD_WORDS * (LAST_ID + 1);

/** What of a GPU belongs to one vGPU. Addresses and sizes in bytes of graphics memory. */
export interface Share {
  readonly id: number;
  readonly low: { readonly start: number; readonly size: number };
  readonly high: { readonly start: number; readonly size: number };
  /** Numbers of its fence registers. */
  readonly fences: readonly number[];
}

type DeviceSlots = DriverHost['bus']['memory']['devices'];

/** One GPU on one thread. */
export class GpuResources {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #devices: DeviceSlots;
  readonly #limits: Limits;
  /** Held around every change. */
  readonly lock: Semaphore;

  constructor({ memory, budgets }: MdevParent, devices: DeviceSlots, hardware: Hardware) {
    this.#words = memory.vgpus as Int32Array<SharedArrayBuffer>;
    this.lock = budgets.gvt as Semaphore;
    this.#devices = devices;
    this.#limits = limitsOf(hardware);
  }

  /** How many more of a configuration there is room for; ids are not looked at. */
  available({ low, high, fences }: Configuration): number {
    const used = this.#used();
    const room = (limits: readonly [number, number], taken: number, wanted: number) =>
      Math.max(0, Math.floor((limits[1] - limits[0] - taken) / wanted));
    return Math.min(
      room(this.#limits.low, used.low, low),
      room(this.#limits.high, used.high, high),
      room(this.#limits.fences, used.fences, fences),
    );
  }

  /** Takes an id and its share for the device in a slot. ENOSPC. Under the lock. */
  take(slot: number, generation: number, index: number): Share {
    const configuration = CONFIGURATIONS[index] as Configuration;
    const { low, high, fences } = configuration;
    const id = this.#freeId();
    if (this.available(configuration) === 0) throw exhausted('graphics memory or fences');
    const lowStart = this.#carve(LOW_PAGE, this.#limits.low, low);
    const highStart = this.#carve(HIGH_PAGE, this.#limits.high, high);
    const numbers = this.#freeFences(fences);
    const at = id * RECORD_WORDS;
    this.#words.fill(0, at, at + RECORD_WORDS);
    this.#words[at + SLOT] = slot;
    this.#words[at + CONFIGURATION] = index;
    this.#words[at + LOW_PAGE] = lowStart / PAGE_BYTES;
    this.#words[at + HIGH_PAGE] = highStart / PAGE_BYTES;
    this.#words[at + FENCES] = numbers.reduce((mask, number) => mask | (1 << number), 0);
    Atomics.store(this.#words, at + GENERATION, generation);
    return { id, low: { start: lowStart, size: low }, high: { start: highStart, size: high }, fences: numbers };
  }

  /** Under the lock. */
  giveBack(id: number): void {
    Atomics.store(this.#words, id * RECORD_WORDS + GENERATION, 0);
  }

  /** Whether another vGPU that runs belongs to a virtual machine. Under the lock. */
  hasMachine(machine: number, except: number): boolean {
    return this.#live().some(
      (at) => at !== except * RECORD_WORDS && this.#words[at + MACHINE] === machine && this.#words[at + ACTIVE] !== 0,
    );
  }

  /** A vGPU is attached to a virtual machine; under the lock. Or to none (0). */
  attach(id: number, machine: number): void {
    Atomics.store(this.#words, id * RECORD_WORDS + MACHINE, machine);
  }

  /** The scheduler may run it; under the lock. Or no longer. */
  activate(id: number, active: boolean): void {
    Atomics.store(this.#words, id * RECORD_WORDS + ACTIVE, Number(active));
  }

  isAttached(id: number): boolean {
    return Atomics.load(this.#words, id * RECORD_WORDS + MACHINE) !== 0;
  }

  isActive(id: number): boolean {
    return Atomics.load(this.#words, id * RECORD_WORDS + ACTIVE) !== 0;
  }

  /** Where the records of vGPUs begin whose devices exist. */
  #live(): number[] {
    const found: number[] = [];
    for (let id = FIRST_ID; id <= LAST_ID; id++) if (this.#isLive(id)) found.push(id * RECORD_WORDS);
    return found;
  }

  #isLive(id: number): boolean {
    const at = id * RECORD_WORDS;
    const generation = Atomics.load(this.#words, at + GENERATION);
    return generation !== 0 && this.#devices.isCurrent(this.#words[at + SLOT] as number, generation);
  }

  #configuration(at: number): Configuration {
    return CONFIGURATIONS[this.#words[at + CONFIGURATION] as number] as Configuration;
  }

  #used(): { low: number; high: number; fences: number } {
    const used = { low: 0, high: 0, fences: 0 };
    for (const at of this.#live()) {
      const { low, high, fences } = this.#configuration(at);
      used.low += low;
      used.high += high;
      used.fences += fences;
    }
    return used;
  }

  #freeId(): number {
    for (let id = FIRST_ID; id <= LAST_ID; id++) if (!this.#isLive(id)) return id;
    throw exhausted('ids');
  }

  /** The lowest hole that is large enough. */
  #carve(pageWord: typeof LOW_PAGE | typeof HIGH_PAGE, [start, end]: readonly [number, number], size: number): number {
    const taken = this.#live()
      .map((at) => {
        const { low, high } = this.#configuration(at);
        const first = (this.#words[at + pageWord] as number) * PAGE_BYTES;
        return { start: first, end: first + (pageWord === LOW_PAGE ? low : high) };
      })
      .sort((a, b) => a.start - b.start);
    let hole = start;
    for (const range of taken) {
      if (range.start - hole >= size) break;
      hole = Math.max(hole, range.end);
    }
    if (end - hole < size) throw exhausted('graphics memory in one piece');
    return hole;
  }

  #freeFences(count: number): number[] {
    const taken = this.#live().reduce((mask, at) => mask | (this.#words[at + FENCES] as number), 0);
    const [start, end] = this.#limits.fences;
    const free: number[] = [];
    for (let number = start; number < end && free.length < count; number++) {
      if ((taken & (1 << number)) === 0) free.push(number);
    }
    if (free.length < count) throw exhausted('fences');
    return free;
  }
}

function exhausted(what: string): MediatedError {
  return new MediatedError('ENOSPC', `the GPU has no more ${what}`, { syscall: 'create' });
}
