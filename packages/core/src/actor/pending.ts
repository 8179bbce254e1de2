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

/** Node fires longer timers at once; nobody waits 24 days for such a time-out, so it is none. */
const LONGEST_DELAY = 0x7fff_ffff;

/** One waiting ask. */
export class PendingAsk {
  settled = false;
  resolve!: (value: unknown) => void;
  reject!: (error: unknown) => void;
  timer: NodeJS.Timeout | undefined;
  stopListening: (() => void) | undefined;
  /** Counts this ask among those that are awaited, from `add` until it settles. */
  counter: PendingAsks | undefined;

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
    if (timeout !== undefined && timeout <= LONGEST_DELAY) {
      this.timer = setTimeout(() => {
        this.#giveUp(this.tooLate(timeout));
      }, timeout);
    }
    if (signal !== undefined) {
      const abort = () => this.#giveUp(abortedAsk(this.message.name, signal));
      signal.addEventListener('abort', abort, { once: true });
      this.stopListening = () => signal.removeEventListener('abort', abort);
    }
  }

  /** The error of this ask when its time is over. */
  tooLate(timeout: number | undefined): MediatedError {
    const text = `no reply to ${this.message.name} from thread ${this.thread} within ${timeout} ms`;
    return new MediatedError('ETIMEDOUT', text, { syscall: this.message.name });
  }

  #giveUp(error: MediatedError): void {
    this.fail(error);
    this.counter?.gaveUp();
  }

  #release(): void {
    this.settled = true;
    if (this.counter !== undefined) this.counter.awaited--;
    if (this.timer !== undefined) clearTimeout(this.timer);
    if (this.stopListening !== undefined) this.stopListening();
  }
}

/** The error of an ask whose signal was aborted. */
export function abortedAsk(name: string, signal: AbortSignal): MediatedError {
  return new MediatedError('ECANCELED', `${name} was aborted`, { syscall: name, cause: signal.reason });
}

export class PendingAsks {
  /** Asks that are not settled. */
  awaited = 0;
  readonly #entries: (PendingAsk | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #noneAwaited: () => void;

  /** `noneAwaited` is called when the last awaited ask timed out or was aborted. */
  constructor(noneAwaited: () => void) {
    this.#noneAwaited = noneAwaited;
  }

  add(entry: PendingAsk): number {
    const id = this.#free.pop() ?? this.#entries.length;
    this.#entries[id] = entry;
    entry.counter = this;
    this.awaited++;
    return id;
  }

  gaveUp(): void {
    if (this.awaited === 0) this.#noneAwaited();
  }

  /** Takes the entry of a reply, or undefined when there is none. */
  take(id: number): PendingAsk | undefined {
    const entry = this.#entries[id];
    if (entry === undefined) return undefined;
    this.#entries[id] = undefined;
    this.#free.push(id);
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
