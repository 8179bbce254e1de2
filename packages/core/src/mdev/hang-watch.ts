/**
 * Notices driver threads that are stuck in a callback: an ask of the supervising thread that stays unanswered for the
 * deadline makes it ping the thread, and a ping that stays unanswered as long ends the thread. Recovery and restart do
 * the rest. A driver that awaits something answers pings and is left alone, however long it takes.
 * Private to the supervising thread. No timer runs while no ask is outstanding.
 */
import { isMediatedError } from '../errors.js';

/** What the watch does to threads, and its clock. */
export interface HangActions {
  /** Resolves when the thread has answered; rejects with ETIMEDOUT when it has not in time. */
  ping(thread: number): Promise<void>;
  terminate(thread: number): void;
  /** Calls back after that many milliseconds. Returns how to forget it. */
  after(milliseconds: number, callback: () => void): () => void;
  /** Milliseconds since any fixed moment. */
  now(): number;
}

interface WatchedAsk {
  readonly started: number;
  /** Its caller has given up waiting; the thread has not answered for all that. */
  abandoned: boolean;
}

interface WatchedThread {
  /** In the order of their start. */
  readonly asks: Set<WatchedAsk>;
  forget: (() => void) | undefined;
  pinging: boolean;
}

export class HangWatch {
  readonly #deadline: number;
  readonly #actions: HangActions;
  readonly #threads = new Map<number, WatchedThread>();

  /** `deadline`: milliseconds without an answer, first for the ask, then for the ping. */
  constructor(deadline: number, actions: HangActions) {
    this.#deadline = deadline;
    this.#actions = actions;
  }

  /** Watches one ask until it is answered. */
  watch(thread: number, ask: Promise<unknown>): void {
    let watched = this.#threads.get(thread);
    if (watched === undefined) {
      watched = { asks: new Set(), forget: undefined, pinging: false };
      this.#threads.set(thread, watched);
    }
    const entry: WatchedAsk = { started: this.#actions.now(), abandoned: false };
    watched.asks.add(entry);
    if (watched.forget === undefined && !watched.pinging) this.#arm(thread, watched, this.#deadline);
    ask.then(
      () => this.#answered(watched, entry),
      (error) => {
        if (isMediatedError(error, 'ETIMEDOUT')) entry.abandoned = true;
        else this.#answered(watched, entry);
      },
    );
  }

  /** Stops watching. */
  close(): void {
    for (const watched of this.#threads.values()) watched.forget?.();
    this.#threads.clear();
  }

  #answered(watched: WatchedThread, entry: WatchedAsk): void {
    watched.asks.delete(entry);
    if (watched.asks.size !== 0) return;
    watched.forget?.();
    watched.forget = undefined;
  }

  #arm(thread: number, watched: WatchedThread, milliseconds: number): void {
    watched.forget = this.#actions.after(milliseconds, () => {
      watched.forget = undefined;
      const [oldest] = watched.asks;
      const left = oldest.started + this.#deadline - this.#actions.now();
      if (left > 0) this.#arm(thread, watched, left);
      else void this.#ping(thread, watched);
    });
  }

  async #ping(thread: number, watched: WatchedThread): Promise<void> {
    watched.pinging = true;
    try {
      await this.#actions.ping(thread);
    } catch (error) {
      // Any other failure means that the thread has ended or is being ended.
      if (isMediatedError(error, 'ETIMEDOUT') && this.#threads.get(thread) === watched) this.#actions.terminate(thread);
    }
    watched.pinging = false;
    // It is not stuck, or it is no more: what was given up needs no watching.
    for (const ask of watched.asks) if (ask.abandoned) watched.asks.delete(ask);
    if (watched.asks.size !== 0 && this.#threads.get(thread) === watched) this.#arm(thread, watched, this.#deadline);
  }
}
