/**
 * The links of one thread to the threads it talks with, made when first needed. Private to the thread's endpoint.
 * A peer announces its first message by a bit in this thread's PEERS words (never cleared) and by NEWS.
 */
import type { LinkOwner } from './peer-link.js';
import { PeerLink } from './peer-link.js';
import { NEWS, PEERS_HI, PEERS_LO, rowOf } from './segment.js';
import type { SlotReader } from './slot-reader.js';

export class Peers {
  readonly #owner: LinkOwner;
  readonly #row: number;
  readonly #byThread: (PeerLink | undefined)[] = new Array(64);
  #links: PeerLink[] = [];

  constructor(owner: LinkOwner) {
    this.#owner = owner;
    this.#row = rowOf(owner.thread);
    this.seeNewPeers();
  }

  /** True when a drain would do something. */
  get ready(): boolean {
    for (const link of this.#links) if (link.ready) return true;
    return false;
  }

  /** As {@link ready}, but may miss what is only just there. */
  get glance(): boolean {
    for (const link of this.#links) if (link.glance) return true;
    return false;
  }

  /** The link to a thread; announces this thread to it when new. */
  link(thread: number): PeerLink {
    const link = this.#byThread[thread];
    if (link !== undefined) return link;
    const { words } = this.#owner.views;
    Atomics.or(words, rowOf(thread) + (this.#owner.thread < 32 ? PEERS_LO : PEERS_HI), 1 << (this.#owner.thread & 31));
    Atomics.add(words, rowOf(thread) + NEWS, 1);
    return this.#add(thread);
  }

  /** The link to a thread, if there is one. */
  find(thread: number): PeerLink | undefined {
    return this.#byThread[thread];
  }

  /** Reads replies and requests of every peer, a bounded batch of each. Returns how many. */
  drain(reader: SlotReader): number {
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

  /** Makes the links to peers that have announced themselves. */
  seeNewPeers(): void {
    const { words } = this.#owner.views;
    const low = Atomics.load(words, this.#row + PEERS_LO);
    const high = Atomics.load(words, this.#row + PEERS_HI);
    for (let thread = 0; thread < 64; thread++) {
      const bits = thread < 32 ? low : high;
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
