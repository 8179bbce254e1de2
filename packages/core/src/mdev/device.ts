/**
 * An mdev as driver callbacks see it: lives on the thread that probed it, from device add to release. Not shared;
 * other threads see its slot.
 */
import type { Arena } from '../memory/arena.js';
import { formatUuid } from '../memory/uuid.js';
import type { MdevType } from './driver.js';
import {
  DEVICE_FRAMEWORK,
  DEVICE_NAME,
  DEVICE_ORDER,
  DEVICE_PARENT,
  DEVICE_PARENT_GENERATION,
  DEVICE_STATE,
  DEVICE_UUID,
} from './layout.js';

export class MdevDevice {
  /** Slot number, unique among live devices. */
  readonly index: number;
  /** Distinguishes devices that used the same slot. */
  readonly generation: number;
  readonly type: MdevType;
  /** The driver's own; set in probe, cleared by the core after remove. */
  driverData: unknown;
  /** A detach (unbind or removal) under way; whoever comes second waits for it, as for the device lock. */
  detaching: Promise<void> | undefined;
  /** The winner of the `remove` file, until its store callback has returned. */
  removing: Promise<number> | undefined;
  /** @internal The device slots, and where this device's slot begins. */
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly at: number;

  constructor(slots: Arena, index: number, generation: number, type: MdevType) {
    this.index = index;
    this.generation = generation;
    this.type = type;
    this.words = slots.words;
    this.at = slots.base(index);
  }

  /** The UUID in lower-case canonical form: the device's name. */
  get uuid(): string {
    return formatUuid(this.words, this.at + DEVICE_UUID);
  }

  /**
   * Says by its name id what path a device that is not on the mdev bus has below its parent. By its probe, before
   * anything is told of it.
   */
  named(name: number): void {
    this.words[this.at + DEVICE_NAME] = name + 1;
  }

  /** State bits (`layout.ts`). */
  get state(): number {
    return this.words[this.at + DEVICE_STATE];
  }

  /** @internal Changes state bits; on the device's thread only. */
  change(set: number, clear: number): void {
    // A plain store: only this thread writes the word, and others learn of the change by what follows it atomically
    // (an event, the reply). It costs a tenth of an atomic one, and a life has ten of them.
    const { words, at } = this;
    words[at + DEVICE_STATE] = (words[at + DEVICE_STATE] & ~clear) | set;
  }

  /** Slot number and generation of the parent. */
  get parent(): number {
    return this.words[this.at + DEVICE_PARENT];
  }

  get parentGeneration(): number {
    return this.words[this.at + DEVICE_PARENT_GENERATION];
  }

  /** Position among the children of its parent. */
  get order(): number {
    return this.words[this.at + DEVICE_ORDER];
  }

  /** Shared words for the device framework: array and first offset. */
  get frameworkWords(): { words: Int32Array<SharedArrayBuffer>; offset: number } {
    return { words: this.words, offset: this.at + DEVICE_FRAMEWORK };
  }
}
