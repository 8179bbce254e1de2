/** How far the run is, on standard error: one line that is written over on a terminal, a line per part elsewhere. Used by `main.ts`. */

/** Where a line goes; a stream of the process. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Counts parts and rounds of them. */
export class Progress {
  readonly #stream: ProgressStream;
  readonly #parts: number;
  readonly #clock: () => number;
  readonly #start: number;
  #done = -1;
  #name = '';

  /** `parts`: how many there are in all; `clock`: milliseconds. */
  constructor(stream: ProgressStream, parts: number, clock = (): number => performance.now()) {
    this.#stream = stream;
    this.#parts = parts;
    this.#clock = clock;
    this.#start = clock();
  }

  /** The next part begins. */
  part(name: string): void {
    this.#done++;
    this.#name = name;
    if (this.#stream.isTTY) this.#show('');
    else this.#stream.write(`${this.#place()}${this.#left(0)}\n`);
  }

  /** A round of it has ended; 0 is the one that warms up. */
  round(round: number, rounds: number): void {
    if (!this.#stream.isTTY) return;
    const text = round === 0 ? ': warmed up' : `: round ${round} of ${rounds}`;
    this.#show(text + this.#left((round + 1) / (rounds + 1)));
  }

  /** Takes the line away, so that something else can be printed. */
  clear(): void {
    if (this.#stream.isTTY) this.#stream.write('\r\u001b[K');
  }

  #place(): string {
    return `[${this.#done + 1}/${this.#parts}] ${this.#name}`;
  }

  /** As if all parts took equally long; nothing while hardly anything is done. */
  #left(fraction: number): string {
    const share = (this.#done + fraction) / this.#parts;
    if (this.#done < 1) return '';
    const seconds = ((this.#clock() - this.#start) / 1000) * (1 / share - 1);
    return `, about ${seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.round(seconds / 60)} min`} left`;
  }

  #show(text: string): void {
    const line = this.#place() + text;
    this.#stream.write(`\r\u001b[K${line.slice(0, Math.max(20, (this.#stream.columns ?? 80) - 1))}`);
  }
}
