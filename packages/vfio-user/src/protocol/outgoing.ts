/**
 * Messages on their way to the other side: written one behind the other and sent together, those with descriptors on their
 * own. Used by both sides; private to its thread.
 */
import { addressOf } from '../native/libc.js';
import type { UnixSocket } from '../native/unix-socket.js';
import { type Head, HEADER_BYTES, putHeader } from './message.js';

/** Sent, or the other side takes no more for now, or never again. */
export type SendResult = 'sent' | 'full' | 'gone';

const NO_DESCRIPTORS: readonly number[] = [];

export class Outgoing {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  readonly #address: number;
  /** Where messages with descriptors begin, in order. */
  #carriers: { readonly at: number; readonly descriptors: readonly number[] }[] = [];
  #start = 0;
  #end = 0;

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(new ArrayBuffer(capacity));
    this.#view = new DataView(this.#bytes.buffer);
    this.#address = addressOf(this.#bytes);
  }

  /** Bytes that wait to be sent. */
  get waiting(): number {
    return this.#end - this.#start;
  }

  /** Whether a message with so many bytes of payload can be put now. */
  hasRoom(payloadBytes: number): boolean {
    if (this.#start === this.#end) this.#start = this.#end = 0;
    return this.#bytes.length - this.#end >= HEADER_BYTES + payloadBytes;
  }

  /** Puts a message; returns its payload, to be filled in. There is room. */
  put(head: Head, payloadBytes: number, descriptors = NO_DESCRIPTORS): Uint8Array {
    const at = this.#end;
    const size = HEADER_BYTES + payloadBytes;
    putHeader(this.#view, at, head, size);
    if (descriptors.length > 0) this.#carriers.push({ at, descriptors });
    this.#end += size;
    return this.#bytes.subarray(at + HEADER_BYTES, at + size);
  }

  /** Puts bytes as they are, whatever they say. There is room. */
  putRaw(bytes: Uint8Array, descriptors = NO_DESCRIPTORS): void {
    if (descriptors.length > 0) this.#carriers.push({ at: this.#end, descriptors });
    this.#bytes.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** Sends as much as the other side takes. */
  flush(socket: UnixSocket): SendResult {
    while (this.#start < this.#end) {
      const sent = this.#carriers.length === 0 ? this.#send(socket, this.#end) : this.#sendCarrier(socket);
      if (sent === -1) return 'full';
      if (sent === -2) return 'gone';
    }
    this.#start = this.#end = 0;
    return 'sent';
  }

  /** Up to the next message with descriptors; or, when that is the next, that one and up to the one after it. */
  #sendCarrier(socket: UnixSocket): number {
    const [first, second] = this.#carriers;
    if (first.at > this.#start) return this.#send(socket, first.at);
    const sent = this.#send(socket, second?.at ?? this.#end, first.descriptors);
    if (sent >= 0) this.#carriers.shift();
    return sent;
  }

  #send(socket: UnixSocket, until: number, descriptors?: readonly number[]): number {
    const sent = socket.send(this.#address + this.#start, until - this.#start, descriptors);
    if (sent > 0) this.#start += sent;
    return sent;
  }
}
