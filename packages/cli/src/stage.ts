/** What every command is given to run with, by `main.ts`. */
import type { Output } from './terminal.js';

export interface Stage {
  readonly output: Output;
  readonly errors: Output;
  /** Aborted when the command is to end. */
  readonly signal: AbortSignal;
}
