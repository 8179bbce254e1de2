/**
 * The client's socket, for functions that await what it takes and brings: bytes are sent in the order in which they were put, in
 * pieces if need be, messages are handed on as they arrive. Belongs to one thread, whose event loop goes on.
 */
import { MediatedError } from '@mediated/core';
import type { Ledger } from '../native/ledger.js';
import { READABLE, WRITABLE } from '../native/poll-set.js';
import { UnixSocket } from '../native/unix-socket.js';
import { firstReady } from '../native/watch-thread.js';
import { type Outcome, outcome } from '../outcome.js';
import { Incoming, type Received } from '../protocol/incoming.js';
import { HEADER_BYTES } from '../protocol/message.js';
import { Outgoing, type SendResult } from '../protocol/outgoing.js';

/** Bytes of a message, at most; more than any server takes. */
const MOST_BYTES = 2 ** 21;

export class Connection {
  /** Resolves when the server has closed it, or {@link close} has. */
  readonly ended: Promise<void>;
  readonly #socket: UnixSocket;
  readonly #handle: (message: Received) => void;
  readonly #incoming = new Incoming(MOST_BYTES);
  readonly #outgoing = new Outgoing(2 * MOST_BYTES);
  /** Some that were put have yet to be sent: who puts meanwhile awaits the same. */
  #sending: Outcome | undefined;
  /** Ends the wait for the socket: it is to be for something else. */
  #waiting = new AbortController();
  #isOver = false;
  /** Why it has ended, if the server has not simply gone. */
  #cause: unknown;

  /** `handle`: takes a message; it is valid until that returns. */
  constructor(path: string, ledger: Ledger, handle: (message: Received) => void) {
    this.#socket = UnixSocket.connect(path, ledger);
    this.#handle = handle;
    this.ended = this.#run();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** What somebody is told who wants something of it when it has ended. */
  gone(): MediatedError {
    const cause = this.#cause === undefined ? {} : { cause: this.#cause };
    return new MediatedError('EIO', 'the connection to the device has ended', { syscall: 'vfio-user', ...cause });
  }

  /** Has `put` put so many bytes, once there is room for them; resolves when they are sent. EIO: it has ended. */
  async send(bytes: number, put: (outgoing: Outgoing) => void): Promise<void> {
    while (!this.#isOver && !this.#outgoing.hasRoom(bytes - HEADER_BYTES)) await this.#flush();
    if (this.#isOver) throw this.gone();
    put(this.#outgoing);
    return this.#flush();
  }

  /** Ends it, as a machine that exits does. */
  async close(): Promise<void> {
    if (!this.#isOver) this.#socket.shutdown();
    await this.ended;
  }

  /** Resolves when everything that was put is sent. */
  #flush(): Promise<void> {
    if (this.#sending !== undefined) return this.#sending.promise;
    const result = this.#outgoing.flush(this.#socket);
    if (result === 'sent') return Promise.resolve();
    if (result === 'gone') return Promise.reject(this.gone());
    this.#sending = outcome();
    this.#waiting.abort();
    return this.#sending.promise;
  }

  async #run(): Promise<void> {
    try {
      while (!(await this.#step()));
    } catch (error) {
      this.#cause = error;
    } finally {
      this.#isOver = true;
      this.#settle('gone');
      this.#incoming.close();
      this.#socket.close();
    }
  }

  /** Waits for the socket once, takes and sends what there is. True: the server has gone. */
  async #step(): Promise<boolean> {
    if (this.#waiting.signal.aborted) this.#waiting = new AbortController();
    const events = this.#sending === undefined ? READABLE : READABLE | WRITABLE;
    await firstReady([{ descriptor: this.#socket.descriptor.number, events }], this.#waiting.signal);
    const sent = this.#sending === undefined ? 'full' : this.#outgoing.flush(this.#socket);
    if (sent !== 'full') this.#settle(sent);
    const received = this.#incoming.fill(this.#socket);
    for (let message = this.#incoming.take(); message !== undefined; message = this.#incoming.take()) {
      this.#handle(message);
    }
    return received === 'gone';
  }

  #settle(result: SendResult): void {
    const sending = this.#sending;
    this.#sending = undefined;
    if (result === 'sent') sending?.resolve();
    else sending?.reject(this.gone());
  }
}
