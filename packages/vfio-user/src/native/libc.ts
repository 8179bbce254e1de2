/**
 * The C library's calls that Node has no words for: sockets that carry descriptors, event counters, memory that two
 * processes share. Called by the other files of this folder alone; any thread may. Addresses are numbers: a process has
 * none that a number cannot hold. Every call is a plain one: it blocks the thread, except where the caller says
 * MSG_DONTWAIT or gives `poll` a time.
 */
import { errnoName, MediatedError } from '@mediated/core';
import koffi, { type KoffiFunc } from 'koffi';

const library = koffi.load(null);

/** As koffi hands a pointer or a 64-bit number over. */
type Word = number | bigint;

export const libc: {
  readonly socket: (domain: number, type: number, protocol: number) => number;
  readonly bind: (socket: number, address: Uint8Array, length: number) => number;
  readonly listen: (socket: number, backlog: number) => number;
  readonly connect: (socket: number, address: Uint8Array, length: number) => number;
  readonly accept4: (socket: number, address: null, length: null, flags: number) => number;
  readonly close: (descriptor: number) => number;
  readonly shutdown: (socket: number, how: number) => number;
  /** No more is ever received or sent at once than the `int` holds of which these make their result. */
  readonly recvmsg: (socket: number, message: Uint8Array, flags: number) => number;
  readonly send: (socket: number, address: number, length: number, flags: number) => number;
  readonly sendmsg: (socket: number, message: Uint8Array, flags: number) => number;
  readonly poll: (set: Uint8Array, count: number, milliseconds: number) => number;
  readonly epollCreate: (flags: number) => number;
  readonly epollControl: (set: number, operation: number, descriptor: number, event: Uint8Array) => number;
  readonly epollWait: (set: number, events: Uint8Array, most: number, milliseconds: number) => number;
  readonly timerCreate: (clock: number, flags: number) => number;
  readonly timerSet: (timer: number, flags: number, time: Uint8Array, old: null) => number;
  readonly eventfd: (initial: number, flags: number) => number;
  readonly memfdCreate: (name: string, flags: number) => number;
  readonly fcntl: (descriptor: number, command: number, argument: number) => number;
  readonly mmap: (address: number, length: Word, protection: number, flags: number, file: number, at: Word) => Word;
} = {
  socket: library.func('int socket(int domain, int type, int protocol)'),
  bind: library.func('int bind(int socket, const void *address, unsigned int length)'),
  listen: library.func('int listen(int socket, int backlog)'),
  connect: library.func('int connect(int socket, const void *address, unsigned int length)'),
  accept4: library.func('int accept4(int socket, void *address, void *length, int flags)'),
  close: library.func('int close(int descriptor)'),
  shutdown: library.func('int shutdown(int socket, int how)'),
  recvmsg: library.func('int recvmsg(int socket, void *message, int flags)'),
  send: library.func('int send(int socket, uintptr_t address, size_t length, int flags)'),
  sendmsg: library.func('int sendmsg(int socket, const void *message, int flags)'),
  poll: library.func('int poll(void *set, unsigned long count, int milliseconds)'),
  epollCreate: library.func('int epoll_create1(int flags)'),
  epollControl: library.func('int epoll_ctl(int set, int operation, int descriptor, void *event)'),
  epollWait: library.func('int epoll_wait(int set, void *events, int most, int milliseconds)'),
  timerCreate: library.func('int timerfd_create(int clock, int flags)'),
  timerSet: library.func('int timerfd_settime(int timer, int flags, const void *time, void *old)'),
  eventfd: library.func('int eventfd(unsigned int initial, int flags)'),
  memfdCreate: library.func('int memfd_create(const char *name, unsigned int flags)'),
  fcntl: library.func('int fcntl(int descriptor, int command, intptr_t argument)'),
  mmap: library.func(
    'intptr_t mmap(uintptr_t address, size_t length, int protection, int flags, int file, int64_t at)',
  ),
};

/** {@link libc.epollWait} on a thread of Node's pool, without end, for a thread whose event loop goes on. */
export function epollWaitLater(set: number, events: Uint8Array, most: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, result: number) => (error === null ? resolve(result) : reject(error));
    (libc.epollWait as KoffiFunc<typeof libc.epollWait>).async(set, events, most, -1, done);
  });
}

/** memcpy of nothing: answers where its first argument lies. */
const nothingCopied = library.func('uintptr_t memcpy(void *to, const void *from, size_t bytes)');

/** Where a view's bytes lie. They stay there as long as its buffer lives. */
export function addressOf(bytes: Uint8Array): number {
  return Number(nothingCopied(bytes, bytes, 0));
}

export const EINTR = 4;
export const EBADF = 9;
export const EAGAIN = 11;
export const EPIPE = 32;
export const ECONNABORTED = 103;
export const ECONNRESET = 104;

/** What the last call of this thread that failed has said: an errno number. */
export function lastErrno(): number {
  return koffi.errno();
}

/** The result of a call; its error is thrown. */
export function checked(result: Word, syscall: string): number {
  if (result !== -1 && result !== -1n) return Number(result);
  const number = lastErrno();
  throw new MediatedError(errnoName(number), `${syscall} failed with errno ${number}`, { syscall });
}
