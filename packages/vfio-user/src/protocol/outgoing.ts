/**
 * Messages on their way to the other side: written one behind the other and sent together, those with descriptors on their
 * own. Used by both sides; private to its thread.
 */
import { addressOf } from '../native/libc.js';
import type { UnixSocket } from '../native/unix-socket.js';
import { HEADER_BYTES, putHeader } from './message.js';

/** Sent, or the other side takes no more for now, or never again. */
export type SendResult = 'sent' | 'full' | 'gone';

/** What a message begins with. */
export interface Head {
  readonly id: number;
  readonly command: number;
  readonly flags: number;
  readonly errno?: number;
}

export class Outgoing {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  readonly #address: bigint;
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
  put(head: Head, payloadBytes: number, descriptors: readonly number[] = []): Uint8Array {
    const at = this.#end;
    const size = HEADER_BYTES + payloadBytes;
    putHeader(this.#view, at, { ...head, size }, head.errno);
    if (descriptors.length > 0) this.#carriers.push({ at, descriptors });
    this.#end += size;
    return this.#bytes.subarray(at + HEADER_BYTES, at + size);
  }

  /** Puts bytes as they are, whatever they say. There is room. */
  putRaw(bytes: Uint8Array, descriptors: readonly number[] = []): void {
    if (descriptors.length > 0) this.#carriers.push({ at: this.#end, descriptors });
    this.#bytes.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** Sends as much as the other side takes. */
  flush(socket: UnixSocket): SendResult {
    while (this.#start < this.#end) {
      const [first, second] = this.#carriers;
      const carries = first?.at === this.#start;
      const until = (carries ? second?.at : first?.at) ?? this.#end;
      const descriptors = carries ? (first?.descriptors ?? []) : [];
      const sent = socket.send(this.#address + BigInt(this.#start), until - this.#start, descriptors);
      if (sent === -1) return 'full';
      if (sent === -2) return 'gone';
      if (carries) this.#carriers.shift();
      this.#start += sent;
    }
    this.#start = this.#end = 0;
    return 'sent';
  }
}
