/**
 * How the supervisor starts, pauses and ends a storm's users, and how they say where they are: words of shared memory.
 *
 * Owner rules. MODE: the supervisor. CLAIMED: any user, by add; wraps. RESTING: a user adds one when it rests or has
 * finished, and takes it back when it goes on. FINISHED: a user adds one, before the one in RESTING, at its end.
 * LIMIT and USERS: written once, before the clients start.
 */
const MODE = 0;
const CLAIMED = 1;
const RESTING = 2;
const FINISHED = 3;
const LIMIT = 4;
const USERS = 5;
const WORDS = 6;

const RUN = 0;
const PAUSE = 1;
const STOP = 2;

/** Claims between two wake-ups of the supervisor, a power of two. */
const WAKE_EVERY = 32;

export class StormControl {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array<SharedArrayBuffer>;

  private constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer);
  }

  /** `limit`: operations of all users together, 0 for any number. */
  static create(users: number, limit: number): StormControl {
    const control = new StormControl(new SharedArrayBuffer(WORDS * 4));
    control.#words[USERS] = users;
    control.#words[LIMIT] = limit;
    return control;
  }

  static from(buffer: SharedArrayBuffer): StormControl {
    return new StormControl(buffer);
  }

  /** User: asks for one more operation. False: there is none left. */
  claim(): boolean {
    const claimed = Atomics.add(this.#words, CLAIMED, 1);
    if ((claimed & (WAKE_EVERY - 1)) === 0) Atomics.notify(this.#words, CLAIMED);
    return this.#words[LIMIT] === 0 || claimed < this.#words[LIMIT];
  }

  /** User: true when it must let go of what it holds, then rest. */
  get mustRest(): boolean {
    return Atomics.load(this.#words, MODE) !== RUN;
  }

  /** User of a blocking client: rests until the storm goes on (true) or ends (false). */
  restSync(): boolean {
    this.#enterRest();
    while (Atomics.load(this.#words, MODE) === PAUSE) Atomics.wait(this.#words, MODE, PAUSE);
    return this.#leaveRest();
  }

  /** User of an awaiting client: as {@link restSync}. */
  async rest(): Promise<boolean> {
    this.#enterRest();
    await this.#while(MODE, () => Atomics.load(this.#words, MODE) === PAUSE);
    return this.#leaveRest();
  }

  /** User: has let go of everything and does nothing any more. */
  finish(): void {
    Atomics.add(this.#words, FINISHED, 1);
    this.#enterRest();
  }

  /** Supervisor: every user has finished. */
  get finished(): boolean {
    return Atomics.load(this.#words, FINISHED) === this.#words[USERS];
  }

  /** Users that rest or have finished. */
  get resting(): number {
    return Atomics.load(this.#words, RESTING);
  }

  get users(): number {
    return this.#words[USERS];
  }

  /** Supervisor: the storm is to end, or has ended by itself. */
  get ending(): boolean {
    return Atomics.load(this.#words, MODE) === STOP || this.finished;
  }

  /** Supervisor: resolves when every user holds nothing and does nothing. */
  async pause(): Promise<void> {
    Atomics.compareExchange(this.#words, MODE, RUN, PAUSE);
    await this.#while(RESTING, () => Atomics.load(this.#words, RESTING) !== this.#words[USERS]);
  }

  /** Supervisor: lets the users go on; resolves when all have seen it. */
  async resume(): Promise<void> {
    if (Atomics.compareExchange(this.#words, MODE, PAUSE, RUN) !== PAUSE) return;
    Atomics.notify(this.#words, MODE);
    await this.#while(
      RESTING,
      () =>
        Atomics.load(this.#words, MODE) === RUN &&
        Atomics.load(this.#words, RESTING) !== Atomics.load(this.#words, FINISHED),
    );
  }

  /** Supervisor: ends the storm; users finish when what they are doing is done. */
  stop(): void {
    Atomics.store(this.#words, MODE, STOP);
    for (const word of [MODE, CLAIMED, RESTING]) Atomics.notify(this.#words, word);
  }

  /** Supervisor: resolves when the users have claimed `count` more operations, or the storm is ending. */
  async progressed(count: number): Promise<void> {
    const from = Atomics.load(this.#words, CLAIMED);
    await this.#while(CLAIMED, () => !this.ending && ((Atomics.load(this.#words, CLAIMED) - from) | 0) < count);
  }

  #enterRest(): void {
    Atomics.add(this.#words, RESTING, 1);
    Atomics.notify(this.#words, RESTING);
    if (this.finished) Atomics.notify(this.#words, CLAIMED);
  }

  #leaveRest(): boolean {
    const goesOn = Atomics.load(this.#words, MODE) === RUN;
    if (!goesOn) Atomics.add(this.#words, FINISHED, 1);
    else Atomics.sub(this.#words, RESTING, 1);
    Atomics.notify(this.#words, RESTING);
    if (this.finished) Atomics.notify(this.#words, CLAIMED);
    return goesOn;
  }

  /** Waits while `holds`, looking again whenever somebody changes and notifies `word`. */
  async #while(word: number, holds: () => boolean): Promise<void> {
    for (;;) {
      const seen = Atomics.load(this.#words, word);
      if (!holds()) return;
      const waiting = Atomics.waitAsync(this.#words, word, seen);
      if (waiting.async) await waiting.value;
    }
  }
}
