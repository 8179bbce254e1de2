/**
 * Everything one thread keeps about one peer: the two rings to it, the two rings from it, what waits for room.
 * Private to the thread's endpoint.
 */
import { toWire } from '../errors.js';
import { EXTRA, HEADER, ID, ON_PORT, packArguments, packReply, type SlotViews, TARGET } from './packing.js';
import type { PendingAsk, PendingAsks } from './pending.js';
import type { PortMesh } from './ports.js';
import type { Codec, PlannedMessage } from './protocol.js';
import { Queue } from './queue.js';
import { RingConsumer, RingProducer } from './ring.js';
import { BACKLOGGED, INCARNATION, rowOf, SENT, wake } from './segment.js';

/** Reply status words: the value follows, or an error is on the port. */
export const REPLY_VALUE = 0;
export const REPLY_ERROR = 1;

interface WaitingRequest {
  readonly entry: PendingAsk;
  readonly id: number;
  readonly args: readonly unknown[];
}

interface WaitingReply {
  readonly id: number;
  readonly incarnations: number;
  readonly codec: Codec<unknown>;
  readonly value: unknown;
  readonly failed: boolean;
}

/** What a link needs of its endpoint. */
export interface LinkOwner {
  readonly thread: number;
  readonly views: SlotViews;
  readonly ports: PortMesh;
  readonly pending: PendingAsks;
}

export class PeerLink {
  readonly thread: number;
  readonly requestsIn: RingConsumer;
  readonly repliesIn: RingConsumer;
  /** Asks sent or waiting for room whose replies have not come. */
  outstanding = 0;
  readonly #owner: LinkOwner;
  readonly #requestsOut: RingProducer;
  readonly #repliesOut: RingProducer;
  readonly #waitingRequests = new Queue<WaitingRequest>();
  readonly #waitingReplies = new Queue<WaitingReply>();
  readonly #ownRow: number;
  readonly #peerRow: number;

  constructor(owner: LinkOwner, peer: number) {
    const { words } = owner.views;
    this.#owner = owner;
    this.thread = peer;
    this.requestsIn = new RingConsumer(words, peer, owner.thread, false);
    this.repliesIn = new RingConsumer(words, peer, owner.thread, true);
    this.#requestsOut = new RingProducer(words, owner.thread, peer, false);
    this.#repliesOut = new RingProducer(words, owner.thread, peer, true);
    this.#ownRow = rowOf(owner.thread);
    this.#peerRow = rowOf(peer);
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

  /** Sends an ask, or keeps it until the peer has room. May throw `DataCloneError` or EIO. */
  ask(entry: PendingAsk, id: number, args: readonly unknown[]): void {
    if (this.#waitingRequests.length === 0 && this.request(entry.actor, entry.message, args, id)) {
      this.outstanding++;
      return;
    }
    this.outstanding++;
    this.#waitingRequests.push({ entry, id, args });
    this.#owner.views.words[this.#ownRow + BACKLOGGED]++;
    if (!this.#requestsOut.starve()) this.flush();
  }

  /** Writes a request into the ring. Returns false when the ring is full. */
  request(actor: number, message: PlannedMessage, args: readonly unknown[], id: number): boolean {
    const at = this.#requestsOut.claim();
    if (at === -1) return false;
    const { views, ports } = this.#owner;
    const { words } = views;
    const flags = packArguments(views, at, message, args, ports, this.thread);
    words[at + HEADER] =
      message.index |
      flags |
      ((words[this.#ownRow + INCARNATION] & 0xff) << 16) |
      ((words[this.#peerRow + INCARNATION] & 0xff) << 24);
    words[at + TARGET] = actor;
    words[at + ID] = id;
    this.#requestsOut.publish();
    words[this.#ownRow + SENT]++;
    wake(words, this.thread);
    return true;
  }

  /** Sends a reply, or keeps it until the asker has read its earlier ones. Never throws. */
  reply(id: number, incarnations: number, codec: Codec<unknown>, value: unknown, failed: boolean): void {
    if (this.#waitingReplies.length === 0 && this.#writeReply(id, incarnations, codec, value, failed)) return;
    this.#waitingReplies.push({ id, incarnations, codec, value, failed });
    if (!this.#repliesOut.starve()) this.flush();
  }

  /** Sends what waited, as far as there is room. Returns how much was sent. */
  flush(): number {
    let sent = 0;
    for (let next = this.#waitingReplies.peek(); next !== undefined; next = this.#waitingReplies.peek()) {
      if (!this.#writeReply(next.id, next.incarnations, next.codec, next.value, next.failed)) {
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
          if (!this.request(entry.actor, entry.message, args, id)) {
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
    return sent;
  }

  /** Anything waiting for room. */
  get waiting(): boolean {
    return this.#waitingRequests.length !== 0 || this.#waitingReplies.length !== 0;
  }

  /** The peer died: what waits for it is dropped (the pending asks are rejected by the endpoint). */
  drop(): void {
    this.#waitingRequests.clear();
    this.#waitingReplies.clear();
    this.outstanding = 0;
  }

  #abandon(id: number): void {
    this.#owner.pending.take(id);
    this.outstanding--;
  }

  #writeReply(id: number, incarnations: number, codec: Codec<unknown>, value: unknown, failed: boolean): boolean {
    const at = this.#repliesOut.claim();
    if (at === -1) return false;
    const { views, ports } = this.#owner;
    const { words } = views;
    let status = failed ? REPLY_ERROR : REPLY_VALUE;
    let flags = 0;
    try {
      if (failed) {
        words[at + EXTRA] = ports.post(this.thread, toWire(value));
        flags = ON_PORT;
      } else flags = packReply(views, at, codec, value, ports, this.thread);
    } catch (error) {
      // The reply cannot be cloned, or the asker's port is gone with the asker.
      status = REPLY_ERROR;
      try {
        words[at + EXTRA] = ports.post(this.thread, toWire(error));
        flags = ON_PORT;
      } catch {
        return true;
      }
    }
    words[at + HEADER] = flags | incarnations;
    words[at + TARGET] = status;
    words[at + ID] = id;
    this.#repliesOut.publish();
    wake(words, this.thread);
    return true;
  }
}
