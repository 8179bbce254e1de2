/**
 * Everything one thread keeps about one peer: the two rings to it, the two rings from it, what waits for room.
 * Private to the thread's endpoint.
 *
 * Every message names the lives of both threads between which it was asked; a reply repeats those of its request.
 * A message of other lives than the present ones is read and ignored: it concerns nobody any more.
 */
import { toWire } from '../errors.js';
import {
  EXTRA,
  HEADER,
  ID,
  keepArguments,
  keepValue,
  LIVES,
  ON_PORT,
  packArguments,
  packReply,
  type PayloadRoad,
  type SlotViews,
} from './packing.js';
import type { PendingAsk, PendingAsks } from './pending.js';
import type { PortMesh } from './ports.js';
import { type Codec, none, type PlannedMessage } from './protocol.js';
import { Queue } from './queue.js';
import { RingConsumer, RingProducer } from './ring.js';
import { countersOf, PARKED, rowOf, wake } from './segment.js';
import { BACKLOGGED, SENT } from './statistics.js';

/** Reply status words: the value follows, or an error is on the port. */
export const REPLY_VALUE = 0;
const REPLY_ERROR = 1;

/**
 * How often a sleeping asker is woken for replies while more of its requests are being handled, in milliseconds: often
 * when few of them wait, seldom when it will be kept busy anyway.
 */
const WAKE_INTERVAL = 0.1;
const BUSY_WAKE_INTERVAL = 1;
/** This many waiting requests are many. */
const MANY = 32;

const ASKER_SHIFT = 16;
const TARGET_SHIFT = 24;

interface WaitingRequest {
  readonly entry: PendingAsk;
  readonly id: number;
  readonly args: readonly unknown[];
}

interface WaitingReply {
  readonly id: number;
  readonly lives: number;
  readonly codec: Codec<unknown>;
  readonly value: unknown;
  readonly failed: boolean;
}

/** What a link needs of its endpoint. */
export interface LinkOwner {
  readonly thread: number;
  /** Number of this thread's present life, as messages carry it. */
  readonly life: number;
  readonly views: SlotViews;
  readonly ports: PortMesh;
  readonly pending: PendingAsks;
  /** The present life of another thread, as far as this thread has noticed deaths. */
  lifeOf(thread: number): number;
}

export class PeerLink implements PayloadRoad {
  readonly thread: number;
  readonly requestsIn: RingConsumer;
  readonly repliesIn: RingConsumer;
  /** Asks sent or waiting for room whose replies have not come. */
  outstanding = 0;
  /** The peer was found attached, and no death of it has been noticed since. */
  attached = false;
  /** Lives in the headers of what this thread asks the peer, and of the replies. */
  asking = 0;
  /** Lives in the headers of what the peer asks this thread. */
  asked = 0;
  readonly #owner: LinkOwner;
  #life = 0;
  /** Replies were published since the peer was last known to be awake. */
  #owesWake = false;
  #wokeAt = 0;
  readonly #requestsOut: RingProducer;
  readonly #repliesOut: RingProducer;
  readonly #waitingRequests = new Queue<WaitingRequest>();
  readonly #waitingReplies = new Queue<WaitingReply>();
  readonly #counters: number;
  /** Where the peer says that it sleeps. */
  readonly #parked: number;

  constructor(owner: LinkOwner, peer: number) {
    const { words } = owner.views;
    this.#owner = owner;
    this.thread = peer;
    this.requestsIn = new RingConsumer(words, peer, owner.thread, false);
    this.repliesIn = new RingConsumer(words, peer, owner.thread, true);
    this.#requestsOut = new RingProducer(words, owner.thread, peer, false);
    this.#repliesOut = new RingProducer(words, owner.thread, peer, true);
    this.#counters = countersOf(owner.thread);
    this.#parked = rowOf(peer) + PARKED;
    this.#setLife(owner.lifeOf(peer));
  }

  /** True when there is something to read, or room for something that waits. */
  get ready(): boolean {
    return (
      this.requestsIn.ready ||
      this.repliesIn.ready ||
      (this.#waitingRequests.length !== 0 && this.#requestsOut.claim() !== -1) ||
      (this.#waitingReplies.length !== 0 && this.#repliesOut.claim() !== -1)
    );
  }

  /** As {@link ready}, but may miss what is only just there. */
  get glance(): boolean {
    return this.requestsIn.glance || this.repliesIn.glance || (this.waiting && this.ready);
  }

  /** Sends an ask, or keeps it until the peer has room. May throw `DataCloneError` or EIO. */
  ask(entry: PendingAsk, id: number, args: readonly unknown[]): void {
    if (this.request(entry.actor, entry.message, args, id)) {
      this.outstanding++;
      return;
    }
    this.#waitingRequests.push({ entry, id, args: keepArguments(entry.message, args) });
    this.outstanding++;
    this.#owner.views.doubles[this.#counters + BACKLOGGED]++;
    if (!this.#requestsOut.starve()) this.flush();
  }

  /** Sends a request, unless the ring is full or earlier requests wait for room: then returns false. */
  request(actor: number, message: PlannedMessage, args: readonly unknown[], id: number): boolean {
    return this.#waitingRequests.length === 0 && this.#writeRequest(actor, message, args, id);
  }

  /**
   * Sends a reply, or keeps it until the asker has read its earlier ones. Never throws. Whoever has sent the last of
   * several calls {@link wake}; in between, {@link wakeIfDue} keeps the asker from waiting long.
   */
  reply(id: number, lives: number, codec: Codec<unknown>, value: unknown, failed: boolean): void {
    if (lives !== this.asked) return;
    if (this.#waitingReplies.length === 0 && this.#writeReply(id, lives, codec, value, failed)) return;
    this.#waitingReplies.push(keepReply(id, lives, codec, value, failed));
    if (!this.#repliesOut.starve()) this.flush();
  }

  /** Wakes the asker for replies that it may not have seen. */
  wake(): void {
    if (!this.#owesWake) return;
    this.#owesWake = false;
    wake(this.#owner.views.words, this.thread);
  }

  /**
   * {@link wake}, unless that was done a moment ago: waking costs more than most requests. A reply may so wait for the
   * handler that runs next, but not for two. {@link wake} follows, so that what a plain look misses is not lost.
   */
  wakeIfDue(): void {
    if (!this.#owesWake || this.#owner.views.words[this.#parked] === 0) return;
    const now = performance.now();
    if (now - this.#wokeAt < (this.requestsIn.holds(MANY) ? BUSY_WAKE_INTERVAL : WAKE_INTERVAL)) return;
    this.#wokeAt = now;
    this.wake();
  }

  /** Sends what waited, as far as there is room. Returns how much was sent. */
  flush(): number {
    let sent = 0;
    for (let next = this.#waitingReplies.peek(); next !== undefined; next = this.#waitingReplies.peek()) {
      if (!this.#writeReply(next.id, next.lives, next.codec, next.value, next.failed)) {
        if (this.#repliesOut.starve()) break;
        continue;
      }
      this.#waitingReplies.shift();
      sent++;
    }
    for (let next = this.#waitingRequests.peek(); next !== undefined; next = this.#waitingRequests.peek()) {
      const { entry, id, args } = next;
      if (entry.settled) this.#abandon(id);
      else {
        try {
          if (!this.#writeRequest(entry.actor, entry.message, args, id)) {
            if (this.#requestsOut.starve()) break;
            continue;
          }
        } catch (error) {
          this.#abandon(id);
          entry.fail(error);
        }
      }
      this.#waitingRequests.shift();
      sent++;
    }
    this.wake();
    return sent;
  }

  /** Anything waiting for room. */
  get waiting(): boolean {
    return this.#waitingRequests.length !== 0 || this.#waitingReplies.length !== 0;
  }

  /** The peer died: what waits for it is dropped (the endpoint rejects the pending asks). Its next life is `life`. */
  rebirth(life: number): void {
    this.#waitingRequests.clear();
    this.#waitingReplies.clear();
    this.outstanding = 0;
    this.attached = false;
    this.#owesWake = false;
    this.#setLife(life);
  }

  post(value: unknown, transfer?: readonly ArrayBuffer[]): number {
    return this.#owner.ports.post(this.thread, this.#life, value, transfer);
  }

  take(ticket: number): unknown {
    return this.#owner.ports.take(this.thread, this.#life, ticket);
  }

  #setLife(life: number): void {
    this.#life = life;
    this.asking = (this.#owner.life << ASKER_SHIFT) | (life << TARGET_SHIFT);
    this.asked = (life << ASKER_SHIFT) | (this.#owner.life << TARGET_SHIFT);
  }

  #abandon(id: number): void {
    this.#owner.pending.take(id);
    this.outstanding--;
  }

  #writeRequest(actor: number, message: PlannedMessage, args: readonly unknown[], id: number): boolean {
    const at = this.#requestsOut.claim();
    if (at === -1) return false;
    const { views } = this.#owner;
    const { words } = views;
    const flags = packArguments(views, at, message, args, this);
    words[at + HEADER] = message.index | flags | this.asking;
    words[at + ID] = id;
    this.#requestsOut.publish(actor);
    views.doubles[this.#counters + SENT]++;
    wake(words, this.thread);
    return true;
  }

  #writeReply(id: number, lives: number, codec: Codec<unknown>, value: unknown, failed: boolean): boolean {
    const at = this.#repliesOut.claim();
    if (at === -1) return false;
    const { views } = this.#owner;
    const { words } = views;
    let status = failed ? REPLY_ERROR : REPLY_VALUE;
    let flags = 0;
    try {
      if (failed) {
        words[at + EXTRA] = this.post(toWire(value));
        flags = ON_PORT;
      } else flags = packReply(views, at, codec, value, this);
    } catch (error) {
      // The reply cannot be cloned, or the asker's port is gone with the asker.
      status = REPLY_ERROR;
      try {
        words[at + EXTRA] = this.post(toWire(error));
        flags = ON_PORT;
      } catch {
        return true;
      }
    }
    words[at + HEADER] = flags | (lives & LIVES);
    words[at + ID] = id;
    this.#repliesOut.publish(status);
    this.#owesWake = true;
    return true;
  }
}

function keepReply(id: number, lives: number, codec: Codec<unknown>, value: unknown, failed: boolean): WaitingReply {
  if (failed) return { id, lives, codec, value, failed };
  try {
    return { id, lives, codec, value: keepValue(codec, value), failed };
  } catch (error) {
    return { id, lives, codec: none, value: error, failed: true };
  }
}
