/**
 * Sockets as bare as koffi gives them: calls that block, on buffers that stay where they are. The machine that is played
 * and the echo use them; the server has its own.
 */
import koffi from 'koffi';

const library = koffi.load(null);
const socket = library.func('int socket(int domain, int type, int protocol)');
const connectTo = library.func('int connect(int socket, const void *address, unsigned int length)');
const bind = library.func('int bind(int socket, const void *address, unsigned int length)');
const listenAt = library.func('int listen(int socket, int backlog)');
const acceptOne = library.func('int accept(int socket, void *address, void *length)');
const closeOne = library.func('int close(int descriptor)');
const recvmsg = library.func('intptr_t recvmsg(int socket, void *message, int flags)');
const sendmsg = library.func('intptr_t sendmsg(int socket, const void *message, int flags)');
/** memcpy of nothing: says where its first argument lies. */
const whereIs = library.func('uintptr_t memcpy(void *to, const void *from, size_t bytes)');

const AF_UNIX = 1;
const SOCK_STREAM_CLOEXEC = 0x80001;
const MSG_NOSIGNAL = 0x4000;

/** struct msghdr of 64-bit Linux with one piece, behind it struct iovec. */
const IOV = 16;
const IOV_COUNT = 24;
const PIECE = 64;

/** A buffer that is sent from or received into. */
export class SocketBuffer {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView;
  readonly #header = new Uint8Array(new ArrayBuffer(128));
  readonly #headerView = new DataView(this.#header.buffer);

  constructor(bytes: number) {
    // Not from Node's pool, and too large for the collector's heap: it never moves.
    this.bytes = new Uint8Array(new ArrayBuffer(bytes));
    this.view = new DataView(this.bytes.buffer);
    this.#headerView.setBigUint64(IOV, addressOf(this.#header) + BigInt(PIECE), true);
    this.#headerView.setBigUint64(IOV_COUNT, 1n, true);
    this.#headerView.setBigUint64(PIECE, addressOf(this.bytes), true);
  }

  /** Waits for bytes; how many, 0: the other end has closed. */
  receive(descriptor: number): number {
    this.#headerView.setUint32(PIECE + 8, this.bytes.length, true);
    return checked(Number(recvmsg(descriptor, this.#header, 0)), 'recvmsg');
  }

  /** Sends the first `length` bytes; all of them. */
  send(descriptor: number, length: number): void {
    this.#headerView.setUint32(PIECE + 8, length, true);
    const sent = checked(Number(sendmsg(descriptor, this.#header, MSG_NOSIGNAL)), 'sendmsg');
    if (sent !== length) throw new Error(`${sent} of ${length} bytes were sent`);
  }
}

/** A connection to the socket at a path. */
export function connect(path: string): number {
  const descriptor = checked(socket(AF_UNIX, SOCK_STREAM_CLOEXEC, 0), 'socket');
  const address = addressBytes(path);
  checked(connectTo(descriptor, address, address.length), 'connect');
  return descriptor;
}

/** A socket at a path that one may connect to. */
export function listen(path: string): number {
  const descriptor = checked(socket(AF_UNIX, SOCK_STREAM_CLOEXEC, 0), 'socket');
  const address = addressBytes(path);
  checked(bind(descriptor, address, address.length), 'bind');
  checked(listenAt(descriptor, 1), 'listen');
  return descriptor;
}

/** Waits for one who connects. */
export function accept(descriptor: number): number {
  return checked(acceptOne(descriptor, null, null), 'accept');
}

export function close(descriptor: number): void {
  closeOne(descriptor);
}

function addressOf(bytes: Uint8Array): bigint {
  return BigInt(whereIs(bytes, bytes, 0));
}

function addressBytes(path: string): Uint8Array {
  const address = Buffer.alloc(110);
  address.writeUInt16LE(AF_UNIX, 0);
  if (address.write(path, 2) + 2 >= address.length) throw new Error(`a socket cannot be at ${path}`);
  return address;
}

function checked(result: number, call: string): number {
  if (result < 0) throw new Error(`${call} failed with errno ${koffi.errno()}`);
  return result;
}
