/**
 * Sockets of the domain AF_UNIX that carry descriptors beside bytes. Used by the server's thread, which waits in
 * `poll-set.ts`, and by the client. No call here waits: what would, says so. A socket belongs to one thread.
 */
import { randomBytes } from 'node:crypto';
import { linkSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { MediatedError } from '@mediated/core';
import { checked, EAGAIN, ECONNABORTED, ECONNRESET, EINTR, EPIPE, lastErrno, libc } from './libc.js';
import { Descriptor, type Ledger } from './ledger.js';
import { MessageHeader } from './message-header.js';

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const CLOEXEC_NONBLOCK = 0x80800;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;
const SHUT_RDWR = 2;

const NO_DESCRIPTORS: readonly number[] = [];

/** Bytes of a socket's path, at most: what `sun_path` holds, without its end. */
const PATH_BYTES = 107;
/** Connections that wait to be accepted, at most. */
const MOST_WAITING = 16;

function unixAddress(path: string): Uint8Array {
  const bytes = Buffer.from(path);
  if (bytes.length === 0 || bytes.length > PATH_BYTES || bytes.includes(0)) {
    throw new MediatedError('ENAMETOOLONG', `the path of a socket has 1 to ${PATH_BYTES} bytes: ${path}`);
  }
  const address = Buffer.alloc(2 + PATH_BYTES + 1);
  address.writeUInt16LE(AF_UNIX, 0);
  address.set(bytes, 2);
  return address;
}

/** A connection. */
export class UnixSocket {
  readonly descriptor: Descriptor;
  readonly #ledger: Ledger;
  readonly #incoming = new MessageHeader();
  readonly #outgoing = new MessageHeader();

  constructor(descriptor: Descriptor, ledger: Ledger) {
    this.descriptor = descriptor;
    this.#ledger = ledger;
  }

  /** Connects. ENOENT, EACCES, EAGAIN (nobody accepts); EIO: nobody listens. */
  static connect(path: string, ledger: Ledger): UnixSocket {
    const address = unixAddress(path);
    const descriptor = newSocket(ledger);
    try {
      checked(libc.connect(descriptor.number, address, address.length), `connect ${path}`);
      return new UnixSocket(descriptor, ledger);
    } catch (error) {
      descriptor.close();
      throw error;
    }
  }

  /**
   * Takes what has arrived. `address`: where `length` bytes of room are. How many bytes (0: the other end has closed, or
   * died), -1: nothing for now. Descriptors that came along are put behind those in `descriptors`. EMFILE: some of them are
   * lost, for this process has too many open.
   */
  receive(address: number, length: number, descriptors: Descriptor[]): number {
    const header = this.#incoming;
    header.setData(address, length);
    header.expectDescriptors();
    const count = libc.recvmsg(this.descriptor.number, header.bytes, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (count < 0) {
      const errno = lastErrno();
      if (errno === EAGAIN || errno === EINTR) return -1;
      if (errno === ECONNRESET) return 0;
      return checked(count, 'recvmsg');
    }
    for (const number of header.descriptors) descriptors.push(new Descriptor(number, this.#ledger));
    if (header.hasLostDescriptors) throw new MediatedError('EMFILE', 'descriptors are lost', { syscall: 'recvmsg' });
    return count;
  }

  /**
   * Sends as much as there is room for, descriptors with the first byte. How many bytes; -1: there is no room for now;
   * -2: nobody receives any more. `address` is where the bytes lie.
   */
  send(address: number, length: number, descriptors = NO_DESCRIPTORS): number {
    const count =
      descriptors.length === 0
        ? libc.send(this.descriptor.number, address, length, MSG_DONTWAIT | MSG_NOSIGNAL)
        : this.#sendWith(address, length, descriptors);
    if (count >= 0) return count;
    const errno = lastErrno();
    if (errno === EAGAIN || errno === EINTR) return -1;
    if (errno === EPIPE || errno === ECONNRESET) return -2;
    return checked(count, 'sendmsg');
  }

  #sendWith(address: number, length: number, descriptors: readonly number[]): number {
    this.#outgoing.setData(address, length);
    this.#outgoing.setDescriptors(descriptors);
    return libc.sendmsg(this.descriptor.number, this.#outgoing.bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
  }

  /** Ends it in both directions: who waits for it, in whatever process, is woken. It stays open. */
  shutdown(): void {
    libc.shutdown(this.descriptor.number, SHUT_RDWR);
  }

  close(): void {
    this.descriptor.close();
  }
}

/** A socket that others connect to. Its path appears with it and goes with it. */
export class UnixListener {
  readonly descriptor: Descriptor;
  readonly #path: string;

  /** EADDRINUSE: there is a file of that name. ENOENT, EACCES, ENAMETOOLONG. */
  constructor(path: string, ledger: Ledger) {
    unixAddress(path);
    this.#path = path;
    this.descriptor = newSocket(ledger);
    // It gets its name when it listens: who sees the name can connect.
    const hidden = join(dirname(path), `.${randomBytes(3).toString('hex')}`);
    const address = unixAddress(hidden);
    try {
      checked(libc.bind(this.descriptor.number, address, address.length), `bind ${path}`);
      // One machine uses the device; those that connect meanwhile wait for their turn.
      checked(libc.listen(this.descriptor.number, MOST_WAITING), 'listen');
      give(hidden, path);
    } catch (error) {
      this.descriptor.close();
      throw error;
    } finally {
      rmSync(hidden, { force: true });
    }
  }

  /**
   * Descriptor of a connection that waits, the caller's; undefined: none does. EMFILE, ENOMEM: there is no room for it; it
   * waits on.
   */
  accept(): number | undefined {
    const number = libc.accept4(this.descriptor.number, null, null, CLOEXEC_NONBLOCK);
    if (number >= 0) return number;
    const errno = lastErrno();
    if (errno === EAGAIN || errno === EINTR || errno === ECONNABORTED) return undefined;
    return checked(number, 'accept');
  }

  close(): void {
    rmSync(this.#path, { force: true });
    this.descriptor.close();
  }
}

/** Gives a file a second name. EADDRINUSE: there is a file of that name. */
function give(file: string, name: string): void {
  try {
    linkSync(file, name);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST') throw error;
    throw new MediatedError('EADDRINUSE', `bind ${name}: there is a file of that name`, { syscall: 'bind' });
  }
}

function newSocket(ledger: Ledger): Descriptor {
  return new Descriptor(checked(libc.socket(AF_UNIX, SOCK_STREAM | CLOEXEC_NONBLOCK, 0), 'socket'), ledger);
}
