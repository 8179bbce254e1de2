/**
 * Reads the slots that peers sent: settles asks with replies, calls handlers with requests. Private to one endpoint.
 */
import { fromWire, type WireError } from '../errors.js';
import { tellFailed } from './channels.js';
import { type Dispatcher, isThenable } from './dispatcher.js';
import type { InFlight } from './in-flight.js';
import { callHandler } from './handler-call.js';
import { HEADER, ID, LIVES, type SlotViews, unpackReply } from './packing.js';
import { type PeerLink, REPLY_VALUE } from './peer-link.js';
import type { PendingAsks } from './pending.js';
import { type Codec, none } from './protocol.js';
import { sealed } from './ring.js';
import { countersOf, wake } from './segment.js';
import { HANDLED } from './statistics.js';

/** Messages read from one ring before the next ring has its turn. */
const BATCH = 64;
/** Request id of a tell. */
export const NO_REPLY = -1;

/** What a reader needs of its endpoint. */
export interface SlotReaderOwner {
  readonly thread: number;
  readonly views: SlotViews;
  readonly pending: PendingAsks;
  readonly dispatcher: Dispatcher;
  readonly inFlight: InFlight;
  noticeNews(): void;
}

export class SlotReader {
  readonly #endpoint: SlotReaderOwner;
  readonly #handled: number;
  #microtaskDebt = false;

  constructor(endpoint: SlotReaderOwner) {
    this.#endpoint = endpoint;
    this.#handled = countersOf(endpoint.thread) + HANDLED;
  }

  /** True when promises were resolved since the last call. */
  takeMicrotaskDebt(): boolean {
    const debt = this.#microtaskDebt;
    this.#microtaskDebt = false;
    return debt;
  }

  readReplies(link: PeerLink): number {
    const ring = link.repliesIn;
    let at = ring.look();
    if (at === -1) return 0;
    const { views, pending } = this.#endpoint;
    const { words } = views;
    let count = 0;
    for (; at !== -1 && count < BATCH * 4; at = ring.look()) {
      count++;
      const entry = (words[at + HEADER] & LIVES) === link.asking ? pending.take(words[at + ID]) : undefined;
      if (entry !== undefined) {
        link.outstanding--;
        try {
          const failed = sealed(words, at) !== REPLY_VALUE;
          const reply = unpackReply(views, at, failed ? none : entry.message.reply, link);
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
    let at = ring.look();
    if (at === -1) return 0;
    const { words, doubles } = this.#endpoint.views;
    let count = 0;
    for (; at !== -1 && count < BATCH; at = ring.look()) {
      count++;
      const header = words[at + HEADER];
      if ((header & LIVES) === link.asked || this.#isReborn(link, header)) {
        // Before its reply: whoever has the reply finds the request counted.
        doubles[this.#handled]++;
        this.#handle(link, at, header);
      }
      ring.advance();
      link.wakeIfDue();
    }
    this.#endpoint.dispatcher.enter(-1);
    link.wake();
    if (ring.release()) wake(words, link.thread);
    return count;
  }

  /** Whether a request with other lives than the present ones comes from a peer whose death is not noticed yet. */
  #isReborn(link: PeerLink, header: number): boolean {
    this.#endpoint.noticeNews();
    return (header & LIVES) === link.asked;
  }

  #handle(link: PeerLink, at: number, header: number): void {
    const { views, dispatcher } = this.#endpoint;
    const { words } = views;
    const actor = sealed(words, at);
    const id = words[at + ID];
    const lives = header & LIVES;
    const cell = dispatcher.find(actor);
    if (cell === undefined) {
      if (id !== NO_REPLY) link.reply(id, lives, none, dispatcher.missing(actor, `message ${header & 0xff}`), true);
      return;
    }
    const message = cell.messages[header & 0xff];
    const handler = cell.handlers[header & 0xff];
    dispatcher.enter(link.thread);
    let result: unknown;
    let later: Promise<unknown> | undefined;
    try {
      result = callHandler(handler, views, at, message, link);
      if (isThenable(result)) later = Promise.resolve(result);
    } catch (error) {
      this.#failed(link, id, lives, actor, message.name, error);
      return;
    }
    if (later !== undefined) this.#finishLater(link, id, lives, actor, message, later);
    else if (id !== NO_REPLY) link.reply(id, lives, message.reply, result, false);
  }

  #finishLater(
    link: PeerLink,
    id: number,
    lives: number,
    actor: number,
    { name, reply }: { name: string; reply: Codec<unknown> },
    result: Promise<unknown>,
  ): void {
    const { inFlight } = this.#endpoint;
    inFlight.began();
    this.#microtaskDebt = true;
    result.then(
      (value) => {
        if (id !== NO_REPLY) link.reply(id, lives, reply, value, false);
        link.wake();
        inFlight.finished();
      },
      (error) => {
        this.#failed(link, id, lives, actor, name, error);
        link.wake();
        inFlight.finished();
      },
    );
  }

  #failed(link: PeerLink, id: number, lives: number, actor: number, message: string, error: unknown): void {
    if (id !== NO_REPLY) link.reply(id, lives, none, error, true);
    else tellFailed.publish({ thread: this.#endpoint.thread, sender: link.thread, actor, message, error });
  }
}
