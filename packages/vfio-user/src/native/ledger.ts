/**
 * Descriptors and mappings that a server or a client holds, counted, so that a test (or a program that wonders) can say
 * that nothing leaks. The words are shared; whoever opens or closes counts, by atomic adds.
 */
import { libc } from './libc.js';

const DESCRIPTORS = 0;
const MAPPINGS = 1;
const WORDS = 2;

export class Ledger {
  readonly words: Int32Array<SharedArrayBuffer>;

  /** `words`: of a ledger of another thread. */
  constructor(words: Int32Array<SharedArrayBuffer> = new Int32Array(new SharedArrayBuffer(WORDS * 4))) {
    this.words = words;
  }

  /** Open descriptors. */
  get descriptors(): number {
    return Atomics.load(this.words, DESCRIPTORS);
  }

  /** Pieces of another program's memory that are mapped. */
  get mappings(): number {
    return Atomics.load(this.words, MAPPINGS);
  }

  /** @internal */
  countDescriptor(difference: 1 | -1): void {
    Atomics.add(this.words, DESCRIPTORS, difference);
  }

  /** @internal */
  countMapping(difference: 1 | -1): void {
    Atomics.add(this.words, MAPPINGS, difference);
  }
}

/** An open descriptor of this process, owned by whoever has the object. */
export class Descriptor {
  readonly number: number;
  readonly #ledger: Ledger;
  #open = true;

  constructor(number: number, ledger: Ledger) {
    this.number = number;
    this.#ledger = ledger;
    ledger.countDescriptor(1);
  }

  /** Closes it; again: nothing. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#ledger.countDescriptor(-1);
    // Not by Node, which warns of descriptors that it has not opened itself.
    libc.close(this.number);
  }
}
