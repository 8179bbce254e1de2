/**
 * Descriptors and mappings that a server or a client holds: counted, so that a test (or a program that wonders) can say
 * that nothing leaks; and the descriptors by number, so that another thread can close them when their owner has died. The
 * words are shared; whoever opens or closes writes, by atomic operations, each place of the table its owner alone until it
 * is dead.
 */
import { libc } from './libc.js';

const MAPPINGS = 0;
/** Places of descriptors from here on: a number and one, 0: free. */
const PLACES = 1;
const MOST_DESCRIPTORS = 4095;

export class Ledger {
  readonly words: Int32Array<SharedArrayBuffer>;

  /** `words`: of a ledger of another thread. */
  constructor(words?: Int32Array<SharedArrayBuffer>) {
    this.words = words ?? new Int32Array(new SharedArrayBuffer((PLACES + MOST_DESCRIPTORS) * 4));
  }

  /** Open descriptors. */
  get descriptors(): number {
    let open = 0;
    for (let place = PLACES; place < this.words.length; place++) if (Atomics.load(this.words, place) !== 0) open++;
    return open;
  }

  /** Pieces of another program's memory that are mapped. */
  get mappings(): number {
    return Atomics.load(this.words, MAPPINGS);
  }

  /** @internal Notes a descriptor; where, 0: there is no place. */
  note(number: number): number {
    for (let place = PLACES; place < this.words.length; place++) {
      if (Atomics.compareExchange(this.words, place, 0, number + 1) === 0) return place;
    }
    return 0;
  }

  /** @internal False: somebody else has closed it already, its owner having died. */
  forget(place: number, number: number): boolean {
    return Atomics.compareExchange(this.words, place, number + 1, 0) === number + 1;
  }

  /** @internal */
  countMapping(difference: 1 | -1): void {
    Atomics.add(this.words, MAPPINGS, difference);
  }

  /** Closes what a thread has left that has died. Its mappings go with its memory. */
  settle(): void {
    for (let place = PLACES; place < this.words.length; place++) this.settlePlace(place);
    Atomics.store(this.words, MAPPINGS, 0);
  }

  /** @internal Closes a descriptor that was noted for another thread, which has not taken it, unless it was closed. */
  settlePlace(place: number): void {
    const number = place < PLACES ? -1 : Atomics.exchange(this.words, place, 0) - 1;
    if (number >= 0) libc.close(number);
  }
}

/** An open descriptor of this process, owned by whoever has the object. */
export class Descriptor {
  readonly number: number;
  readonly #ledger: Ledger;
  readonly #place: number;
  #open = true;

  /** `place`: where another thread, which hands it over, has noted it. */
  constructor(number: number, ledger: Ledger, place = ledger.note(number)) {
    this.number = number;
    this.#ledger = ledger;
    this.#place = place;
  }

  /** Closes it; again: nothing. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    if (this.#place !== 0 && !this.#ledger.forget(this.#place, this.number)) return;
    // Not by Node, which warns of descriptors that it has not opened itself.
    libc.close(this.number);
  }
}
