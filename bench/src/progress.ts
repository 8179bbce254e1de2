/** How far the run is, on standard error: one line that is written over on a terminal, a line per part elsewhere. Used by `main.ts`. */

/** Where a line goes; a stream of the process. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** `40 s`, `3 min`. */
export function formatSeconds(seconds: number): string {
  return seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.round(seconds / 60)} min`;
}

/** Counts parts and rounds of them. */
export class Progress {
  readonly #stream: ProgressStream;
  readonly #parts: readonly number[];
  readonly #clock: () => number;
  readonly #start: number;
  #done = -1;
  #partStart = 0;
  #name = '';

  /** `parts`: seconds that each is expected to take; `clock`: milliseconds. */
  constructor(stream: ProgressStream, parts: readonly number[], clock = (): number => performance.now()) {
    this.#stream = stream;
    this.#parts = parts;
    this.#clock = clock;
    this.#start = clock();
  }

  /** The next part begins. */
  part(name: string): void {
    this.#done++;
    this.#partStart = this.#clock();
    this.#name = name;
    if (this.#stream.isTTY) this.#show('');
    else this.#stream.write(`${this.#place()}${this.#left()}\n`);
  }

  /** A round of it has ended; 0 is the one that warms up. */
  round(round: number, rounds: number): void {
    if (this.#stream.isTTY) this.#show(round === 0 ? ': warmed up' : `: round ${round} of ${rounds}`);
  }

  /** Takes the line away, so that something else can be printed. */
  clear(): void {
    if (this.#stream.isTTY) this.#stream.write('\r\u001b[K');
  }

  #place(): string {
    return `[${this.#done + 1}/${this.#parts.length}] ${this.#name}`;
  }

  /** As if what is left were as much slower, or faster, than expected as what is done. */
  #left(): string {
    const sum = (parts: readonly number[]): number => parts.reduce((all, each) => all + each, 0);
    const done = sum(this.#parts.slice(0, this.#done));
    const pace = this.#done === 0 ? 1 : (this.#partStart - this.#start) / 1000 / done;
    const inPart = (this.#clock() - this.#partStart) / 1000;
    const left = Math.max(0, this.#parts[this.#done] * pace - inPart) + sum(this.#parts.slice(this.#done + 1)) * pace;
    return `, about ${formatSeconds(left)} left`;
  }

  #show(text: string): void {
    const line = this.#place() + text + this.#left();
    this.#stream.write(`\r\u001b[K${line.slice(0, Math.max(20, (this.#stream.columns ?? 80) - 1))}`);
  }
}
