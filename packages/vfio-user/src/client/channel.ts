/** The client's end of a connection as requests and their replies, and what the server asks meanwhile. Belongs to one thread. */
import { ERRNO, errnoName, isMediatedError, MediatedError } from '@mediated/core';
import type { Descriptor, Ledger } from '../native/ledger.js';
import type { Received } from '../protocol/incoming.js';
import { FLAGS, type Head, HEADER_BYTES } from '../protocol/message.js';
import { Connection } from './connection.js';

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
  readonly #connection: Connection;
  readonly #answer: Answerer;
  readonly #waiting = new Map<number, Waiting>();
  readonly #ended: Promise<void>;
  #lastId = 0;

  constructor(path: string, ledger: Ledger, answer: Answerer) {
    this.#answer = answer;
    this.#connection = new Connection(path, ledger, (message) => this.#handle(message));
    this.#ended = this.#connection.ended.finally(() => {
      for (const { reject } of this.#waiting.values()) reject(this.#connection.gone());
      this.#waiting.clear();
    });
  }

  /** Resolves when the server has closed the connection, or `close` has. */
  get ended(): Promise<void> {
    return this.#ended;
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

  /** Sends a message; resolves when it is sent. EIO: the connection has ended. */
  send(head: Head, payload: Uint8Array, descriptors: readonly number[] = []): Promise<void> {
    return this.#connection.send(HEADER_BYTES + payload.length, (outgoing) =>
      outgoing.put(head, payload.length, descriptors).set(payload),
    );
  }

  /** Sends bytes as they are. */
  sendRaw(bytes: Uint8Array, descriptors: readonly number[] = []): Promise<void> {
    return this.#connection.send(bytes.length, (outgoing) => outgoing.putRaw(bytes, descriptors));
  }

  /** The next reply to the given number, when something was sent raw. */
  reply(id: number): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.#connection.isOver) reject(this.#connection.gone());
      else this.#waiting.set(id, { resolve, reject });
    });
  }

  /** Ends the connection, as a machine that exits does. */
  async close(): Promise<void> {
    await this.#connection.close();
    await this.#ended;
  }

  #nextId(): number {
    do this.#lastId = (this.#lastId + 1) & 0xffff;
    while (this.#waiting.has(this.#lastId));
    return this.#lastId;
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

/** What a reply brings; its errno is thrown. */
export function answered(reply: Reply): Reply {
  if (reply.errno === 0) return reply;
  for (const descriptor of reply.descriptors) descriptor.close();
  throw new MediatedError(errnoName(reply.errno), `the device refuses command ${reply.command}`, {
    syscall: 'vfio-user',
  });
}
