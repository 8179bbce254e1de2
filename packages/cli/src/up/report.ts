/**
 * What `mediated up` tells: sentences for people, or one line of JSON per event for programs (docs/cli.md#json). Main thread,
 * one per run.
 */
import { type Output, painter } from '../terminal.js';

export class Report {
  readonly #output: Output;
  readonly #errors: Output;
  readonly #json: boolean;

  constructor(output: Output, errors: Output, json: boolean) {
    this.#output = output;
    this.#errors = errors;
    this.#json = json;
  }

  /** Whether programs read it. */
  get json(): boolean {
    return this.#json;
  }

  /** An event; people get `lines`. */
  tell(event: string, fields: Readonly<Record<string, unknown>>, ...lines: readonly string[]): void {
    if (this.#json) this.#output.write(`${JSON.stringify({ event, ...fields })}\n`);
    else for (const line of lines) this.#output.write(`${line}\n`);
  }

  /** Something that was not done, or went wrong. */
  warn(event: string, fields: Readonly<Record<string, unknown>>, line: string): void {
    if (this.#json) this.#output.write(`${JSON.stringify({ event, ...fields })}\n`);
    else this.#errors.write(`${line}\n`);
  }

  title(text: string): string {
    return painter(this.#output)('title', text);
  }

  aside(text: string): string {
    return painter(this.#output)('aside', text);
  }
}
