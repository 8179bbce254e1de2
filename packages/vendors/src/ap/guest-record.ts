/**
 * A guest (KVM) as vfio_ap knows it: its crypto control block, the matrix device that is attached to it, and its
 * interrupt facility. A view of shared words, under the bus's mutex.
 */
import { type ApMemory, MAX_GUESTS } from './ap-memory.js';
import { MASK_WORDS, type Mask } from './masks.js';
import { trace } from './trace.js';

const EXISTS = 0;
const CRYPTO = 1;
/** Matrix device whose hook is in place, by number + 1. */
const HOOK = 2;
const UPDATES = 3;
const TAKES_INTERRUPTS = 4;
/** Number of the virtual machine to vfio, 0 for none. */
const KVM = 5;
/** Registrations for each of the 8 interrupt subclasses. */
const REGISTRATIONS = 8;
const SUBCLASSES = 8;
const MASKS = REGISTRATIONS + SUBCLASSES;

/** A guest that is being destroyed is there until nothing is attached to it. */
function isTaken(ap: ApMemory, index: number): boolean {
  const at = ap.guestAt(index);
  return ap.words[at + EXISTS] !== 0 || ap.words[at + HOOK] !== 0;
}

export class GuestRecord {
  readonly index: number;
  readonly #ap: ApMemory;
  readonly #at: number;

  constructor(ap: ApMemory, index: number) {
    this.index = index;
    this.#ap = ap;
    this.#at = ap.guestAt(index);
  }

  /** A new guest; undefined when there is no room for one. */
  static create(ap: ApMemory, crypto: boolean, interrupts: boolean, kvm: number): GuestRecord | undefined {
    let index = 0;
    while (index < ap.guestsTop && isTaken(ap, index)) index++;
    if (index === MAX_GUESTS) return undefined;
    const at = ap.guestAt(index);
    ap.words.fill(0, at, ap.guestAt(index + 1));
    ap.words[at + EXISTS] = 1;
    ap.words[at + CRYPTO] = Number(crypto);
    ap.words[at + TAKES_INTERRUPTS] = Number(interrupts);
    ap.words[at + KVM] = kvm;
    ap.guestsTop = Math.max(ap.guestsTop, index + 1);
    return new GuestRecord(ap, index);
  }

  /** The guest of a virtual machine. */
  static ofMachine(ap: ApMemory, kvm: number): GuestRecord | undefined {
    for (let index = 0; index < ap.guestsTop; index++) {
      const at = ap.guestAt(index);
      if (ap.words[at + EXISTS] !== 0 && ap.words[at + KVM] === kvm) return new GuestRecord(ap, index);
    }
    return undefined;
  }

  /** Not being destroyed. */
  get exists(): boolean {
    return this.#get(EXISTS) !== 0;
  }

  destroy(): void {
    this.#set(EXISTS, 0);
  }

  /** Whether it has a crypto control block; without one, nothing can be attached. */
  get crypto(): boolean {
    return this.#get(CRYPTO) !== 0;
  }

  /** Number of the matrix device attached to it; -1 for none. */
  get hook(): number {
    return this.#get(HOOK) - 1;
  }

  set hook(matrix: number) {
    this.#set(HOOK, matrix + 1);
  }

  /** How often its masks were written. */
  get updates(): number {
    return this.#get(UPDATES);
  }

  /** Its crypto control block: adapters, domains, control domains. */
  get masks(): readonly [Mask, Mask, Mask] {
    return [this.#mask(0), this.#mask(1), this.#mask(2)];
  }

  setMasks(masks: readonly Mask[]): void {
    for (const [i, mask] of masks.entries()) this.#mask(i).set(mask);
    this.#set(UPDATES, this.updates + 1);
    trace(this.#ap, 'masks', this.index);
  }

  /** Registers an interrupt subclass; false when the guest takes no interrupts. */
  registerSubclass(isc: number): boolean {
    if (this.#get(TAKES_INTERRUPTS) === 0) return false;
    this.#set(REGISTRATIONS + isc, this.registrations(isc) + 1);
    return true;
  }

  unregisterSubclass(isc: number): void {
    this.#set(REGISTRATIONS + isc, this.registrations(isc) - 1);
  }

  registrations(isc: number): number {
    return this.#get(REGISTRATIONS + isc);
  }

  #mask(which: number): Mask {
    const at = this.#at + MASKS + which * MASK_WORDS;
    return this.#ap.words.subarray(at, at + MASK_WORDS);
  }

  #get(word: number): number {
    return this.#ap.words[this.#at + word] as number;
  }

  #set(word: number, value: number): void {
    this.#ap.words[this.#at + word] = value;
  }
}
