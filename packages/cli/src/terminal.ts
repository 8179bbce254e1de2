/**
 * What an output can do: be written over, show colour, and how wide it is. Used by every command before it prints.
 * Colour needs a terminal and no `NO_COLOR` (https://no-color.org: present and not empty); `TERM=dumb` has neither.
 */
import { styleText } from 'node:util';

/** The part of a `tty.WriteStream` that the program uses; `process.stdout` and `process.stderr` are such. */
export interface Output {
  readonly isTTY?: boolean | undefined;
  /** Characters per line; absent when the output is no terminal. */
  readonly columns?: number | undefined;
  /** Lines; likewise. */
  readonly rows?: number | undefined;
  write(text: string): unknown;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** What a piece of text means; the colour follows. */
export type Meaning = 'good' | 'bad' | 'title' | 'aside';

const STYLES = { good: 'green', bad: 'red', title: 'bold', aside: 'dim' } as const;

/** Can a line be written over by the next? */
export function isLive(output: Output, environment: Environment = process.env): boolean {
  return output.isTTY === true && environment.TERM !== 'dumb';
}

/** Characters per line; 80 when the output does not say, or says 0 as a terminal of unknown size does. */
export function columnsOf(output: Output): number {
  return output.columns || 80;
}

/** A function that colours a text by its meaning, or leaves it alone where `output` shows no colour. */
export function painter(
  output: Output,
  environment: Environment = process.env,
): (meaning: Meaning, text: string) => string {
  if (!isLive(output, environment) || environment.NO_COLOR) return (_meaning, text) => text;
  // `styleText` itself would look at process.stdout, which need not be `output`, on the Node versions that look at all.
  return (meaning, text) => styleText(STYLES[meaning], text, { validateStream: false });
}
