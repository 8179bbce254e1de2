/**
 * How far a long command is: one line that is written over on a terminal, a plain line per second elsewhere.
 * Made by a command for its run, used on the main thread only; the caller ends it, also when the command failed.
 */
import { columnsOf, isLive, type Output } from './terminal.js';

/** Milliseconds between two plain lines. */
const PLAIN_INTERVAL = 1000;
/** Milliseconds between two states of the live line: more often nobody can read. */
const LIVE_INTERVAL = 50;
const CLEAR_LINE = '\r\x1b[K';

/** Options of {@link Progress}. */
export interface ProgressOptions {
  /** A clock in milliseconds that never goes back. Default: `performance.now`. */
  readonly now?: () => number;
  /** Is the line written over? Default: what the output can do. */
  readonly live?: boolean;
}

/** A progress line on one output. Nothing else may write to a live output meanwhile, but through {@link print}. */
export class Progress {
  readonly #output: Output;
  readonly #live: boolean;
  readonly #interval: number;
  readonly #now: () => number;
  #drawnAt = Number.NEGATIVE_INFINITY;
  #text = '';
  /** Plain: the newest text still has to be written. */
  #due = false;
  /** Live: the line shows something. */
  #shown = false;

  constructor(output: Output, { now = () => performance.now(), live = isLive(output) }: ProgressOptions = {}) {
    this.#output = output;
    this.#live = live;
    this.#interval = live ? LIVE_INTERVAL : PLAIN_INTERVAL;
    this.#now = now;
  }

  /** Says how far things are. Called as often as one likes; what comes too soon is shown with a later call or not at all. */
  update(text: string): void {
    const line = text.replace(/\p{Cc}/gu, ' ');
    if (line === this.#text && !this.#due) return;
    this.#text = line;
    this.#due = true;
    const time = this.#now();
    if (time - this.#drawnAt < this.#interval) return;
    this.#drawnAt = time;
    this.#draw();
  }

  /** Writes a line that stays, above the live line. */
  print(line: string): void {
    this.#clear();
    this.#output.write(`${line}\n`);
    if (this.#live && this.#text !== '') this.#draw();
  }

  /** Removes the live line; elsewhere writes the newest text if it was held back. Further calls do nothing. */
  end(): void {
    this.#clear();
    if (!this.#live && this.#due) this.#draw();
    this.#text = '';
    this.#due = false;
  }

  #draw(): void {
    this.#due = false;
    if (!this.#live) {
      this.#output.write(`${this.#text}\n`);
      return;
    }
    // One column stays free: some terminals wrap when the last one is written.
    const columns = columnsOf(this.#output) - 1;
    this.#output.write(CLEAR_LINE + [...this.#text].slice(0, columns).join(''));
    this.#shown = true;
  }

  #clear(): void {
    if (this.#shown) this.#output.write(CLEAR_LINE);
    this.#shown = false;
  }
}
