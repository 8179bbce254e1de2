/**
 * What a scenario declares: its shared memory, its threads, what must hold. The scenario's function runs once in the
 * controller and once in each explored thread, and must declare the same each time.
 */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { sharedMemoryIn } from './explored-memory.js';

/** How a thread takes part. */
export interface ThreadOptions {
  /** False: it is never killed, whatever the search's `kills` says. */
  readonly mortal?: boolean | undefined;
}

/** The world of a scenario. */
export interface World {
  /** Number of the explored thread that runs this, in order of declaration; -1 in the controller. */
  readonly thread: number;
  /** What the search was given as `parameters`; threads have a structured clone of it. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /**
   * A value that all threads share: made once, in the controller; each thread gets a structured clone. The shared memory
   * in it is explored: each atomic operation on it is a step, and before each execution it is as it was at the start.
   */
  share<T>(name: string, create: () => T): T;
  /** The same, but the memory is not explored: its operations are no steps, and what they do stays for all executions. */
  shareUnexplored<T>(name: string, create: () => T): T;
  /** Declares a thread. `run` is called once per execution; it may be asynchronous. An error it throws is a failure. */
  start(name: string, run: () => unknown, options?: ThreadOptions): void;
  /** What the supervisor does when a thread has been killed: one more thread, begun at each death. */
  whenKilled(run: (thread: number) => unknown): void;
  /** Checked by each thread that ends normally, at once and without steps. For what a thread must not leave behind. */
  atThreadEnd(check: () => void): void;
  /** Checked in the controller when all threads of an execution have ended. */
  afterwards(check: () => void): void;
  /** Runs something whose atomic operations are no steps. */
  quietly<T>(body: () => T): T;
  /** Imports a module by the name it has where the scenario stands. */
  import<T>(specifier: string): Promise<T>;
}

/** The function of a scenario. */
export type Scenario = (world: World) => unknown;

/** A scenario by the module that exports it; closures and imports are then what they are there. */
export interface ScenarioModule {
  readonly module: string | URL;
  /** Name of the export; `default` if not given. */
  readonly name?: string | undefined;
}

/** Modules to take in place of others: the beginning of a file's URL, and what to put there. */
export interface Replacement {
  readonly from: string;
  readonly to: string;
}

/** How a scenario travels to its threads. */
export interface Subject {
  readonly title: string;
  /** Text of the function, or undefined. */
  readonly source: string | undefined;
  /** URL of the module: that exports the scenario, or from which names are resolved. */
  readonly module: string;
  readonly name: string;
  readonly replacements: readonly Replacement[];
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** A declared thread. */
export interface DeclaredThread {
  readonly name: string;
  readonly run: (victim: number) => unknown;
  readonly mortal: boolean;
}

/** Collects what a scenario declares. */
export class Declarations implements World {
  readonly threads: DeclaredThread[] = [];
  readonly ends: (() => void)[] = [];
  readonly checks: (() => void)[] = [];
  readonly shared: Map<string, unknown>;
  readonly unexplored = new Set<string>();
  readonly thread: number;
  reaper: DeclaredThread | undefined;
  readonly #subject: Subject;
  readonly #quietly: <T>(body: () => T) => T;

  /** In a thread, `shared` has the values that the controller made. */
  constructor(
    subject: Subject,
    thread = -1,
    shared = new Map<string, unknown>(),
    quietly: <T>(body: () => T) => T = (body) => body(),
  ) {
    this.#subject = subject;
    this.thread = thread;
    this.shared = shared;
    this.#quietly = quietly;
  }

  share<T>(name: string, create: () => T): T {
    if (!this.shared.has(name)) {
      if (this.thread >= 0) throw new Error(`'${name}' is shared in a thread, but was not in the controller`);
      this.shared.set(name, create());
    } else if (this.thread < 0) throw new Error(`'${name}' is shared twice`);
    return this.shared.get(name) as T;
  }

  shareUnexplored<T>(name: string, create: () => T): T {
    this.unexplored.add(name);
    return this.share(name, create);
  }

  start(name: string, run: () => unknown, options: ThreadOptions = {}): void {
    if (typeof run !== 'function') throw new TypeError(`what the thread '${name}' runs is no function`);
    this.threads.push({ name, run, mortal: options.mortal !== false });
  }

  whenKilled(run: (thread: number) => unknown): void {
    this.reaper = { name: 'supervisor', run, mortal: false };
  }

  atThreadEnd(check: () => void): void {
    this.ends.push(check);
  }

  afterwards(check: () => void): void {
    this.checks.push(check);
  }

  quietly<T>(body: () => T): T {
    return this.#quietly(body);
  }

  get parameters(): Readonly<Record<string, unknown>> {
    return this.#subject.parameters;
  }

  async import<T>(specifier: string): Promise<T> {
    const base = this.#subject.module;
    const relative = specifier.startsWith('.') || URL.canParse(specifier);
    const found = relative ? new URL(specifier, base) : fileUrl(createRequire(base).resolve(specifier));
    let href = found.href;
    for (const { from, to } of this.#subject.replacements) {
      if (href.startsWith(from)) {
        href = to + href.slice(from.length);
        break;
      }
    }
    return (await import(href)) as T;
  }

  /** The memory that is explored, each once, and under which name. */
  get memory(): ReadonlyMap<SharedArrayBuffer, string> {
    const found = new Map<SharedArrayBuffer, string>();
    for (const [name, value] of this.shared) {
      for (const buffer of sharedMemoryIn(value)) if (!found.has(buffer)) found.set(buffer, name);
    }
    for (const name of this.unexplored)
      for (const buffer of sharedMemoryIn(this.shared.get(name))) found.delete(buffer);
    return found;
  }

  /** All threads, the supervisor last. */
  get all(): readonly DeclaredThread[] {
    return this.reaper === undefined ? this.threads : [...this.threads, this.reaper];
  }
}

function fileUrl(path: string): URL {
  return path.startsWith('node:') ? new URL(path) : pathToFileURL(path);
}
