/**
 * The board between a test and the scripted driver: shared words on which the driver's threads write what they do and
 * from which they read what they may do. Nobody looks at a clock: both sides wait for a word to change.
 *
 * Owner rules. COUNT: any driver thread, by add; the entry with that number is then its own. HOLDS: the test.
 */
export const STEPS = ['probe', 'probed', 'remove', 'removed'] as const;
export type Step = (typeof STEPS)[number];

const COUNT = 0;
const HOLDS = 1;
/** Devices that have a row: their UUIDs end in a number below this. */
const DEVICES = 256;
const LOG = HOLDS + 2 * DEVICES;
const ENTRIES = 1024;

const GO = 1;
const FAIL = 2;

function holdOf(step: 'probe' | 'remove', device: number): number {
  return HOLDS + 2 * device + (step === 'probe' ? 0 : 1);
}

/** Until word `index` is not `value` any more. */
async function changed(words: Int32Array<SharedArrayBuffer>, index: number, value: number): Promise<void> {
  while (Atomics.load(words, index) === value) {
    const wait = Atomics.waitAsync(words, index, value);
    if (wait.async) await wait.value;
  }
}

/** The driver's side. */
export class BoardSide {
  readonly #words: Int32Array<SharedArrayBuffer>;

  constructor(buffer: SharedArrayBuffer) {
    this.#words = new Int32Array(buffer);
  }

  note(step: Step, device: number): void {
    const entry = Atomics.add(this.#words, COUNT, 1);
    Atomics.store(this.#words, LOG + entry, ((STEPS.indexOf(step) + 1) << 16) | device);
    Atomics.notify(this.#words, COUNT);
  }

  async released(step: 'probe' | 'remove', device: number): Promise<'go' | 'fail'> {
    const hold = holdOf(step, device);
    await changed(this.#words, hold, 0);
    return Atomics.load(this.#words, hold) === GO ? 'go' : 'fail';
  }
}

/** The test's side. */
export class Board {
  readonly buffer = new SharedArrayBuffer((LOG + ENTRIES) * 4);
  readonly #words = new Int32Array(this.buffer);

  /** What the driver's threads have done so far, like `probe 3`. */
  get log(): string[] {
    const count = Atomics.load(this.#words, COUNT);
    const entries: string[] = [];
    for (let entry = 0; entry < count; entry++) {
      const word = Atomics.load(this.#words, LOG + entry);
      if (word !== 0) entries.push(`${STEPS[(word >>> 16) - 1]} ${word & 0xffff}`);
    }
    return entries;
  }

  /** Until the log has every one of `entries`, as often as it is named. */
  async reached(...entries: string[]): Promise<void> {
    for (;;) {
      const count = Atomics.load(this.#words, COUNT);
      const { log } = this;
      const times = (list: readonly string[], entry: string) => list.filter((other) => other === entry).length;
      if (entries.every((entry) => times(log, entry) >= times(entries, entry))) return;
      // The count moves just before its entry is written.
      if (log.length === count) await changed(this.#words, COUNT, count);
      else await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Lets a held step of a device go on, or fail. */
  release(step: 'probe' | 'remove', device: number, outcome: 'go' | 'fail' = 'go'): void {
    const hold = holdOf(step, device);
    Atomics.store(this.#words, hold, outcome === 'go' ? GO : FAIL);
    Atomics.notify(this.#words, hold);
  }

  /** An empty board, for the next test; the driver is at rest. */
  wipe(): void {
    this.#words.fill(0);
  }
}
