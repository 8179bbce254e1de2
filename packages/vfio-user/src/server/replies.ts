/** Answers to a machine's messages, collected until they are sent together. Lives on the device's thread. */
import { ERRNO, isMediatedError } from '@mediated/core';
import type { UnixSocket } from '../native/unix-socket.js';
import { FLAGS, HEADER_BYTES } from '../protocol/message.js';
import { Outgoing, type SendResult } from '../protocol/outgoing.js';

/** So many bytes of answers are collected before they are sent; beyond them there is room for the largest answer. */
const BATCH_BYTES = 65536;

/** What is answered. */
export interface Answered {
  readonly id: number;
  readonly command: number;
  readonly flags: number;
}

const NO_DESCRIPTORS: readonly number[] = [];

export class Replies {
  readonly #socket: UnixSocket;
  readonly #outgoing: Outgoing;
  readonly #mostBytes: number;

  /** `mostBytes`: of one message. */
  constructor(socket: UnixSocket, mostBytes: number) {
    this.#socket = socket;
    this.#mostBytes = mostBytes;
    this.#outgoing = new Outgoing(BATCH_BYTES + mostBytes);
  }

  /** Some wait to be sent. */
  get areWaiting(): boolean {
    return this.#outgoing.waiting > 0;
  }

  /** So many have been put that there may be no room for the next one before they are sent. */
  get areMany(): boolean {
    return !this.#outgoing.hasRoom(this.#mostBytes - HEADER_BYTES);
  }

  /** Sends as much as the machine takes. */
  flush(): SendResult {
    return this.#outgoing.flush(this.#socket);
  }

  put(message: Answered, payload: Uint8Array, descriptors?: readonly number[]): void {
    this.room(message, payload.length, descriptors)?.set(payload);
  }

  /** Room for an answer's payload, to be filled in; undefined: none is wanted. */
  room({ id, command, flags }: Answered, bytes: number, descriptors = NO_DESCRIPTORS): Uint8Array | undefined {
    if ((flags & FLAGS.noReply) !== 0) return undefined;
    return this.#outgoing.put({ id, command, flags: FLAGS.reply }, bytes, descriptors);
  }

  refuse({ id, command, flags }: Answered, error: unknown): void {
    if ((flags & FLAGS.noReply) !== 0) return;
    const errno = isMediatedError(error) ? -error.errno : ERRNO.EIO;
    this.#outgoing.put({ id, command, flags: FLAGS.reply | FLAGS.error, errno }, 0);
  }

  /** Puts a request of the device's own. False: there is no room. */
  ask(id: number, command: number, payload: Uint8Array): boolean {
    if (!this.#outgoing.hasRoom(payload.length)) return false;
    this.#outgoing.put({ id, command, flags: 0 }, payload.length).set(payload);
    return true;
  }
}
