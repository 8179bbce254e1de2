/**
 * An actor system: the supervising thread's view of a shared segment, the worker threads attached to it and their
 * actors. Start one per process section that needs it; several may live side by side. Only the thread that started a
 * system calls its methods (usually the main thread); other threads use `Client`.
 */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { wrap } from 'comlink';
import { createEmitter } from '../emitter.js';
import { MediatedError } from '../errors.js';
import { currentThread, ThreadTable } from '../sync/threads.js';
import type { ActorDefinition } from './actor.js';
import { ActorRef } from './actor-ref.js';
import * as channels from './channels.js';
import { Client, type ClientTicket } from './client.js';
import { Endpoint, type ThreadStatistics } from './endpoint.js';
import { HostedThread } from './hosted-thread.js';
import { type PeerNotice, PortMesh } from './ports.js';
import type { MessageMap } from './protocol.js';
import { RestartLimit, type RestartPolicy } from './restart-limit.js';
import { createSegment, depart, INCARNATION, rowOf } from './segment.js';
import type { Attachment, HostData } from './thread-control.js';
import { Workqueue } from './workqueue.js';

/** Options of {@link ActorSystem.start}. */
export interface SystemOptions {
  /** Restarts of a thread that died, each with its actors. Default: 3 within 5000 ms. */
  readonly restart?: RestartPolicy;
  /** Milliseconds since any fixed moment, for counting restarts. Default: the monotonic clock. */
  readonly now?: () => number;
}

/** Where an actor runs: on the thread of that name, started if there is none. Default: a thread of its own. */
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
  readonly #byName = new Map<string, Promise<HostedThread>>();
  /** Control ports of attached threads (hosts and clients) other than this one. */
  readonly #controls = new Map<number, MessagePort>();
  readonly #restart: RestartPolicy;
  readonly #now: () => number;
  readonly #forgetDeaths: () => void;
  #closing: Promise<void> | undefined;
  #unnamed = 0;

  private constructor(options: SystemOptions) {
    this.#restart = options.restart ?? { intensity: 3, period: 5000 };
    this.#now = options.now ?? (() => performance.now());
    this.#words[rowOf(currentThread()) + INCARNATION]++;
    this.client = new Client(new Endpoint(this.#segment, currentThread(), new PortMesh(undefined, [])));
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
    const thread = await this.thread(placement.thread ?? `${definition.name}-${++this.#unnamed}`);
    const spec = { id: thread.nextActor(), label: definition.name, module: definition.module, export: definition.name, options };
    await thread.invoke((control) => control.start(spec));
    thread.specs.set(spec.id, spec);
    channels.actorStarted.publish({ thread: thread.id, name: thread.name, actor: spec.id, label: spec.label });
    return new ActorRef(this.endpoint, { thread: thread.id, actor: spec.id }, definition.protocol);
  }

  /** Stops an actor gracefully. Messages that arrive later are answered with ESRCH. */
  async stop(ref: ActorRef<MessageMap>): Promise<void> {
    const { thread: id, actor } = ref.handle;
    const thread = this.#threads.get(id);
    const spec = thread?.specs.get(actor);
    if (thread === undefined || spec === undefined) return;
    thread.specs.delete(actor);
    await thread.invoke((control) => control.stop(actor));
    channels.actorStopped.publish({ thread: id, name: thread.name, actor, label: spec.label });
  }

  /** The hosting thread of a name, started when there is none. */
  thread(name: string): Promise<HostedThread> {
    if (this.#closing !== undefined) {
      return Promise.reject(new MediatedError('ECANCELED', `thread ${name}: the system is closing`, { syscall: 'spawn' }));
    }
    let thread = this.#byName.get(name);
    if (thread === undefined) {
      thread = this.#startThread(name);
      this.#byName.set(name, thread);
      thread.catch(() => this.#byName.delete(name));
    }
    return thread;
  }

  /** Stops a hosting thread and its actors gracefully. */
  async stopThread(name: string): Promise<void> {
    const thread = await this.#byName.get(name);
    if (thread !== undefined) await this.#stopThread(thread);
  }

  /**
   * Invites a worker to become a client. Post `ticket` with `transfer` as its transfer list, attach with
   * `Client.attach(ticket)` there, and `watch` the worker here so that its death is noticed.
   */
  invite(): { ticket: ClientTicket; transfer: MessagePort[] } {
    const { attachment, transfer } = this.#attachment(this.#table.reserve());
    return { ticket: { attachment, threads: this.#table.buffer }, transfer };
  }

  /** Watches a worker that is or will be a client (or uses locks): when it ends, what it held is let go. */
  watch(worker: Worker): void {
    this.#table.watch(worker);
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
    await Promise.allSettled(this.#byName.values());
    for (const thread of [...this.#threads.values()].reverse()) await this.#stopThread(thread);
    await this.workqueue.close();
    this.client.endpoint.close();
    for (const port of this.#controls.values()) port.close();
    this.#forgetDeaths();
  }

  async #startThread(name: string): Promise<HostedThread> {
    const thread = new HostedThread(this.#table.reserve(), name, new RestartLimit(this.#restart, this.#now));
    this.#threads.set(thread.id, thread);
    await this.#launch(thread);
    channels.threadStarted.publish({ thread: thread.id, name });
    this.events.emit('threadStart', { id: thread.id, name });
    return thread;
  }

  /** Starts the worker of a thread and waits until it answers. */
  async #launch(thread: HostedThread): Promise<void> {
    const { attachment, transfer } = this.#attachment(thread.id);
    const commands = new MessageChannel();
    const data: HostData = { attachment, commands: commands.port2 };
    const worker = new Worker(HOST, {
      name: thread.name,
      workerData: data,
      transferList: [...transfer, commands.port2],
    });
    thread.worker = worker;
    thread.control = wrap(commands.port1 as never) as unknown as HostedThread['control'];
    let failure: Error | undefined;
    worker.once('error', (error) => {
      failure = error instanceof Error ? error : new Error(String(error));
    });
    this.#table.watch(worker, { id: thread.id, keep: true });
    thread.exited = new Promise<never>((_, reject) => {
      worker.once('exit', () => {
        commands.port1.close();
        reject(new MediatedError('EIO', `thread ${thread.name} has ended`, { cause: failure }));
        this.#exited(thread, failure);
      });
    });
    thread.exited.catch(() => {});
    await thread.call((control) => control.statistics());
    thread.state = 'running';
  }

  async #stopThread(thread: HostedThread): Promise<void> {
    if (thread.state !== 'running') return;
    thread.state = 'stopping';
    await thread.invoke((control) => control.shutdown()).catch(() => {});
    await thread.worker.terminate();
    channels.threadStopped.publish({ thread: thread.id, name: thread.name });
    this.events.emit('threadStop', { id: thread.id, name: thread.name });
  }

  /** A host's worker has exited: its locks were recovered and everybody was told (`#buried`). */
  #exited(thread: HostedThread, error: Error | undefined): void {
    const wanted = thread.state === 'stopping';
    const restarting = !wanted && this.#closing === undefined && thread.state === 'running' && thread.restarts.allow();
    thread.state = 'down';
    if (!wanted) {
      channels.threadDied.publish({ thread: thread.id, name: thread.name, error });
      this.events.emit('threadDied', { id: thread.id, name: thread.name, error, restarting });
    }
    if (restarting) void this.#relaunch(thread);
    else {
      this.#table.reap(thread.id);
      this.#threads.delete(thread.id);
      this.#byName.delete(thread.name);
    }
  }

  async #relaunch(thread: HostedThread): Promise<void> {
    thread.state = 'starting';
    try {
      await this.#launch(thread);
      for (const spec of thread.specs.values()) await thread.invoke((control) => control.start(spec));
    } catch {
      // The worker's exit handler has done or will do the rest.
      await thread.worker.terminate();
      return;
    }
    channels.threadRestarted.publish({ thread: thread.id, name: thread.name });
    this.events.emit('threadRestart', { id: thread.id, name: thread.name });
  }

  /** A thread id died and its locks have passed on: reject what waits for it, wake everybody, forget its ports. */
  #buried(thread: number): void {
    depart(this.#words, thread);
    this.#controls.get(thread)?.close();
    this.#controls.delete(thread);
    if (!this.#threads.has(thread)) this.events.emit('clientGone', { id: thread });
  }

  /** Makes the ports between a new thread and everybody attached, and what the new thread needs to attach. */
  #attachment(thread: number): { attachment: Attachment; transfer: MessagePort[] } {
    Atomics.add(this.#words, rowOf(thread) + INCARNATION, 1);
    const control = new MessageChannel();
    const peers: PeerNotice[] = [];
    const join = (peer: number, deliver: (notice: PeerNotice) => void): void => {
      const { port1, port2 } = new MessageChannel();
      peers.push({ peer, port: port2 });
      deliver({ peer: thread, port: port1 });
    };
    join(this.endpoint.thread, (notice) => this.endpoint.ports.add(notice));
    for (const [peer, port] of this.#controls) join(peer, (notice) => port.postMessage(notice, [notice.port]));
    control.port1.unref();
    this.#controls.set(thread, control.port1);
    const attachment = { segment: this.#segment, thread, control: control.port2, peers };
    return { attachment, transfer: [control.port2, ...peers.map((notice) => notice.port)] };
  }
}
