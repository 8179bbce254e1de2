/**
 * An actor system: the supervising thread's view of a shared segment, the worker threads attached to it and their
 * actors. Start one per process section that needs it; several may live side by side. Only the thread that started a
 * system calls its methods (usually the main thread); other threads use `Client`.
 */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { createEmitter } from '../emitter.js';
import { MediatedError } from '../errors.js';
import { currentThread, MAX_THREADS, ThreadTable } from '../sync/threads.js';
import type { ActorDefinition } from './actor.js';
import { type ActorHandle, ActorRef } from './actor-ref.js';
import { Attachments } from './attachments.js';
import * as channels from './channels.js';
import { Client, type ClientTicket } from './client.js';
import { ControlCalls } from './control-calls.js';
import { Endpoint } from './endpoint.js';
import { withinGrace } from './grace.js';
import { HostedThread } from './hosted-thread.js';
import { PortMesh } from './ports.js';
import type { MessageMap } from './protocol.js';
import { RestartLimit, type RestartPolicy } from './restart-limit.js';
import { createSegment, depart } from './segment.js';
import type { ThreadStatistics } from './statistics.js';
import type { ActorSpec, HostData } from './thread-control.js';
import { Workqueue } from './workqueue.js';

/** Options of {@link ActorSystem.start}. */
export interface SystemOptions {
  /** Restarts of a thread that died, each with its actors. Default: 3 within 5000 ms. */
  readonly restart?: RestartPolicy;
  /** Milliseconds since any fixed moment, for counting restarts. Default: the monotonic clock. */
  readonly now?: () => number;
  /**
   * Milliseconds that an actor's `stop`, and then handlers under way, get before their thread is terminated.
   * Default 5000.
   */
  readonly grace?: number;
}

/**
 * Where an actor runs: on the thread of that name, started if there is none. Default: a thread of its own, which ends
 * with the actor.
 */
export interface Placement {
  readonly thread?: string | undefined;
}

/** Life-cycle events of a system. */
export type SystemEvents = {
  threadStart: (thread: { id: number; name: string }) => void;
  threadStop: (thread: { id: number; name: string }) => void;
  /** A thread ended without being asked to; `error` is what it threw, if anything. */
  threadDied: (thread: { id: number; name: string; error: Error | undefined; restarting: boolean }) => void;
  threadRestart: (thread: { id: number; name: string }) => void;
  /** A client left or died. */
  clientGone: (client: { id: number }) => void;
};

/** Per-thread statistics with the thread's name. */
export interface NamedThreadStatistics extends ThreadStatistics {
  readonly name: string;
}

const HOST = new URL('./thread-main.js', import.meta.url);

export class ActorSystem {
  readonly events = createEmitter<SystemEvents>();
  readonly workqueue = new Workqueue();
  readonly client: Client;
  readonly #segment = createSegment();
  readonly #words = new Int32Array(this.#segment);
  readonly #table = ThreadTable.current();
  readonly #threads = new Map<number, HostedThread>();
  readonly #byName = new Map<string, HostedThread>();
  /** Running actors in the order of their start. */
  readonly #actors = new Map<ActorSpec, HostedThread>();
  /** Actors ever started per thread id: a number is never used again, so an old reference meets no stranger. */
  readonly #actorNumbers = new Int32Array(MAX_THREADS);
  readonly #attachments: Attachments;
  readonly #restart: RestartPolicy;
  readonly #now: () => number;
  readonly #grace: number;
  readonly #forgetDeaths: () => void;
  #closing: Promise<void> | undefined;
  #unnamed = 0;

  private constructor(options: SystemOptions) {
    this.#restart = options.restart ?? { intensity: 3, period: 5000 };
    this.#now = options.now ?? (() => performance.now());
    this.#grace = options.grace ?? 5000;
    this.client = new Client(new Endpoint(this.#segment, currentThread(), new PortMesh(undefined, [])));
    this.#attachments = new Attachments(this.#segment, this.endpoint);
    this.endpoint.onDeath((thread) => this.#gone(thread));
    this.#forgetDeaths = this.#table.onDeath((thread) => this.#buried(thread));
  }

  /** Starts a system; the calling thread becomes its supervisor and first client. */
  static start(options: SystemOptions = {}): ActorSystem {
    return new ActorSystem(options);
  }

  /** The calling thread's end. */
  get endpoint(): Endpoint {
    return this.client.endpoint;
  }

  /** Starts an actor. Rejects with what its `start` threw, EAGAIN when 64 threads exist, ECANCELED when closing. */
  async spawn<M extends MessageMap, Options>(
    definition: ActorDefinition<M, Options>,
    options: Options,
    placement: Placement = {},
  ): Promise<ActorRef<M>> {
    const { name, module, protocol } = definition;
    return new ActorRef(this.endpoint, await this.spawnNamed({ name, module }, options, placement), protocol);
  }

  /** {@link spawn} for an actor that this thread knows only by its module and its export's name. */
  async spawnNamed(
    { name: label, module }: { readonly name: string; readonly module: string },
    options: unknown,
    placement: Placement = {},
  ): Promise<ActorHandle> {
    const thread =
      placement.thread === undefined
        ? await this.#readyThread(`${label}-${++this.#unnamed}`, true)
        : await this.#readyThread(placement.thread, false);
    const spec = { id: ++this.#actorNumbers[thread.id], label, module, export: label, options };
    try {
      await thread.control.call('start', spec);
    } catch (error) {
      await this.#endOwned(thread);
      throw error;
    }
    thread.specs.set(spec.id, spec);
    this.#actors.set(spec, thread);
    channels.actorStarted.publish({ thread: thread.id, name: thread.name, actor: spec.id, label });
    return { thread: thread.id, actor: spec.id };
  }

  /**
   * Stops an actor gracefully. Messages that arrive later are answered with ESHUTDOWN; with EIO when the actor had a thread
   * of its own, which ends with it. Rejects with what the actor's `stop` threw.
   */
  async stop(ref: ActorRef<MessageMap>): Promise<void> {
    const { thread: id, actor } = ref.handle;
    const thread = this.#threads.get(id);
    const spec = thread?.specs.get(actor);
    if (thread === undefined || spec === undefined) return;
    thread.specs.delete(actor);
    this.#actors.delete(spec);
    try {
      await thread.control.call('stop', actor);
    } finally {
      channels.actorStopped.publish({ thread: id, name: thread.name, actor, label: spec.label });
      await this.#endOwned(thread);
    }
  }

  /** The hosting thread of a name, started when there is none. */
  thread(name: string): Promise<HostedThread> {
    return this.#readyThread(name, false);
  }

  /** Stops a hosting thread and its actors gracefully. */
  async stopThread(name: string): Promise<void> {
    const thread = this.#byName.get(name);
    if (thread === undefined) return;
    if (!thread.ran) await thread.ready.catch(() => {});
    await this.#stopThread(thread);
  }

  /**
   * Invites a worker to become a client. Post `ticket` with `transfer` as its transfer list, attach with
   * `Client.attach(ticket)` there, and `watch` the worker here so that its death is noticed.
   * EAGAIN when 64 threads exist, ECANCELED when closing.
   */
  invite(): { ticket: ClientTicket; transfer: MessagePort[] } {
    if (this.#closing !== undefined) throw closing('invite');
    const { attachment, transfer } = this.#attachments.add(this.#table.reserve());
    return { ticket: { attachment, threads: this.#table.buffer }, transfer };
  }

  /**
   * Watches a worker that is or will be a client (or uses locks): when it ends, what it held is let go; with `ticket`,
   * also the id in the ticket if the worker never attached.
   */
  watch(worker: Worker, ticket?: ClientTicket): void {
    this.#table.watch(worker);
    if (ticket === undefined) return;
    worker.once('exit', () => {
      if (this.#attachments.isUnused(ticket.attachment)) this.#table.reap(ticket.attachment.thread);
    });
  }

  /** Statistics of every attached thread, read from shared memory. */
  statistics(): NamedThreadStatistics[] {
    const result: NamedThreadStatistics[] = [];
    for (let id = 0; id < 64; id++) {
      if (!this.endpoint.isAttached(id)) continue;
      const name = this.#threads.get(id)?.name ?? (id === this.endpoint.thread ? 'main' : `client-${id}`);
      result.push({ ...this.endpoint.statistics(id), name });
    }
    return result;
  }

  /** Stops all actors and threads, last started first, and leaves. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    await Promise.allSettled([...this.#byName.values()].filter((thread) => !thread.ran).map((thread) => thread.ready));
    for (const [spec, thread] of [...this.#actors].reverse()) await this.#stopActor(spec, thread);
    for (const thread of [...this.#threads.values()].reverse()) await this.#stopThread(thread);
    await this.workqueue.close();
    this.client.endpoint.close();
    this.#attachments.close();
    this.#forgetDeaths();
  }

  async #readyThread(name: string, ownedByActor: boolean): Promise<HostedThread> {
    if (this.#closing !== undefined) throw closing('spawn');
    let thread = this.#byName.get(name);
    if (thread === undefined) {
      thread = new HostedThread(this.#table.reserve(), name, new RestartLimit(this.#restart, this.#now), ownedByActor);
      this.#threads.set(thread.id, thread);
      this.#byName.set(name, thread);
      thread.ready = this.#startThread(thread);
    }
    await thread.ready;
    if (this.#closing !== undefined) throw closing('spawn');
    return thread;
  }

  async #startThread(thread: HostedThread): Promise<void> {
    const { id, name } = thread;
    await this.#launch(thread);
    thread.ran = true;
    channels.threadStarted.publish({ thread: id, name });
    this.events.emit('threadStart', { id, name });
  }

  /** Starts the worker of a thread and waits until it answers. */
  async #launch(thread: HostedThread): Promise<void> {
    const { attachment, transfer } = this.#attachments.add(thread.id);
    const commands = new MessageChannel();
    const data: HostData = { attachment, commands: commands.port2, expected: [...thread.specs.keys()] };
    const worker = new Worker(HOST, {
      name: thread.name,
      workerData: data,
      transferList: [...transfer, commands.port2],
    });
    thread.worker = worker;
    const control = new ControlCalls(commands.port1);
    thread.control = control;
    let failure: Error | undefined;
    worker.once('error', (error) => {
      failure = error instanceof Error ? error : new Error(String(error));
    });
    this.#table.watch(worker, { id: thread.id, keep: true });
    worker.once('exit', () => {
      control.end(new MediatedError('EIO', `thread ${thread.name} has ended`, { cause: failure }));
      this.#exited(thread, failure);
    });
    await control.call('statistics');
    if (thread.state === 'starting') thread.state = 'running';
  }

  /** Stops an actor while its thread goes on, for at most the grace period. */
  async #stopActor(spec: ActorSpec, thread: HostedThread): Promise<void> {
    thread.specs.delete(spec.id);
    this.#actors.delete(spec);
    if (thread.state !== 'running') return;
    await withinGrace(this.#grace, thread.control.call('stop', spec.id)).catch(warn);
    channels.actorStopped.publish({ thread: thread.id, name: thread.name, actor: spec.id, label: spec.label });
  }

  /** Ends a thread that was started for one actor and has none. */
  async #endOwned(thread: HostedThread): Promise<void> {
    if (thread.ownedByActor && thread.specs.size === 0) await this.#stopThread(thread);
  }

  #stopThread(thread: HostedThread): Promise<void> {
    thread.stopped ??= this.#endThread(thread);
    return thread.stopped;
  }

  async #endThread(thread: HostedThread): Promise<void> {
    const { id, name } = thread;
    if (thread.state === 'down') return;
    const isRunning = thread.state === 'running';
    thread.state = 'stopping';
    this.#unname(thread);
    if (isRunning) await withinGrace(this.#grace, thread.control.call('shutdown')).catch(warn);
    await thread.worker.terminate();
    channels.threadStopped.publish({ thread: id, name });
    this.events.emit('threadStop', { id, name });
  }

  /** A host's worker has exited: its locks were recovered and everybody was told (`#buried`). */
  #exited(thread: HostedThread, error: Error | undefined): void {
    const wanted = thread.state === 'stopping';
    const restarting = !wanted && this.#closing === undefined && thread.ran && thread.restarts.allow();
    thread.state = 'down';
    if (restarting) {
      thread.ready = this.#relaunch(thread);
      thread.ready.catch(() => {});
    } else {
      this.#table.reap(thread.id);
      this.#threads.delete(thread.id);
      this.#unname(thread);
      for (const spec of thread.specs.values()) this.#actors.delete(spec);
    }
    if (wanted) return;
    channels.threadDied.publish({ thread: thread.id, name: thread.name, error });
    this.events.emit('threadDied', { id: thread.id, name: thread.name, error, restarting });
  }

  async #relaunch(thread: HostedThread): Promise<void> {
    thread.state = 'starting';
    const launched = this.#launch(thread);
    const { worker } = thread;
    try {
      await launched;
      for (const spec of [...thread.specs.values()]) await thread.control.call('start', spec);
    } catch (error) {
      // This worker and no later one: the exit handler may have started that already.
      await worker.terminate();
      if (this.#threads.get(thread.id) !== thread) throw error;
      return thread.ready;
    }
    channels.threadRestarted.publish({ thread: thread.id, name: thread.name });
    this.events.emit('threadRestart', { id: thread.id, name: thread.name });
  }

  /** The name is free for another thread. */
  #unname(thread: HostedThread): void {
    if (this.#byName.get(thread.name) === thread) this.#byName.delete(thread.name);
  }

  /** A thread id died and its locks have passed on: reject what waits for it, wake everybody. */
  #buried(thread: number): void {
    depart(this.#words, thread);
    this.endpoint.noticeNews();
  }

  /** A thread has left or died. */
  #gone(thread: number): void {
    if (this.#attachments.remove(thread) && !this.#threads.has(thread)) this.events.emit('clientGone', { id: thread });
  }
}

function closing(syscall: string): MediatedError {
  return new MediatedError('ECANCELED', 'the system is closing', { syscall });
}

/** What goes wrong while stopping hinders nothing, but does not go unseen. */
function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : new Error(String(error)));
}
