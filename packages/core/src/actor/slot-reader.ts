/**
 * Reads the slots that peers sent: settles asks with replies, calls handlers with requests. Private to one endpoint.
 */
import { fromWire, type WireError } from '../errors.js';
import { noSuchActor } from './dispatcher.js';
import type { Endpoint } from './endpoint.js';
import { HEADER, ID, PAYLOAD, TARGET, unpackArguments, unpackReply } from './packing.js';
import { type PeerLink, REPLY_VALUE } from './peer-link.js';
import { none } from './protocol.js';
import { HANDLED, rowOf, wake } from './segment.js';

/** Messages read from one ring before the next ring has its turn. */
const BATCH = 64;
/** Request id of a tell. */
export const NO_REPLY = -1;
/** Header bits that say for which incarnations a message is. */
const ASKER = 0xff << 16;
const TARGET_SHIFT = 24;

export class SlotReader {
  readonly #endpoint: Endpoint;
  readonly #row: number;
  #inFlight = 0;
  #microtaskDebt = false;
  #idleListeners: (() => void)[] = [];

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
    this.#row = rowOf(endpoint.thread);
  }

  /** Requests whose handler has not finished. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Calls `done` once nothing is being handled. */
  whenIdle(done: () => void): void {
    if (this.#inFlight === 0) done();
    else this.#idleListeners.push(done);
  }

  /** True when promises were resolved since the last call. */
  takeMicrotaskDebt(): boolean {
    const debt = this.#microtaskDebt;
    this.#microtaskDebt = false;
    return debt;
  }

  readReplies(link: PeerLink): number {
    const ring = link.repliesIn;
    let at = ring.peek();
    if (at === -1) return 0;
    const { views, pending, ports } = this.#endpoint;
    const { words } = views;
    const incarnation = this.#endpoint.incarnation(this.#endpoint.thread) << 16;
    let count = 0;
    for (; at !== -1 && count < BATCH * 4; at = ring.peek()) {
      count++;
      // A reply to an earlier thread under this id concerns nobody.
      const entry = (words[at + HEADER] & ASKER) === incarnation ? pending.take(words[at + ID]) : undefined;
      if (entry !== undefined) {
        link.outstanding--;
        try {
          const failed = words[at + TARGET] !== REPLY_VALUE;
          const reply = unpackReply(views, at, failed ? none : entry.message.reply, ports, link.thread);
          if (failed) entry.fail(fromWire(reply as WireError));
          else entry.succeed(reply);
        } catch (error) {
          entry.fail(error);
        }
      }
      ring.advance();
    }
    this.#microtaskDebt = true;
    if (ring.release()) wake(words, link.thread);
    return count;
  }

  readRequests(link: PeerLink): number {
    const ring = link.requestsIn;
    let at = ring.peek();
    if (at === -1) return 0;
    const { words } = this.#endpoint.views;
    const incarnation = this.#endpoint.incarnation(this.#endpoint.thread);
    let count = 0;
    for (; at !== -1 && count < BATCH; at = ring.peek()) {
      count++;
      const header = words[at + HEADER];
      if (header >>> TARGET_SHIFT === incarnation) this.#handle(link, at, header);
      ring.advance();
    }
    words[this.#row + HANDLED] += count;
    this.#endpoint.dispatcher.enter(-1);
    if (ring.release()) wake(words, link.thread);
    return count;
  }

  #handle(link: PeerLink, at: number, header: number): void {
    const { views, dispatcher, ports } = this.#endpoint;
    const { words } = views;
    const actor = words[at + TARGET];
    const id = words[at + ID];
    const asker = header & ASKER;
    const cell = dispatcher.find(actor);
    if (cell === undefined) {
      if (id !== NO_REPLY) link.reply(id, asker, none, noSuchActor(actor, `message ${header & 0xff}`), true);
      return;
    }
    const message = cell.messages[header & 0xff];
    const handler = cell.handlers[header & 0xff];
    dispatcher.enter(link.thread);
    let result: unknown;
    try {
      if (message.wordsOnly) {
        const word = at + PAYLOAD;
        switch (message.args.length) {
          case 0:
            result = handler();
            break;
          case 1:
            result = handler(words[word]);
            break;
          case 2:
            result = handler(words[word], words[word + 1]);
            break;
          case 5:
            result = handler(words[word], words[word + 1], words[word + 2], words[word + 3], words[word + 4]);
            break;
          default:
            result = handler(...unpackArguments(views, at, message, ports, link.thread));
        }
      } else result = handler(...unpackArguments(views, at, message, ports, link.thread));
    } catch (error) {
      if (id !== NO_REPLY) link.reply(id, asker, none, error, true);
      return;
    }
    if (isThenable(result)) this.#finishLater(link, id, asker, message.reply, result);
    else if (id !== NO_REPLY) link.reply(id, asker, message.reply, result, false);
  }

  #finishLater(
    link: PeerLink,
    id: number,
    asker: number,
    codec: Parameters<PeerLink['reply']>[2],
    result: PromiseLike<unknown>,
  ): void {
    this.#inFlight++;
    this.#microtaskDebt = true;
    result.then(
      (value) => {
        if (id !== NO_REPLY) link.reply(id, asker, codec, value, false);
        this.#finished();
      },
      (error) => {
        if (id !== NO_REPLY) link.reply(id, asker, none, error, true);
        this.#finished();
      },
    );
  }

  #finished(): void {
    if (--this.#inFlight !== 0) return;
    const listeners = this.#idleListeners;
    this.#idleListeners = [];
    for (const done of listeners) done();
  }
}

/** Numbers, the usual replies, are told apart without a property look-up. */
function isThenable(result: unknown): result is PromiseLike<unknown> {
  return typeof result === 'object' && result !== null && typeof (result as { then?: unknown }).then === 'function';
}
