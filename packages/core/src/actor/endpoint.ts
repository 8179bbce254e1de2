/**
 * A thread's end of the system: sends requests, handles what arrives in its inbox, settles replies.
 * One per thread and system; only its own thread calls it. The inbox is this thread's row of rings in the segment
 * (`segment.ts` has the owner rules). Every ask settles: by its reply, its time-out or abort, or the target's death.
 */
import { MediatedError } from '../errors.js';
import { holdProcess, letProcessGo } from '../sync/keep-alive.js';
import { Dispatcher } from './dispatcher.js';
import { type SlotViews, slotViews } from './packing.js';
import { abortedAsk, type AskOptions, PendingAsk, PendingAsks } from './pending.js';
import { Peers } from './peers.js';
import type { PortMesh } from './ports.js';
import type { PlannedMessage } from './protocol.js';
import { Pump } from './pump.js';
import {
  BACKLOGGED,
  DEATHS,
  depart,
  HANDLED,
  INCARNATION,
  PARKED,
  PARKS,
  ROW_WORDS,
  rowOf,
  SENT,
  SPINS_PAID,
  STATE,
  SYSTEM_DEATHS,
  SYSTEM_THREADS,
} from './segment.js';
import { NO_REPLY, SlotReader } from './slot-reader.js';

/** Most asks that one thread may have outstanding towards another, waiting for room included. */
export const MAX_OUTSTANDING = 65_536;
/** Looks into the inbox before a blocking ask sleeps. */
const BLOCKING_SPINS = 20_000;

/** What a thread did so far. */
export interface ThreadStatistics {
  readonly thread: number;
  /** Requests handled. */
  readonly handled: number;
  /** Requests sent. */
  readonly sent: number;
  /** Times the thread went to sleep. */
  readonly parks: number;
  /** Spins that found work. */
  readonly spinsPaid: number;
  /** Requests that had to wait for room in a full inbox. */
  readonly backlogged: number;
}

export class Endpoint {
  readonly thread: number;
  readonly dispatcher = new Dispatcher();
  readonly views: SlotViews;
  readonly ports: PortMesh;
  readonly pending = new PendingAsks();
  readonly #peers: Peers;
  readonly #reader: SlotReader;
  readonly #pump: Pump;
  #holdsProcess = false;
  readonly #deathListeners = new Set<(thread: number) => void>();
  readonly #deathsSeen: Int32Array;
  #systemDeathsSeen: number;
  #closed = false;

  /** Attaches the calling thread. The supervisor has reserved `thread` and set its incarnation. */
  constructor(segment: SharedArrayBuffer, thread: number, ports: PortMesh) {
    this.thread = thread;
    this.views = slotViews(segment);
    this.ports = ports;
    const { words } = this.views;
    this.#deathsSeen = new Int32Array(64);
    for (let id = 0; id < 64; id++) this.#deathsSeen[id] = Atomics.load(words, rowOf(id) + DEATHS);
    this.#systemDeathsSeen = Atomics.load(words, SYSTEM_DEATHS);
    const row = rowOf(thread);
    words.fill(0, row + HANDLED, row + ROW_WORDS);
    Atomics.store(words, row + PARKED, 0);
    this.#peers = new Peers(this);
    this.#reader = new SlotReader(this);
    this.#pump = new Pump(words, thread, {
      drain: () => this.drain(),
      isReady: () => this.#peers.ready || this.#deathsUnseen,
      takeMicrotaskDebt: () => this.#reader.takeMicrotaskDebt(),
      idle: () => {
        if (this.pending.size === 0) this.#holdProcess(false);
      },
    });
    Atomics.store(words, row + STATE, 1);
    Atomics.add(words, SYSTEM_THREADS, 1);
    this.#pump.start();
  }

  /** Whether a thread is attached. */
  isAttached(thread: number): boolean {
    return Atomics.load(this.views.words, rowOf(thread) + STATE) === 1;
  }

  /** Sends a request and promises its reply. `options` may be undefined. */
  ask(
    thread: number,
    actor: number,
    message: PlannedMessage,
    args: readonly unknown[],
    options: AskOptions | undefined,
  ): Promise<unknown> {
    if (thread === this.thread) return this.#askLocally(actor, message, args);
    if (options?.signal?.aborted) return Promise.reject(abortedAsk(message.name, options.signal));
    const refusal = this.#refusal(thread, message);
    if (refusal !== undefined) return Promise.reject(refusal);
    const entry = new PendingAsk(thread, actor, message);
    const promise = new Promise<unknown>((resolve, reject) => {
      entry.resolve = resolve;
      entry.reject = reject;
    });
    if (options !== undefined) entry.guard(options);
    this.#holdProcess(true);
    this.#send(entry, args);
    this.#pump.expectReply();
    return promise;
  }

  /**
   * Sends a message without a reply. Returns false when the target's inbox is full (the message was not sent).
   * Throws EIO when the target thread is not attached.
   */
  tell(thread: number, actor: number, message: PlannedMessage, args: readonly unknown[]): boolean {
    if (thread === this.thread) {
      queueMicrotask(() => {
        // A tell has nobody to report to; a stopped actor ignores it as a remote one does.
        if (this.dispatcher.find(actor) !== undefined) this.dispatcher.call(actor, message, args, this.thread);
      });
      return true;
    }
    if (!this.isAttached(thread)) throw threadGone(thread, message.name);
    return this.#peers.link(thread).request(actor, message, args, NO_REPLY);
  }

  /**
   * Sends a request and blocks until its reply. Only on threads that host no actor; not on the main thread
   * (the caller has checked). Throws what the handler threw, ETIMEDOUT, or EIO when the target dies.
   */
  askSync(
    thread: number,
    actor: number,
    message: PlannedMessage,
    args: readonly unknown[],
    timeout: number | undefined,
  ): unknown {
    const refusal = this.#refusal(thread, message);
    if (refusal !== undefined) throw refusal;
    const entry = new PendingAsk(thread, actor, message);
    let outcome: { value: unknown } | { error: unknown } | undefined;
    entry.resolve = (value) => {
      outcome = { value };
    };
    entry.reject = (error) => {
      outcome = { error };
    };
    this.#send(entry, args);
    const deadline = timeout === undefined ? Number.POSITIVE_INFINITY : performance.now() + timeout;
    while (outcome === undefined) {
      if (this.drain() !== 0) continue;
      if (this.#spinForMessage()) continue;
      const left = deadline - performance.now();
      if (left <= 0) {
        entry.fail(
          new MediatedError('ETIMEDOUT', `no reply to ${message.name} from thread ${thread} within ${timeout} ms`, {
            syscall: message.name,
          }),
        );
      } else this.#sleep(left);
    }
    if ('error' in outcome) throw outcome.error;
    return (outcome as { value: unknown }).value;
  }

  /** Calls `listener` when an attached thread has died. Returns how to stop listening. */
  onDeath(listener: (thread: number) => void): () => void {
    this.#deathListeners.add(listener);
    return () => this.#deathListeners.delete(listener);
  }

  /** Handles everything that has arrived, up to a bounded batch per peer. Returns how much there was. */
  drain(): number {
    if (this.#deathsUnseen) this.#seeDeaths();
    return this.#peers.drain(this.#reader);
  }

  /** Requests being handled asynchronously. */
  get inFlight(): number {
    return this.#reader.inFlight;
  }

  /** Calls `done` when no request is being handled any more. */
  whenIdle(done: () => void): void {
    this.#reader.whenIdle(done);
  }

  statistics(thread = this.thread): ThreadStatistics {
    const { words } = this.views;
    const row = rowOf(thread);
    return {
      thread,
      handled: words[row + HANDLED],
      sent: words[row + SENT],
      parks: words[row + PARKS],
      spinsPaid: words[row + SPINS_PAID],
      backlogged: words[row + BACKLOGGED],
    };
  }

  /** Leaves the system: everything still awaited rejects with ECANCELED. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    depart(this.views.words, this.thread);
    for (let thread = 0; thread < 64; thread++) {
      for (const entry of this.pending.takeAllOf(thread)) {
        entry.fail(new MediatedError('ECANCELED', `${entry.message.name}: this thread left the system`));
      }
    }
    this.#pump.close();
    this.ports.close();
    this.#holdProcess(false);
  }

  #holdProcess(hold: boolean): void {
    if (hold === this.#holdsProcess) return;
    this.#holdsProcess = hold;
    if (hold) holdProcess();
    else letProcessGo();
  }

  get #deathsUnseen(): boolean {
    return Atomics.load(this.views.words, SYSTEM_DEATHS) !== this.#systemDeathsSeen;
  }

  #refusal(thread: number, message: PlannedMessage): MediatedError | undefined {
    if (this.#closed) return new MediatedError('ECANCELED', `${message.name}: this thread has left the system`);
    if (!this.isAttached(thread)) return threadGone(thread, message.name);
    if (this.#peers.outstanding(thread) >= MAX_OUTSTANDING) {
      return new MediatedError(
        'EAGAIN',
        `${message.name}: ${MAX_OUTSTANDING} asks towards thread ${thread} are unanswered; await some of them first`,
        { syscall: message.name },
      );
    }
    return undefined;
  }

  #send(entry: PendingAsk, args: readonly unknown[]): void {
    const id = this.pending.add(entry);
    try {
      this.#peers.link(entry.thread).ask(entry, id, args);
    } catch (error) {
      this.pending.take(id);
      entry.fail(error);
    }
  }

  #askLocally(actor: number, message: PlannedMessage, args: readonly unknown[]): Promise<unknown> {
    try {
      return Promise.resolve(this.dispatcher.call(actor, message, args, this.thread));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #spinForMessage(): boolean {
    for (let looks = 0; looks < BLOCKING_SPINS; looks++) if (this.#peers.ready) return true;
    return false;
  }

  #sleep(milliseconds: number): void {
    const { words } = this.views;
    const parked = rowOf(this.thread) + PARKED;
    Atomics.store(words, parked, 1);
    if (!this.#peers.ready && !this.#deathsUnseen) Atomics.wait(words, parked, 1, milliseconds);
    Atomics.store(words, parked, 0);
  }

  #seeDeaths(): void {
    const { words } = this.views;
    this.#systemDeathsSeen = Atomics.load(words, SYSTEM_DEATHS);
    for (let thread = 0; thread < 64; thread++) {
      const deaths = Atomics.load(words, rowOf(thread) + DEATHS);
      if (deaths === this.#deathsSeen[thread]) continue;
      this.#deathsSeen[thread] = deaths;
      this.#peers.forget(thread);
      for (const entry of this.pending.takeAllOf(thread)) entry.fail(threadGone(thread, entry.message.name));
      for (const listener of this.#deathListeners) listener(thread);
    }
  }

  /** The incarnation of a thread, 0..255, as headers carry it. */
  incarnation(thread: number): number {
    return this.views.words[rowOf(thread) + INCARNATION] & 0xff;
  }
}

/** The error of a message to a thread that has ended. */
export function threadGone(thread: number, name: string): MediatedError {
  return new MediatedError('EIO', `${name}: thread ${thread} has ended`, { syscall: name });
}
