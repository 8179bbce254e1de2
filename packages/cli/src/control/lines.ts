/** Cuts what arrives on a socket into lines. Used by both ends of the control socket, one per connection. */
import { StringDecoder } from 'node:string_decoder';

export class Lines {
  readonly #most: number;
  readonly #decoder = new StringDecoder('utf8');
  /** The line that is not complete yet, in the pieces in which it came. */
  #pieces: string[] = [];
  #length = 0;

  /** `most`: characters of the longest line that is taken. */
  constructor(most: number) {
    this.#most = most;
  }

  /** The lines that are complete now, without their ends; undefined: one is too long. */
  push(bytes: Buffer): string[] | undefined {
    const parts = this.#decoder.write(bytes).split('\n');
    const lines: string[] = [];
    for (const [at, part] of parts.entries()) {
      this.#pieces.push(part);
      this.#length += part.length;
      if (this.#length > this.#most) return undefined;
      if (at === parts.length - 1) break;
      lines.push(this.#pieces.join(''));
      this.#pieces = [];
      this.#length = 0;
    }
    return lines;
  }
}
