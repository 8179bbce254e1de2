/**
 * struct msghdr of 64-bit Linux, with one piece of data and room for descriptors: how `unix-socket.ts` says what a call is
 * to send or to receive. One per socket and direction, filled in anew for each call: no call makes anything new.
 */
import { addressOf } from './libc.js';

const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
/** Descriptors of one message, at most (the kernel's limit). */
const MOST_DESCRIPTORS = 253;

/** Where fields lie. Lengths are 64-bit words of which the high half is 0. */
const MSG = { iov: 16, iovCount: 24, control: 32, controlLength: 40, flags: 48 } as const;
const IOV = 64;
const CONTROL = 128;
const CMSG = { length: CONTROL, level: CONTROL + 8, type: CONTROL + 12, data: CONTROL + 16 } as const;
const CMSG_HEAD_BYTES = 16;

/** Of the flags: descriptors have come for which the process has no room. */
const MSG_CTRUNC = 8;

const NONE: readonly number[] = [];
const HALF = 2 ** 32;

const controlSpace = (count: number) => CMSG_HEAD_BYTES + Math.ceil((count * 4) / 8) * 8;

export class MessageHeader {
  readonly bytes = new Uint8Array(new ArrayBuffer(4096));
  readonly #view = new DataView(this.bytes.buffer);

  constructor() {
    const base = addressOf(this.bytes);
    this.#setAddress(MSG.iov, base + IOV);
    this.#view.setUint32(MSG.iovCount, 1, true);
    this.#setAddress(MSG.control, base + CONTROL);
    this.#view.setUint32(CMSG.level, SOL_SOCKET, true);
    this.#view.setUint32(CMSG.type, SCM_RIGHTS, true);
  }

  /** Where the data is, or is to be put. */
  setData(address: number, length: number): void {
    this.#setAddress(IOV, address);
    this.#view.setUint32(IOV + 8, length, true);
  }

  /** As many descriptors may come as the kernel ever sends. */
  expectDescriptors(): void {
    this.#view.setUint32(MSG.controlLength, controlSpace(MOST_DESCRIPTORS), true);
  }

  /** The descriptors that go along. */
  setDescriptors(numbers: readonly number[]): void {
    const count = numbers.length;
    this.#view.setUint32(MSG.controlLength, count === 0 ? 0 : controlSpace(count), true);
    if (count === 0) return;
    this.#view.setUint32(CMSG.length, CMSG_HEAD_BYTES + count * 4, true);
    for (let at = 0; at < count; at++) this.#view.setInt32(CMSG.data + at * 4, numbers[at], true);
  }

  /** Those that have come along. */
  get descriptors(): readonly number[] {
    if (this.#view.getUint32(MSG.controlLength, true) <= CMSG_HEAD_BYTES) return NONE;
    const count = (this.#view.getUint32(CMSG.length, true) - CMSG_HEAD_BYTES) >> 2;
    return Array.from({ length: count }, (_, at) => this.#view.getInt32(CMSG.data + at * 4, true));
  }

  /** Some that have come along are lost: the process has too many open. */
  get hasLostDescriptors(): boolean {
    return (this.#view.getUint32(MSG.flags, true) & MSG_CTRUNC) !== 0;
  }

  #setAddress(at: number, address: number): void {
    this.#view.setUint32(at, address % HALF, true);
    this.#view.setUint32(at + 4, Math.floor(address / HALF), true);
  }
}
