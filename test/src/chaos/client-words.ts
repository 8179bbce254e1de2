/**
 * The shared words by which a chaos run and its clients talk: what everybody is to do, and what each client is doing. A
 * client has a place; when it dies, its successor has the same place.
 *
 * Owner rules. MODE and MAKE_WAY: the supervisor. NEWS: any thread, by add, after a change of STATE. Of a place: the order's
 * words as said in `order.ts`; LONGEST by exchange, the rest by the client of that place, and by the supervisor while there is none.
 */
import { clearOrder, danger, ORDER_WORDS, PLACES } from './order.js';

const MODE = 0;
const NEWS = 1;
const MAKE_WAY = 2;
const PLACES_START = 16;

const STATE = 0;
const THREAD = 1;
const CRITICAL = 2;
const STEPS = 3;
const NOW = 4;
const LONGEST = 5;
const LONGEST_STEP = 6;
const PENDING = 7;
const FILES = 8;
const ORDER = 9;
const PLACE_WORDS = 16;

/** What all clients are to do. */
const RUN = 0;
const PAUSE = 1;
const STOP = 2;
/** As PAUSE; the change has clients look into their inboxes. */
const PAUSE_STILL = 3;

const RUNNING = 1;
const RESTING = 2;

if (ORDER + ORDER_WORDS > PLACE_WORDS) throw new Error('a place has no room for its order');

/** What a client has been seen doing. */
export interface ClientReading {
  readonly place: number;
  readonly thread: number;
  readonly resting: boolean;
  /** Step that it is in the middle of. */
  readonly step: string;
  /** Longest step since the last reading: microseconds, and which. */
  readonly longest: number;
  readonly longestStep: string;
  /** Asks that had not settled, and files that were open, when it last came to rest. */
  readonly pending: number;
  readonly files: number;
}

/** Steps by name; their places are what the words hold. */
export const STEPS_OF_CLIENTS = [
  'rest',
  'create',
  'remove',
  'remove file',
  'open',
  'read',
  'write',
  'close',
  'program',
  'look',
  'attribute',
  'mutex',
  'mutex with time-out',
  'mutex and table',
  'table read',
  'table write',
  'semaphore',
  'reference',
  'read section',
  'grace period',
  'attach',
] as const;
export type StepName = (typeof STEPS_OF_CLIENTS)[number];

/** Supervisor's view of all clients, and the base of a client's view of its own place. */
export class ClientWords {
  readonly words: Int32Array<SharedArrayBuffer>;

  constructor(buffer: SharedArrayBuffer) {
    this.words = new Int32Array(buffer);
  }

  static create(places: number): ClientWords {
    return new ClientWords(new SharedArrayBuffer((PLACES_START + places * PLACE_WORDS) * 4));
  }

  /** Word of the client's order. */
  order(place: number): number {
    return at(place) + ORDER;
  }

  /** A client is being started at a place where none is. */
  vacate(place: number): void {
    for (const word of [STATE, THREAD, CRITICAL, NOW, PENDING, FILES]) Atomics.store(this.words, at(place) + word, 0);
    clearOrder(this.words, this.order(place));
    Atomics.notify(this.words, at(place) + CRITICAL);
    this.news();
  }

  /** Thread id of the client, -1 while it has none. */
  threadOf(place: number): number {
    return Atomics.load(this.words, at(place) + THREAD) - 1;
  }

  isRunning(place: number): boolean {
    return Atomics.load(this.words, at(place) + STATE) === RUNNING;
  }

  isResting(place: number): boolean {
    return Atomics.load(this.words, at(place) + STATE) === RESTING;
  }

  /** What the client of a place does; forgets its longest step. */
  read(place: number): ClientReading {
    const words = this.words;
    const base = at(place);
    return {
      place,
      thread: this.threadOf(place),
      resting: this.isResting(place),
      step: stepName(Atomics.load(words, base + NOW)),
      longestStep: stepName(Atomics.load(words, base + LONGEST_STEP)),
      longest: Atomics.exchange(words, base + LONGEST, 0),
      pending: Atomics.load(words, base + PENDING),
      files: Atomics.load(words, base + FILES),
    };
  }

  /** Has the clients go on, rest or end. */
  setMode(mode: 'run' | 'pause' | 'stop'): void {
    Atomics.store(this.words, MODE, mode === 'run' ? RUN : mode === 'pause' ? PAUSE : STOP);
    Atomics.notify(this.words, MODE);
  }

  /** Has blocking clients that rest read what has arrived for them meanwhile: answers to those who had their ids before. */
  drainInboxes(): void {
    const mode = Atomics.load(this.words, MODE);
    if (!isPause(mode)) return;
    Atomics.store(this.words, MODE, mode === PAUSE ? PAUSE_STILL : PAUSE);
    Atomics.notify(this.words, MODE);
  }

  /** While set, clients create and remove nothing: an unregistration that they starve gets through. */
  set makeWay(wanted: boolean) {
    Atomics.store(this.words, MAKE_WAY, wanted ? 1 : 0);
  }

  /** Resolves when `holds`; looked at whenever a client's state has changed, or the supervisor has called {@link news}. */
  until(holds: () => boolean): Promise<void> {
    return untilWord(this.words, NEWS, holds);
  }

  news(): void {
    Atomics.add(this.words, NEWS, 1);
    Atomics.notify(this.words, NEWS);
  }

  /** Resolves when the client has passed so many dangerous places more, or `gone`. */
  async passed(place: number, count: number, gone: () => boolean): Promise<void> {
    await untilPassed(this.words, this.order(place), count, gone);
  }

  /** Resolves when the client is in the middle of a critical section, or `gone`. */
  async critical(place: number, gone: () => boolean): Promise<void> {
    const word = at(place) + CRITICAL;
    await untilWord(this.words, word, () => gone() || Atomics.load(this.words, word) !== 0);
  }
}

/** One client's own words, on its thread. */
export class OwnWords {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #base: number;

  constructor(buffer: SharedArrayBuffer, place: number) {
    this.#words = new Int32Array(buffer);
    this.#base = at(place);
  }

  /** The client is there, as this thread id, and begins. */
  begin(thread: number): void {
    Atomics.store(this.#words, this.#base + THREAD, thread + 1);
    this.#enter(RUNNING);
  }

  get mustRest(): boolean {
    return Atomics.load(this.#words, MODE) !== RUN;
  }

  get makesWay(): boolean {
    return Atomics.load(this.#words, MAKE_WAY) !== 0;
  }

  set files(count: number) {
    Atomics.store(this.#words, this.#base + FILES, count);
  }

  /** Something that is interrupted at random by the supervisor. */
  critical(body: () => void): void {
    const word = this.#base + CRITICAL;
    Atomics.store(this.#words, word, 1);
    Atomics.notify(this.#words, word);
    body();
    Atomics.store(this.#words, word, 0);
  }

  /** A place where the client may have been ordered to end. */
  readonly danger = (): void => danger(this.#words, this.#base + ORDER);

  /** Runs a step and keeps how long it took if that was the longest. */
  async step(name: StepName, body: () => void | Promise<void>): Promise<void> {
    const from = performance.now();
    Atomics.store(this.#words, this.#base + NOW, STEPS_OF_CLIENTS.indexOf(name));
    this.danger();
    await body();
    const took = Math.round((performance.now() - from) * 1000);
    if (took > Atomics.load(this.#words, this.#base + LONGEST)) {
      Atomics.store(this.#words, this.#base + LONGEST_STEP, STEPS_OF_CLIENTS.indexOf(name));
      Atomics.store(this.#words, this.#base + LONGEST, took);
    }
    Atomics.store(this.#words, this.#base + NOW, 0);
    Atomics.add(this.#words, this.#base + STEPS, 1);
  }

  /** The client holds nothing. Blocks until it is to go on (true) or to end (false). */
  restSync(pending: number, drain: () => void): boolean {
    Atomics.store(this.#words, this.#base + PENDING, pending);
    this.#enter(RESTING);
    for (let mode = Atomics.load(this.#words, MODE); isPause(mode); mode = Atomics.load(this.#words, MODE)) {
      drain();
      Atomics.wait(this.#words, MODE, mode);
    }
    return this.#leave();
  }

  /** {@link restSync} for a client whose event loop goes on. */
  async rest(pending: () => number): Promise<boolean> {
    Atomics.store(this.#words, this.#base + PENDING, pending());
    this.#enter(RESTING);
    await untilWord(this.#words, MODE, () => !isPause(Atomics.load(this.#words, MODE)));
    return this.#leave();
  }

  #leave(): boolean {
    if (Atomics.load(this.#words, MODE) === STOP) return false;
    this.#enter(RUNNING);
    return true;
  }

  #enter(state: number): void {
    Atomics.store(this.#words, this.#base + STATE, state);
    Atomics.add(this.#words, NEWS, 1);
    Atomics.notify(this.#words, NEWS);
  }
}

/** Resolves when the thread of this order has passed so many dangerous places more, or `gone`. */
export async function untilPassed(
  words: Int32Array<SharedArrayBuffer>,
  order: number,
  count: number,
  gone: () => boolean,
): Promise<void> {
  const from = Atomics.load(words, order + PLACES);
  await untilWord(words, order + PLACES, () => gone() || ((Atomics.load(words, order + PLACES) - from) | 0) >= count);
}

/** Resolves when `holds`; looked at whenever a word was changed and notified. */
async function untilWord(words: Int32Array<SharedArrayBuffer>, word: number, holds: () => boolean): Promise<void> {
  for (;;) {
    const seen = Atomics.load(words, word);
    if (holds()) return;
    const waiting = Atomics.waitAsync(words, word, seen);
    if (waiting.async) await waiting.value;
  }
}

function isPause(mode: number): boolean {
  return mode === PAUSE || mode === PAUSE_STILL;
}

function at(place: number): number {
  return PLACES_START + place * PLACE_WORDS;
}

function stepName(step: number): string {
  return STEPS_OF_CLIENTS[step] ?? String(step);
}
