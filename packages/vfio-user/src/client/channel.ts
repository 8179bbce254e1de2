/**
 * The client's end of a connection: requests and their replies, and what the server asks meanwhile. Its thread's event loop
 * goes on; the wait for the socket is on a thread of Node's pool.
 */
import { ERRNO, errnoName, isMediatedError, MediatedError } from '@mediated/core';
import type { Descriptor, Ledger } from '../native/ledger.js';
import { PollSet, READABLE, WRITABLE } from '../native/poll-set.js';
import { UnixSocket } from '../native/unix-socket.js';
import { Incoming, type Received } from '../protocol/incoming.js';
import { FLAGS, HEADER_BYTES } from '../protocol/message.js';
import { Outgoing } from '../protocol/outgoing.js';

/** Bytes of a message, at most; more than any server takes. */
const MOST_BYTES = 2 ** 21;
const PATIENCE = 3_600_000;

/** A reply: what was asked for, or an errno. Its descriptors are the taker's to close. */
export interface Reply {
  readonly command: number;
  readonly flags: number;
  /** 0: none. */
  readonly errno: number;
  readonly payload: Uint8Array;
  readonly descriptors: readonly Descriptor[];
}

interface Waiting {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: unknown) => void;
}

/** Answers what the server asks: the reply's payload. What it throws is the reply's errno. */
export type Answerer = (request: Received) => Uint8Array;

export class Channel {
  readonly #socket: UnixSocket;
  readonly #answer: Answerer;
  readonly #incoming = new Incoming(MOST_BYTES);
  readonly #outgoing = new Outgoing(2 * MOST_BYTES);
  readonly #waiting = new Map<number, Waiting>();
  readonly #reading: Promise<void>;
  #sending: Promise<void> | undefined;
  #lastId = 0;
  #ended = false;

  constructor(path: string, ledger: Ledger, answer: Answerer) {
    this.#socket = UnixSocket.connect(path, ledger);
    this.#answer = answer;
    this.#reading = this.#read();
  }

  /** Resolves when the server has closed the connection, or `close` has. */
  get ended(): Promise<void> {
    return this.#reading;
  }

  /** Sends a command and awaits its reply. EIO: the connection has ended. */
  request(command: number, payload: Uint8Array, descriptors: readonly number[] = []): Promise<Reply> {
    const id = this.#nextId();
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.send({ id, command, flags: 0 }, payload, descriptors).catch((error: unknown) => {
        this.#waiting.delete(id);
        reject(error);
      });
    });
  }

  /** Sends a command that has no reply. */
  post(command: number, payload: Uint8Array): Promise<void> {
    return this.send({ id: this.#nextId(), command, flags: FLAGS.noReply }, payload);
  }

  async send(
    head: { readonly id: number; readonly command: number; readonly flags: number; readonly errno?: number },
    payload: Uint8Array,
    descriptors: readonly number[] = [],
  ): Promise<void> {
    await this.#roomFor(HEADER_BYTES + payload.length);
    this.#outgoing.put(head, payload.length, descriptors).set(payload);
    return this.#flush();
  }

  /** Sends bytes as they are. */
  async sendRaw(bytes: Uint8Array, descriptors: readonly number[] = []): Promise<void> {
    await this.#roomFor(bytes.length);
    this.#outgoing.putRaw(bytes, descriptors);
    return this.#flush();
  }

  /** The next reply to the given number, when something was sent raw. */
  reply(id: number): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.#ended) reject(gone());
      else this.#waiting.set(id, { resolve, reject });
    });
  }

  /** Ends the connection, as a machine that exits does. */
  async close(): Promise<void> {
    if (!this.#ended) this.#socket.shutdown();
    await this.#reading;
  }

  #nextId(): number {
    do this.#lastId = (this.#lastId + 1) & 0xffff;
    while (this.#waiting.has(this.#lastId));
    return this.#lastId;
  }

  async #roomFor(bytes: number): Promise<void> {
    while (!this.#ended && !this.#outgoing.hasRoom(bytes - HEADER_BYTES)) await this.#flush();
    if (this.#ended) throw gone();
  }

  #flush(): Promise<void> {
    if (this.#sending !== undefined) return this.#sending;
    const result = this.#outgoing.flush(this.#socket);
    if (result === 'sent') return Promise.resolve();
    if (result === 'gone') return Promise.reject(gone());
    this.#sending = this.#flushLater().finally(() => {
      this.#sending = undefined;
    });
    return this.#sending;
  }

  async #flushLater(): Promise<void> {
    const set = new PollSet();
    set.set([{ descriptor: this.#socket.descriptor.number, events: WRITABLE }]);
    for (;;) {
      await set.waitLater(PATIENCE);
      if (this.#ended) throw gone();
      const result = this.#outgoing.flush(this.#socket);
      if (result === 'sent') return;
      if (result === 'gone') throw gone();
    }
  }

  async #read(): Promise<void> {
    const set = new PollSet();
    set.set([{ descriptor: this.#socket.descriptor.number, events: READABLE }]);
    try {
      for (;;) {
        await set.waitLater(PATIENCE);
        const received = this.#incoming.fill(this.#socket);
        for (let message = this.#incoming.take(); message !== undefined; message = this.#incoming.take()) {
          this.#handle(message);
        }
        if (received === 'gone') return;
      }
    } finally {
      this.#ended = true;
      // Nobody waits in the pool for a number that may be another file's.
      await this.#sending?.catch(() => {});
      this.#incoming.close();
      this.#socket.close();
      for (const { reject } of this.#waiting.values()) reject(gone());
      this.#waiting.clear();
    }
  }

  #handle(message: Received): void {
    const { id, command, flags, errno, payload, descriptors } = message;
    if ((flags & FLAGS.kind) !== FLAGS.reply) return this.#serve(message);
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (waiting === undefined) {
      for (const descriptor of descriptors) descriptor.close();
      return;
    }
    const failed = (flags & FLAGS.error) !== 0;
    waiting.resolve({ command, flags, errno: failed ? errno : 0, payload: payload.slice(), descriptors });
  }

  #serve(message: Received): void {
    const { id, command } = message;
    for (const descriptor of message.descriptors) descriptor.close();
    let payload = new Uint8Array(0);
    let head: { id: number; command: number; flags: number; errno?: number } = { id, command, flags: FLAGS.reply };
    try {
      payload = new Uint8Array(this.#answer(message));
    } catch (error) {
      const errno = isMediatedError(error) ? -error.errno : ERRNO.EIO;
      head = { id, command, flags: FLAGS.reply | FLAGS.error, errno };
    }
    this.send(head, payload).catch(() => {});
  }
}

function gone(): MediatedError {
  return new MediatedError('EIO', 'the connection to the device has ended', { syscall: 'vfio-user' });
}

/** What a reply brings; its errno is thrown. */
export function answered(reply: Reply): Reply {
  if (reply.errno === 0) return reply;
  for (const descriptor of reply.descriptors) descriptor.close();
  throw new MediatedError(errnoName(reply.errno), `the device refuses command ${reply.command}`, {
    syscall: 'vfio-user',
  });
}
