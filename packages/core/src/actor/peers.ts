/**
 * The links of one thread to the threads it talks with, made when first needed. Private to the thread's endpoint.
 * A peer announces its first message by a bit in this thread's PEERS words; the bits are never cleared.
 */
import type { LinkOwner } from './peer-link.js';
import { PeerLink } from './peer-link.js';
import { PEERS_HI, PEERS_LO, rowOf } from './segment.js';
import type { SlotReader } from './slot-reader.js';

export class Peers {
  readonly #owner: LinkOwner;
  readonly #row: number;
  readonly #byThread: (PeerLink | undefined)[] = new Array(64);
  #links: PeerLink[] = [];
  #low = 0;
  #high = 0;

  constructor(owner: LinkOwner) {
    this.#owner = owner;
    this.#row = rowOf(owner.thread);
    this.#seeNewPeers();
  }

  /** True when a drain would do something. */
  get ready(): boolean {
    if (this.#newPeers) return true;
    for (const link of this.#links) if (link.ready) return true;
    return false;
  }

  /** The link to a thread; announces this thread to it when new. */
  link(thread: number): PeerLink {
    const link = this.#byThread[thread];
    if (link !== undefined) return link;
    const { words } = this.#owner.views;
    Atomics.or(words, rowOf(thread) + (this.#owner.thread < 32 ? PEERS_LO : PEERS_HI), 1 << (this.#owner.thread & 31));
    return this.#add(thread);
  }

  outstanding(thread: number): number {
    return this.#byThread[thread]?.outstanding ?? 0;
  }

  /** Reads replies and requests of every peer, a bounded batch of each. Returns how many. */
  drain(reader: SlotReader): number {
    if (this.#newPeers) this.#seeNewPeers();
    let handled = 0;
    for (const link of this.#links) {
      handled += reader.readReplies(link) + reader.readRequests(link);
      if (link.waiting) handled += link.flush();
    }
    return handled;
  }

  /** A thread died: reads the replies it had sent, drops what waits for it. Its next life is number `life`. */
  bury(thread: number, life: number, reader: SlotReader): void {
    const link = this.#byThread[thread];
    if (link === undefined) return;
    while (reader.readReplies(link) !== 0);
    link.rebirth(life);
  }

  get #newPeers(): boolean {
    const { words } = this.#owner.views;
    return (
      Atomics.load(words, this.#row + PEERS_LO) !== this.#low ||
      Atomics.load(words, this.#row + PEERS_HI) !== this.#high
    );
  }

  #seeNewPeers(): void {
    const { words } = this.#owner.views;
    this.#low = Atomics.load(words, this.#row + PEERS_LO);
    this.#high = Atomics.load(words, this.#row + PEERS_HI);
    for (let thread = 0; thread < 64; thread++) {
      const bits = thread < 32 ? this.#low : this.#high;
      if ((bits & (1 << (thread & 31))) !== 0 && this.#byThread[thread] === undefined) this.link(thread);
    }
  }

  #add(thread: number): PeerLink {
    const link = new PeerLink(this.#owner, thread);
    this.#byThread[thread] = link;
    this.#links = [...this.#links, link];
    return link;
  }
}
