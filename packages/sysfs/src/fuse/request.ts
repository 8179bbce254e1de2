/**
 * A request of the kernel, in the buffer into which it was read. Valid until the next one is read: who answers later keeps
 * what it needs. Nothing is believed: what is too short or has the wrong length throws EINVAL. Used by the thread that
 * serves the mount.
 */
import { MediatedError } from '@mediated/core';
import { IN, IN_HEADER } from './protocol.js';

const TWO_32 = 2 ** 32;

export class Request {
  readonly bytes: Buffer;
  #length = 0;

  /** `bytes`: where requests are read to. */
  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** A request of `length` bytes was read. EINVAL when it is none. */
  begin(length: number): this {
    if (length < IN_HEADER || length > this.bytes.length || this.bytes.readUInt32LE(IN.length) !== length) {
      throw new MediatedError('EINVAL', `${length} bytes are no request`, { syscall: 'read' });
    }
    this.#length = length;
    return this;
  }

  get operation(): number {
    return this.bytes.readUInt32LE(IN.operation);
  }

  /** Number of the request. The kernel counts from 2 on: it fits. */
  get unique(): number {
    return this.#number(IN.unique);
  }

  get node(): number {
    return this.#number(IN.node);
  }

  /** Bytes after the header. */
  get bodyLength(): number {
    return this.#length - IN_HEADER;
  }

  /** EINVAL unless the body has at least so many bytes. */
  need(bytes: number): void {
    if (this.bodyLength >= bytes) return;
    throw new MediatedError('EINVAL', `a body of ${this.bodyLength} bytes, ${bytes} are needed`, { syscall: 'read' });
  }

  uint32(at: number): number {
    return this.bytes.readUInt32LE(IN_HEADER + at);
  }

  /** A number of 64 bits, rounded if it is too large for any that was given out here. */
  uint64(at: number): number {
    return this.#number(IN_HEADER + at);
  }

  /** A name that ends with NUL and fills the rest of the body; EINVAL when it does not, or is no name of a file. */
  name(): string {
    const end = this.bytes.indexOf(0, IN_HEADER);
    if (end !== this.#length - 1 || end === IN_HEADER || this.bytes.subarray(IN_HEADER, end).includes(0x2f)) {
      throw new MediatedError('EINVAL', 'no name of a file', { syscall: 'lookup' });
    }
    // Latin-1 keeps every byte apart: a name that is not ASCII names nothing here.
    return this.bytes.toString('latin1', IN_HEADER, end);
  }

  /** A copy of `length` bytes of the body; EINVAL when there are not so many. */
  copy(at: number, length: number): Buffer {
    this.need(at + length);
    return Buffer.from(this.bytes.subarray(IN_HEADER + at, IN_HEADER + at + length));
  }

  #number(at: number): number {
    return this.bytes.readUInt32LE(at + 4) * TWO_32 + this.bytes.readUInt32LE(at);
  }
}
