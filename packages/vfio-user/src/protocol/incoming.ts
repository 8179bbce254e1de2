/**
 * Bytes of a socket cut into messages, and the descriptors that came with them given to the message to which they belong:
 * the kernel hands descriptors over with the first byte of the send that carried them and ends a read behind that send, so
 * they are those of the message in which the read ends. Used by both sides; private to its thread.
 */
import { MediatedError } from '@mediated/core';
import type { Descriptor } from '../native/ledger.js';
import { addressOf } from '../native/libc.js';
import type { UnixSocket } from '../native/unix-socket.js';
import { FLAGS, HEADER, HEADER_BYTES, type Message } from './message.js';

/** Descriptors that came with a read which ended at that place of the buffer. */
interface Arrival {
  end: number;
  readonly descriptors: Descriptor[];
}

/** A message with its descriptors, which are the taker's to close. */
export interface Received extends Message {
  readonly descriptors: readonly Descriptor[];
}

const NO_DESCRIPTORS: readonly Descriptor[] = [];
/** Flags of a reply that was taken out of its turn; nobody sends them. */
const TAKEN = 0xffffffff;

export class Incoming {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  readonly #address: number;
  readonly #mostBytes: number;
  #start = 0;
  #end = 0;
  #arrivals: Arrival[] = [];
  /** Descriptors of one read. */
  #fresh: Descriptor[] = [];

  /** `mostBytes`: of one message. */
  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
    this.#bytes = new Uint8Array(new ArrayBuffer(mostBytes + 65536));
    this.#view = new DataView(this.#bytes.buffer);
    this.#address = addressOf(this.#bytes);
  }

  /** Takes from the socket what is there. Messages that were taken before are invalid now. */
  fill(socket: UnixSocket): 'bytes' | 'nothing' | 'gone' {
    this.#makeRoom();
    return this.#receive(socket);
  }

  #receive(socket: UnixSocket): 'bytes' | 'nothing' | 'gone' {
    try {
      const count = socket.receive(this.#address + this.#end, this.#bytes.length - this.#end, this.#fresh);
      if (count > 0) this.#end += count;
      return count > 0 ? 'bytes' : count === 0 ? 'gone' : 'nothing';
    } finally {
      if (this.#fresh.length > 0) {
        this.#arrivals.push({ end: this.#end, descriptors: this.#fresh });
        this.#fresh = [];
      }
    }
  }

  /** {@link fill} while a message that was taken is still in use. `full`: there is no room behind it. */
  fillBehind(socket: UnixSocket): 'bytes' | 'nothing' | 'gone' | 'full' {
    return this.#end === this.#bytes.length ? 'full' : this.#receive(socket);
  }

  /** Takes a reply out of the messages that have arrived; those before it stay. Undefined: it has not. */
  takeReply(id: number): Message | undefined {
    for (let at = this.#start; this.#end - at >= HEADER_BYTES; ) {
      const size = this.#view.getUint32(at + HEADER.size, true);
      if (size < HEADER_BYTES || this.#end - at < size) return undefined;
      const message = this.#messageAt(at, size, NO_DESCRIPTORS);
      if (message.id === id && message.flags !== TAKEN && (message.flags & FLAGS.kind) === FLAGS.reply) {
        this.#view.setUint32(at + HEADER.flags, TAKEN, true);
        return message;
      }
      at += size;
    }
    return undefined;
  }

  /** The next message; undefined: not all of it is there. EINVAL: its size is none, and nothing after it can be read. */
  take(): Received | undefined {
    const at = this.#start;
    if (this.#end - at < HEADER_BYTES) return undefined;
    const size = this.#view.getUint32(at + HEADER.size, true);
    if (size < HEADER_BYTES || size > this.#mostBytes) {
      throw new MediatedError('EINVAL', `a message of ${size} bytes`, { syscall: 'recvmsg' });
    }
    if (this.#end - at < size) return undefined;
    this.#start += size;
    const descriptors = this.#arrivals.length === 0 ? NO_DESCRIPTORS : this.#arrived();
    const message = this.#messageAt(at, size, descriptors);
    if (message.flags !== TAKEN) return message;
    for (const descriptor of descriptors) descriptor.close();
    return this.take();
  }

  #messageAt(at: number, size: number, descriptors: readonly Descriptor[]): Received {
    return {
      id: this.#view.getUint16(at + HEADER.id, true),
      command: this.#view.getUint16(at + HEADER.command, true),
      flags: this.#view.getUint32(at + HEADER.flags, true),
      errno: this.#view.getUint32(at + HEADER.errno, true),
      payload: this.#bytes.subarray(at + HEADER_BYTES, at + size),
      descriptors,
    };
  }

  /** Number and command of the message at which {@link take} has failed. */
  get refused(): { readonly id: number; readonly command: number } {
    const { id, command } = HEADER;
    return {
      id: this.#view.getUint16(this.#start + id, true),
      command: this.#view.getUint16(this.#start + command, true),
    };
  }

  /** Closes the descriptors of messages that nobody has taken. */
  close(): void {
    for (const { descriptors } of this.#arrivals) for (const descriptor of descriptors) descriptor.close();
    this.#arrivals = [];
  }

  /** Those of the message that ends where the next begins. */
  #arrived(): readonly Descriptor[] {
    const mine = this.#arrivals.filter(({ end }) => end <= this.#start);
    if (mine.length === 0) return NO_DESCRIPTORS;
    this.#arrivals = this.#arrivals.slice(mine.length);
    return mine.flatMap(({ descriptors }) => descriptors);
  }

  /** Moves what is left to the beginning when a whole message might not fit behind it. */
  #makeRoom(): void {
    if (this.#start === this.#end) {
      this.#start = this.#end = 0;
    } else if (this.#bytes.length - this.#end < 65536 || this.#bytes.length - this.#start < this.#mostBytes) {
      this.#bytes.copyWithin(0, this.#start, this.#end);
      for (const arrival of this.#arrivals) arrival.end -= this.#start;
      this.#end -= this.#start;
      this.#start = 0;
    }
  }
}
