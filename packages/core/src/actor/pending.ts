/**
 * The asks of one thread that wait for their reply. Private to that thread's endpoint.
 * An entry's id is reused only after its reply arrived or its target died, so a late reply never meets a stranger;
 * an ask that timed out or was aborted leaves its entry behind, settled, until then.
 */
import { MediatedError } from '../errors.js';
import type { PlannedMessage } from './protocol.js';

/** Options of a single ask. */
export interface AskOptions {
  /** Milliseconds after which the ask rejects with ETIMEDOUT. Default: none. */
  timeout?: number | undefined;
  /** Aborting rejects the ask with ECANCELED (cause: the signal's reason). The handler's effect may still happen. */
  signal?: AbortSignal | undefined;
}

/** One waiting ask. */
export class PendingAsk {
  settled = false;
  resolve!: (value: unknown) => void;
  reject!: (error: unknown) => void;
  timer: NodeJS.Timeout | undefined;
  stopListening: (() => void) | undefined;

  constructor(
    readonly thread: number,
    readonly actor: number,
    readonly message: PlannedMessage,
  ) {}

  succeed(value: unknown): void {
    if (this.settled) return;
    this.#release();
    this.resolve(value);
  }

  fail(error: unknown): void {
    if (this.settled) return;
    this.#release();
    this.reject(error);
  }

  /** Starts time-out and abort handling. */
  guard(options: AskOptions): void {
    const { timeout, signal } = options;
    if (timeout !== undefined) {
      this.timer = setTimeout(() => {
        const text = `no reply to ${this.message.name} from thread ${this.thread} within ${timeout} ms`;
        this.fail(new MediatedError('ETIMEDOUT', text, { syscall: this.message.name }));
      }, timeout);
    }
    if (signal !== undefined) {
      const abort = () => this.fail(abortedAsk(this.message.name, signal));
      signal.addEventListener('abort', abort, { once: true });
      this.stopListening = () => signal.removeEventListener('abort', abort);
    }
  }

  #release(): void {
    this.settled = true;
    if (this.timer !== undefined) clearTimeout(this.timer);
    if (this.stopListening !== undefined) this.stopListening();
  }
}

/** The error of an ask whose signal was aborted. */
export function abortedAsk(name: string, signal: AbortSignal): MediatedError {
  return new MediatedError('ECANCELED', `${name} was aborted`, { syscall: name, cause: signal.reason });
}

export class PendingAsks {
  readonly #entries: (PendingAsk | undefined)[] = [];
  readonly #free: number[] = [];
  #count = 0;

  /** Asks whose reply or target's death has not been seen, aborted ones included. */
  get size(): number {
    return this.#count;
  }

  add(entry: PendingAsk): number {
    const id = this.#free.pop() ?? this.#entries.length;
    this.#entries[id] = entry;
    this.#count++;
    return id;
  }

  /** Takes the entry of a reply, or undefined when there is none. */
  take(id: number): PendingAsk | undefined {
    const entry = this.#entries[id];
    if (entry === undefined) return undefined;
    this.#entries[id] = undefined;
    this.#free.push(id);
    this.#count--;
    return entry;
  }

  /** Takes every entry that waits for `thread`. */
  takeAllOf(thread: number): PendingAsk[] {
    const taken: PendingAsk[] = [];
    for (let id = 0; id < this.#entries.length; id++) {
      if (this.#entries[id]?.thread === thread) taken.push(this.take(id) as PendingAsk);
    }
    return taken;
  }
}
