/**
 * Records what the threads of a runtime do, from all of them, while it runs. Supervising thread; one per `mediated trace`.
 * Threads that are clients (those of programs, and the one that serves the tree) host no actors and are not recorded.
 */
import { isMediatedError, type Runtime } from '@mediated/core';
import type { TraceBatch } from '../control/protocol.js';
import { ThreadTrace } from './thread-trace.js';
import { tracer } from './tracer.js';

/** The calling thread's name among those of the system. */
const OWN_NAME = 'main';
const CLIENT = /^client-\d+$/;

export class Recorder {
  readonly #runtime: Runtime;
  readonly #heard: (batch: TraceBatch) => void;
  readonly #own = new ThreadTrace();
  /** What runs for each thread by its name; all end when the recording does. */
  readonly #running = new Map<string, { readonly done: Promise<void>; stop(): Promise<void> }>();
  /** Threads that will not be started again. */
  readonly #gone = new Set<string>();
  readonly #ended = new AbortController();
  readonly #died = ({ name, restarting }: { name: string; restarting: boolean }) => {
    if (!restarting) this.#gone.add(name);
  };
  readonly #begin = ({ id, name }: { id: number; name: string }) => void this.#follow(id, name);

  private constructor(runtime: Runtime, heard: (batch: TraceBatch) => void) {
    this.#runtime = runtime;
    this.#heard = heard;
  }

  /** Begins to record, on all present threads once it resolves; `heard` gets the records of one thread at a time. */
  static async start(runtime: Runtime, heard: (batch: TraceBatch) => void): Promise<Recorder> {
    const recorder = new Recorder(runtime, heard);
    const { system } = runtime;
    const thread = system.endpoint.thread;
    const done = recorder.#drain(thread, OWN_NAME, () => recorder.#own.take());
    recorder.#running.set(OWN_NAME, { done, stop: async () => recorder.#own.close() });
    system.events.on('threadStart', recorder.#begin);
    system.events.on('threadDied', recorder.#died);
    const others = system.statistics().filter(({ thread: id, name }) => id !== thread && !CLIENT.test(name));
    await Promise.all(others.map(({ thread: id, name }) => recorder.#follow(id, name)));
    return recorder;
  }

  /** Ends the recording, after everything that happened until now was heard. */
  async stop(): Promise<void> {
    const { events } = this.#runtime.system;
    events.off('threadStart', this.#begin);
    events.off('threadDied', this.#died);
    this.#ended.abort();
    const running = [...this.#running.values()];
    await Promise.all(running.map(({ stop }) => stop().catch(() => {})));
    await Promise.all(running.map(({ done }) => done));
  }

  /** Resolves when the thread is recorded, or has ended. */
  #follow(thread: number, name: string): Promise<void> {
    this.#gone.delete(name);
    const { system } = this.#runtime;
    const starting = system.spawn(tracer, undefined, { thread: name });
    const done = starting
      .then((actor) => this.#drain(thread, name, () => actor.ask('take')))
      // A thread that ends while its recording begins has nothing to tell.
      .catch(() => {});
    this.#running.set(name, { done, stop: async () => system.stop(await starting) });
    return starting.then(
      () => {},
      () => {},
    );
  }

  async #drain(
    thread: number,
    name: string,
    take: () => Promise<Awaited<ReturnType<ThreadTrace['take']>>>,
  ): Promise<void> {
    for (;;) {
      try {
        const { records, lost, last } = await take();
        if (records.length > 0 || lost > 0) this.#heard({ thread, name, records, lost });
        if (last) return;
      } catch (error) {
        // The thread has died: when it is started again, so is its tracer. Otherwise that is the end.
        if (!isMediatedError(error, 'EIO') || !(await this.#isBack(name))) return;
      }
    }
  }

  /** Resolves when a thread that has died runs again: true; or will not, or the recording ends: false. */
  #isBack(name: string): Promise<boolean> {
    if (this.#gone.has(name) || this.#ended.signal.aborted) return Promise.resolve(false);
    const { events } = this.#runtime.system;
    return new Promise((resolve) => {
      const settle = (back: boolean) => {
        events.off('threadRestart', restarted);
        events.off('threadDied', died);
        this.#ended.signal.removeEventListener('abort', ended);
        resolve(back);
      };
      const restarted = (thread: { name: string }) => thread.name === name && settle(true);
      const died = (thread: { name: string; restarting: boolean }) =>
        thread.name === name && !thread.restarting && settle(false);
      const ended = () => settle(false);
      events.on('threadRestart', restarted);
      events.on('threadDied', died);
      this.#ended.signal.addEventListener('abort', ended);
    });
  }
}
