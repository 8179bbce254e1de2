/**
 * A thread's end of the system: sends requests, handles what arrives in its inbox, settles replies.
 * One per thread and system; only its own thread calls it. The inbox is this thread's row of rings in the segment
 * (`segment.ts` has the owner rules). Every ask settles: by its reply, its time-out or abort, or the target's death.
 */
import { MediatedError } from '../errors.js';
import { holdProcess, letProcessGo } from '../sync/keep-alive.js';
import { MAX_THREADS } from '../sync/threads.js';
import { BlockingWait } from './blocking-wait.js';
import { Dispatcher } from './dispatcher.js';
import { ForeignSleep } from './foreign-sleep.js';
import { InFlight } from './in-flight.js';
import { LocalCalls } from './local-calls.js';
import { type SlotViews, slotViews } from './packing.js';
import { abortedAsk, type AskOptions, PendingAsk, PendingAsks } from './pending.js';
import { Peers } from './peers.js';
import type { PortMesh } from './ports.js';
import type { PlannedMessage } from './protocol.js';
import { Pump } from './pump.js';
import { ATTACHED, DEATHS, depart, LIFE_MASK, NEWS, PARKED, raiseHighest, rowOf, STATE, wake } from './segment.js';
import { NO_REPLY, SlotReader } from './slot-reader.js';
import { clearStatistics, readStatistics, type ThreadStatistics } from './statistics.js';

/** Most asks that one thread may have outstanding towards another, waiting for room included. */
export const MAX_OUTSTANDING = 65_536;

export class Endpoint {
  readonly thread: number;
  /** Number of this thread's life under its id, as messages carry it. */
  readonly life: number;
  readonly dispatcher: Dispatcher;
  readonly inFlight = new InFlight();
  readonly views: SlotViews;
  readonly ports: PortMesh;
  readonly pending = new PendingAsks(() => this.#holdProcess(false));
  readonly #local: LocalCalls;
  readonly #peers: Peers;
  readonly #reader: SlotReader;
  readonly #pump: Pump | ForeignSleep;
  readonly #blocking: BlockingWait;
  readonly #deathListeners = new Set<(thread: number) => void>();
  readonly #deathsSeen = new Int32Array(MAX_THREADS);
  readonly #news: number;
  #newsSeen: number;
  #holdsProcess = false;
  #closed = false;

  /**
   * Attaches the calling thread, for which the supervisor has reserved the id `thread`. `expected`: the actors that
   * this thread, restarted, has to start again. `sleepsElsewhere`: the thread looks into its inbox itself, see
   * {@link foreignSleep}.
   */
  constructor(
    segment: SharedArrayBuffer,
    thread: number,
    ports: PortMesh,
    expected: readonly number[] = [],
    sleepsElsewhere = false,
  ) {
    this.thread = thread;
    this.views = slotViews(segment);
    this.ports = ports;
    const { words } = this.views;
    // The total first: a death in between is then noticed once more than needed, not once less.
    this.#news = rowOf(thread) + NEWS;
    this.#newsSeen = Atomics.load(words, this.#news);
    for (let id = 0; id < MAX_THREADS; id++) this.#deathsSeen[id] = Atomics.load(words, rowOf(id) + DEATHS);
    this.life = this.lifeOf(thread);
    clearStatistics(this.views, thread);
    const row = rowOf(thread);
    Atomics.store(words, row + PARKED, 0);
    this.dispatcher = new Dispatcher(expected);
    this.#local = new LocalCalls(thread, this.dispatcher, this.inFlight);
    this.#peers = new Peers(this);
    this.#reader = new SlotReader(this);
    const isReady = () => this.#peers.ready || this.#newsUnseen;
    const glance = () => this.#peers.glance || this.#newsShown;
    this.#blocking = new BlockingWait(words, thread, isReady, glance);
    this.#pump = sleepsElsewhere
      ? new ForeignSleep(words, thread, isReady)
      : new Pump(this.views, thread, {
          drain: () => this.drain(),
          isReady,
          glance,
          takeMicrotaskDebt: () => this.#reader.takeMicrotaskDebt(),
          idle: () => {
            if (this.pending.awaited === 0) this.#holdProcess(false);
          },
        });
    raiseHighest(words, thread);
    Atomics.store(words, row + STATE, ATTACHED);
    this.#pump.look();
  }

  /** How this thread sleeps when it does so in a system call; undefined: its event loop waits for messages. */
  get foreignSleep(): ForeignSleep | undefined {
    return this.#pump instanceof ForeignSleep ? this.#pump : undefined;
  }

  /** Has a thread that sleeps look into its inbox. Any thread that is attached may be rung. */
  ring(thread: number): void {
    wake(this.views.words, thread);
  }

  /** Whether a thread is attached. */
  isAttached(thread: number): boolean {
    return Atomics.load(this.views.words, rowOf(thread) + STATE) === ATTACHED;
  }

  /** The life of a thread, as far as this thread has noticed deaths. */
  lifeOf(thread: number): number {
    return this.#deathsSeen[thread] & LIFE_MASK;
  }

  /** Sends a request and promises its reply. `options` may be undefined. */
  ask(
    thread: number,
    actor: number,
    message: PlannedMessage,
    args: readonly unknown[],
    options: AskOptions | undefined,
  ): Promise<unknown> {
    if (thread === this.thread) return this.#local.ask(actor, message, args, options);
    const refusal = this.#refusal(thread, message, options);
    if (refusal !== undefined) return Promise.reject(refusal);
    const entry = new PendingAsk(thread, actor, message);
    const promise = new Promise<unknown>((resolve, reject) => {
      entry.resolve = resolve;
      entry.reject = reject;
    });
    if (options !== undefined) entry.guard(options);
    if (this.#send(entry, args)) {
      this.#holdProcess(true);
      this.#pump.expectReply();
    }
    return promise;
  }

  /**
   * Sends a message without a reply. Returns false when the target's inbox is full (the message was not sent).
   * Throws EIO when the target thread is not attached, ECANCELED when this one has left.
   */
  tell(thread: number, actor: number, message: PlannedMessage, args: readonly unknown[]): boolean {
    if (thread === this.thread) return this.#local.tell(actor, message, args);
    if (this.#closed) throw threadLeft(message.name);
    if (this.#newsUnseen) this.noticeNews();
    if (!this.isAttached(thread)) throw threadGone(thread, message.name);
    return this.#peers.link(thread).request(actor, message, args, NO_REPLY);
  }

  /**
   * Sends a request and blocks until its reply. Only on threads that host no actor; not on the main thread
   * (the caller has checked). Throws what the handler threw, ETIMEDOUT, or EIO when the target dies. A blocked thread
   * does not see its AbortSignal change: only one that is aborted already counts.
   */
  askSync(
    thread: number,
    actor: number,
    message: PlannedMessage,
    args: readonly unknown[],
    options: AskOptions | undefined,
  ): unknown {
    const refusal = this.#refusal(thread, message, options);
    if (refusal !== undefined) throw refusal;
    const entry = new PendingAsk(thread, actor, message);
    let result: unknown;
    let failed = false;
    entry.resolve = (value) => {
      result = value;
    };
    entry.reject = (error) => {
      result = error;
      failed = true;
    };
    this.#send(entry, args);
    const deadline = options?.timeout === undefined ? Number.POSITIVE_INFINITY : performance.now() + options.timeout;
    while (!entry.settled) {
      // A drain that found no message may still have noticed that the target died.
      if (this.drain() !== 0 || entry.settled || this.#blocking.spin()) continue;
      const left = deadline - performance.now();
      if (left <= 0) entry.fail(entry.tooLate(options?.timeout));
      else if (this.#blocking.sleep(left)) this.#pump.look();
    }
    if (failed) throw result;
    return result;
  }

  /** Calls `listener` when an attached thread has died or left. Returns how to stop listening. */
  onDeath(listener: (thread: number) => void): () => void {
    this.#deathListeners.add(listener);
    return () => this.#deathListeners.delete(listener);
  }

  /** Handles everything that has arrived, up to a bounded batch per peer. Returns how much there was. */
  drain(): number {
    if (this.#newsShown) this.noticeNews();
    return this.#peers.drain(this.#reader);
  }

  statistics(thread = this.thread): ThreadStatistics {
    return readStatistics(this.views, thread);
  }

  /** Leaves the system: everything still awaited rejects with ECANCELED. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    depart(this.views.words, this.thread);
    for (let thread = 0; thread < MAX_THREADS; thread++) {
      for (const entry of this.pending.takeAllOf(thread)) entry.fail(threadLeft(entry.message.name));
    }
    this.#pump.close();
    this.ports.close();
    this.#holdProcess(false);
  }

  /** Meets new peers; rejects what waits for threads that have died or left, and tells the listeners. */
  noticeNews(): void {
    const { words } = this.views;
    this.#newsSeen = Atomics.load(words, this.#news);
    this.#peers.seeNewPeers();
    for (let thread = 0; thread < MAX_THREADS; thread++) {
      const deaths = Atomics.load(words, rowOf(thread) + DEATHS);
      if (deaths === this.#deathsSeen[thread]) continue;
      this.#deathsSeen[thread] = deaths;
      if (thread === this.thread) continue;
      // What it still answered counts.
      this.#peers.bury(thread, this.lifeOf(thread), this.#reader);
      this.ports.drop(thread, this.lifeOf(thread));
      for (const entry of this.pending.takeAllOf(thread)) entry.fail(threadGone(thread, entry.message.name));
      for (const listener of this.#deathListeners) callListener(listener, thread);
    }
  }

  #holdProcess(hold: boolean): void {
    if (hold === this.#holdsProcess) return;
    this.#holdsProcess = hold;
    if (hold) holdProcess();
    else letProcessGo();
  }

  /** As {@link #newsUnseen}, but may miss what is only just new: not for a thread that is about to sleep. */
  get #newsShown(): boolean {
    return this.views.words[this.#news] !== this.#newsSeen;
  }

  get #newsUnseen(): boolean {
    return Atomics.load(this.views.words, this.#news) !== this.#newsSeen;
  }

  #refusal(thread: number, message: PlannedMessage, options: AskOptions | undefined): MediatedError | undefined {
    if (options?.signal?.aborted) return abortedAsk(message.name, options.signal);
    if (this.#closed) return threadLeft(message.name);
    if (this.#newsShown) this.noticeNews();
    const link = this.#peers.find(thread);
    if (link?.attached !== true) {
      if (!this.isAttached(thread)) return threadGone(thread, message.name);
      if (link !== undefined) link.attached = true;
    }
    if (link !== undefined && link.outstanding >= MAX_OUTSTANDING) {
      return new MediatedError(
        'EAGAIN',
        `${message.name}: ${MAX_OUTSTANDING} asks towards thread ${thread} are unanswered; await some of them first`,
        { syscall: message.name },
      );
    }
    return undefined;
  }

  /** Returns false when the request could not be sent; its ask is rejected then. */
  #send(entry: PendingAsk, args: readonly unknown[]): boolean {
    const id = this.pending.add(entry);
    try {
      this.#peers.link(entry.thread).ask(entry, id, args);
      return true;
    } catch (error) {
      this.pending.take(id);
      entry.fail(error);
      return false;
    }
  }
}

/** A listener's mistake is an uncaught exception of this thread, but it does not stop what called the listener. */
function callListener(listener: (thread: number) => void, thread: number): void {
  try {
    listener(thread);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

/** The error of a message to a thread that has ended. */
function threadGone(thread: number, name: string): MediatedError {
  return new MediatedError('EIO', `${name}: thread ${thread} has ended`, { syscall: name });
}

/** The error of a message from a thread that has left. */
function threadLeft(name: string): MediatedError {
  return new MediatedError('ECANCELED', `${name}: this thread has left the system`, { syscall: name });
}
