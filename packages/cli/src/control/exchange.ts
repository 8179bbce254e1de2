/**
 * One connection to the control socket: reads a request, hands it to its handler, sends what that answers. Made by
 * `control-server.ts`, on the main thread. A client that sends nonsense, too much or nothing is turned away; one that does
 * not read loses events, never the instance's memory.
 */
import type { Socket } from 'node:net';
import { isMediatedError } from '@mediated/core';
import { ControlError } from './control-error.js';
import { Lines } from './lines.js';
import type { ControlLine, ControlRequest } from './protocol.js';

/** Characters of the longest request. */
const LONGEST_REQUEST = 65_536;
/** Bytes that may wait for a slow client before events are left out. */
const MOST_WAITING = 4 * 2 ** 20;
/** Milliseconds that a client may take for its request. */
const PATIENCE = 10_000;
/** Milliseconds without a word after which a connection is given up when the instance has ended. */
const LAST_PATIENCE = 500;

/** What a handler of a request can use while it runs. */
export interface Conversation {
  /** Aborted when the client is gone or wants no more, or the instance ends. */
  readonly signal: AbortSignal;
  /** Tells the client that it hears everything from now on. */
  readonly begin: () => void;
  /** Sends an event; leaves it out, and tells so later, when the client is too slow. */
  readonly send: (event: unknown) => void;
  /** Has the client told that so many events are missing. */
  readonly lose: (count: number) => void;
}

/** Handles the requests of one name: its result is the answer. */
export type Handler<R extends ControlRequest = ControlRequest> = (request: R, conversation: Conversation) => unknown;

/** A handler for every request. */
export type Handlers = {
  readonly [Name in ControlRequest['request']]: Handler<Extract<ControlRequest, { request: Name }>>;
};

export class Exchange implements Conversation {
  readonly #socket: Socket;
  readonly #handlers: Handlers;
  readonly #lines = new Lines(LONGEST_REQUEST);
  readonly #controller = new AbortController();
  #begun = false;
  #lost = 0;

  constructor(socket: Socket, handlers: Handlers) {
    this.#socket = socket;
    this.#handlers = handlers;
    socket.setTimeout(PATIENCE, () => this.#refuse('ETIMEDOUT', 'no request has come'));
    socket.on('data', (bytes) => this.#read(bytes));
    socket.on('end', () => this.#ended());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#controller.abort());
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  readonly begin = (): void => this.#write({ begun: true });

  readonly send = (event: unknown): void => {
    if (this.#socket.writableLength > MOST_WAITING) return this.lose(1);
    this.#tellLost();
    this.#write({ event });
  };

  readonly lose = (count: number): void => {
    this.#lost += count;
  };

  /** The instance has ended: what is not answered and taken soon never will be. */
  abandon(): void {
    this.#socket.setTimeout(LAST_PATIENCE, () => this.#socket.destroy());
  }

  /** The instance ends: a stream ends with it, a request that runs is answered still. */
  end(): void {
    this.#controller.abort();
    if (!this.#begun) this.#socket.destroy();
  }

  /** The client sends no more: a stream ends; a request that runs is answered still. */
  #ended(): void {
    this.#controller.abort();
    if (!this.#begun) this.#refuse('EINVAL', 'the request is not complete');
  }

  #read(bytes: Buffer): void {
    // Whatever follows the request is not looked at.
    if (this.#begun) return;
    const lines = this.#lines.push(bytes);
    if (lines === undefined) return this.#refuse('EMSGSIZE', 'the request is too long');
    if (lines.length > 0) void this.#handle(lines[0]);
  }

  async #handle(line: string): Promise<void> {
    this.#begun = true;
    this.#socket.setTimeout(0);
    try {
      const answer = await this.#dispatch(line);
      this.#finish({ answer: answer ?? null });
    } catch (error) {
      const code = error instanceof ControlError || isMediatedError(error) ? error.code : 'EIO';
      this.#finish({ error: { code, message: error instanceof Error ? error.message : String(error) } });
    }
  }

  async #dispatch(line: string): Promise<unknown> {
    let request: unknown;
    try {
      request = JSON.parse(line);
    } catch {
      throw new ControlError('EINVAL', 'the request is no JSON');
    }
    if (typeof request !== 'object' || request === null) throw new ControlError('EINVAL', 'the request is no object');
    const { request: name, ...fields } = request as { request?: unknown };
    if (typeof name !== 'string' || !Object.hasOwn(this.#handlers, name)) {
      throw new ControlError('ENOTSUP', `there is no request ${JSON.stringify(name) ?? 'at all'}`);
    }
    const wrong = Object.entries(fields).find(([, value]) => typeof value !== 'string');
    if (wrong !== undefined) throw new ControlError('EINVAL', `${JSON.stringify(wrong[0])} is no text`);
    const handler = this.#handlers[name as ControlRequest['request']] as Handler;
    return await handler(request as ControlRequest, this);
  }

  #refuse(code: string, message: string): void {
    this.#begun = true;
    this.#finish({ error: { code, message } });
  }

  #finish(line: ControlLine): void {
    if (this.#socket.destroyed) return;
    this.#tellLost();
    this.#write(line);
    // One that never reads what is waiting for it does not keep the connection.
    this.#socket.setTimeout(PATIENCE, () => this.#socket.destroy());
    this.#socket.end();
  }

  #tellLost(): void {
    if (this.#lost > 0) this.#write({ lost: this.#lost });
    this.#lost = 0;
  }

  #write(line: ControlLine): void {
    if (this.#socket.writable) this.#socket.write(`${JSON.stringify(line)}\n`);
  }
}
