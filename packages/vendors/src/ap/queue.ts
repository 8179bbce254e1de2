/**
 * A queue of an adapter, APQN = adapter << 8 | domain: the device on the emulated AP bus, what vfio_ap keeps of it while
 * it is bound (ap section 1), and the card's answers. A view of shared words; under the bus's mutex, except as said.
 */
import type { ApMemory } from './ap-memory.js';
import { trace } from './trace.js';

const PRESENT = 0;
const BOUND = 1;
/** Matrix device that has the queue in its table, by number + 1. */
const LINK = 2;
const STATUS = 3;
/** What the card answers from now on; written by programs without the mutex, atomically. */
const RESPONSE = 4;
const ENABLED = 5;
/** Interrupt subclass that is registered with the guest, + 1. */
const ISC = 6;
const NIB_LOW = 7;
const NIB_HIGH = 8;
/** Serial number of the registration, 0 for none. Read by device threads without the mutex, atomically. */
const SERIAL = 9;
const ZEROISES = 10;
/** Answers that come before the lasting one: how many are left, then a byte each. Written like RESPONSE. */
const SCRIPT_LEFT = 11;
const SCRIPT = 12;
/** Most answers of a script. */
export const SCRIPT_LENGTH = 16;

/** Response codes of AP instructions. */
export const RESPONSES = {
  normal: 0,
  notAvailable: 1,
  resetInProgress: 2,
  deconfigured: 3,
  checkstopped: 4,
  busy: 5,
  invalidAddress: 6,
  alreadySo: 7,
  stateChange: 0x0a,
  bindFailed: 0x35,
  associateFailed: 0x36,
} as const;

/** Prints an APQN as the kernel does. */
export function apqnName(apqn: number): string {
  return `${(apqn >>> 8).toString(16).padStart(2, '0')}.${(apqn & 0xff).toString(16).padStart(4, '0')}`;
}

export class Queue {
  readonly apqn: number;
  readonly #ap: ApMemory;
  readonly #at: number;

  constructor(ap: ApMemory, apqn: number) {
    this.apqn = apqn;
    this.#ap = ap;
    this.#at = ap.queueAt(apqn);
  }

  get adapter(): number {
    return this.apqn >>> 8;
  }

  get domain(): number {
    return this.apqn & 0xff;
  }

  /** Whether the bus has a device for it. A new device has a fresh card behind it, which was reset. */
  get present(): boolean {
    return this.#get(PRESENT) !== 0;
  }

  set present(present: boolean) {
    if (present) {
      const { words } = this.#ap;
      words.fill(0, this.#at, this.#at + SCRIPT);
    }
    this.#set(PRESENT, Number(present));
  }

  /** Whether vfio_ap has it. */
  get bound(): boolean {
    return this.#get(BOUND) !== 0;
  }

  set bound(bound: boolean) {
    this.#set(BOUND, Number(bound));
    this.status = RESPONSES.normal;
  }

  /** Number of the matrix device that has it in its table; -1 for none. */
  get link(): number {
    return this.#get(LINK) - 1;
  }

  set link(matrix: number) {
    this.#set(LINK, matrix + 1);
  }

  /** How its last reset ended. */
  get status(): number {
    return this.#get(STATUS);
  }

  set status(status: number) {
    this.#set(STATUS, status);
  }

  /** Whether a guest may have it: its last reset ended well, or the card is deconfigured or checkstopped. */
  get passable(): boolean {
    const { status } = this;
    return status === RESPONSES.normal || status === RESPONSES.deconfigured || status === RESPONSES.checkstopped;
  }

  get zeroises(): number {
    return this.#get(ZEROISES);
  }

  /** Interrupt subclass registered with the guest; -1 for none. */
  get isc(): number {
    return this.#get(ISC) - 1;
  }

  /** Address of the notification byte in the guest; 0n for none. */
  get nib(): bigint {
    return (BigInt(this.#get(NIB_HIGH) >>> 0) << 32n) | BigInt(this.#get(NIB_LOW) >>> 0);
  }

  /** Serial number of the registration, 0 for none. Any thread. */
  get serial(): number {
    return Atomics.load(this.#ap.words, this.#at + SERIAL);
  }

  register(isc: number, nib: bigint): number {
    this.#set(ISC, isc + 1);
    this.#set(NIB_LOW, Number(nib & 0xffff_ffffn));
    this.#set(NIB_HIGH, Number(nib >> 32n));
    const serial = this.#ap.nextSerial();
    Atomics.store(this.#ap.words, this.#at + SERIAL, serial);
    return serial;
  }

  /** Forgets the registration; the thread that pinned the page sees the serial number gone. */
  unregister(): void {
    const known = this.serial !== 0;
    this.#set(ISC, 0);
    this.#set(NIB_LOW, 0);
    this.#set(NIB_HIGH, 0);
    Atomics.store(this.#ap.words, this.#at + SERIAL, 0);
    if (known) this.#ap.announce();
  }

  /** Resets the queue and erases what it holds; ends its interrupts. Returns the response. */
  zeroise(): number {
    const response = this.#answer();
    this.#set(ZEROISES, this.zeroises + 1);
    if (response === RESPONSES.normal) this.#set(ENABLED, 0);
    trace(this.#ap, 'zeroise', this.apqn, response);
    return response;
  }

  /** Asks how the queue is. */
  test(): number {
    return this.#answer();
  }

  /** Turns its interrupts on or off. */
  control(enable: boolean): number {
    let response = this.#answer();
    if (response === RESPONSES.normal && (this.#get(ENABLED) !== 0) === enable) response = RESPONSES.alreadySo;
    if (response === RESPONSES.normal) this.#set(ENABLED, Number(enable));
    trace(this.#ap, enable ? 'enable' : 'disable', this.apqn, response);
    return response;
  }

  /** Whether the card would interrupt. */
  get enabled(): boolean {
    return this.#get(ENABLED) !== 0;
  }

  /** What the card answers: `script` first, one per instruction, then `lasting` for good. Any thread, no mutex. */
  answerWith(lasting: number, script: readonly number[]): void {
    const { words } = this.#ap;
    const bytes = new Uint8Array(words.buffer, 4 * (this.#at + SCRIPT), SCRIPT_LENGTH);
    Atomics.store(words, this.#at + SCRIPT_LEFT, 0);
    bytes.set(script, SCRIPT_LENGTH - script.length);
    Atomics.store(words, this.#at + RESPONSE, lasting);
    Atomics.store(words, this.#at + SCRIPT_LEFT, script.length);
    this.#ap.answers.complete();
  }

  /** Whether the answer after the next one may be another one without anybody's doing. */
  get scripted(): boolean {
    return Atomics.load(this.#ap.words, this.#at + SCRIPT_LEFT) > 0;
  }

  /** A failed association ends with the instruction that tells of it: the next reset clears it. */
  #answer(): number {
    const { words } = this.#ap;
    const left = Atomics.load(words, this.#at + SCRIPT_LEFT);
    if (left > 0 && Atomics.compareExchange(words, this.#at + SCRIPT_LEFT, left, left - 1) === left) {
      return new Uint8Array(words.buffer, 4 * (this.#at + SCRIPT), SCRIPT_LENGTH)[SCRIPT_LENGTH - left] as number;
    }
    const response = Atomics.load(words, this.#at + RESPONSE);
    if (response === RESPONSES.bindFailed || response === RESPONSES.associateFailed) {
      Atomics.compareExchange(words, this.#at + RESPONSE, response, RESPONSES.normal);
    }
    return response;
  }

  #get(word: number): number {
    return this.#ap.words[this.#at + word] as number;
  }

  #set(word: number, value: number): void {
    this.#ap.words[this.#at + word] = value;
  }
}
