/** A file that a client has open. Belongs to the thread that serves the mount. */
import { AttributeFile } from '@mediated/core';
import type { File } from '../tree/entry.js';

export class OpenFile {
  readonly entry: File;
  /** Something has changed since a client last read from the beginning; it may not have read yet. */
  changed = true;
  readonly #file: AttributeFile;
  #text: Buffer | undefined;

  /** EACCES: the mode does not grant the access. */
  constructor(entry: File, access: 'read' | 'write' | 'read-write') {
    this.entry = entry;
    this.#file = new AttributeFile(entry.attribute, access);
  }

  get alive(): boolean {
    return this.#file.alive;
  }

  /** What it said when it was read last. */
  get text(): Buffer | undefined {
    return this.#text;
  }

  /** Bytes from a position on. The text is made anew when it is read from its beginning. */
  read(position: number, bytes: number): Uint8Array | Promise<Uint8Array> {
    const { binary } = this.entry.attribute;
    const part = (whole: Uint8Array) => whole.subarray(position, position + bytes);
    if (binary !== undefined) return part(binary.read());
    if (position !== 0 && this.#text !== undefined && this.alive) return part(this.#text);
    const text = this.#file.readSoon();
    if (text instanceof Promise) return text.then((read) => part(this.#keep(read)));
    return part(this.#keep(text));
  }

  /** The bytes taken. */
  write(bytes: Uint8Array): number | Promise<number> {
    return this.#file.writeSoon(bytes);
  }

  /** Whether it says something else than when it was read last, or is gone. */
  hasChanged(): boolean | Promise<boolean> {
    if (!this.alive) return true;
    if (this.#text === undefined || this.entry.attribute.show === undefined) return false;
    const before = this.#text;
    try {
      const text = this.#file.readSoon();
      if (!(text instanceof Promise)) return !text.equals(before);
      return text.then(
        (now) => !now.equals(before),
        () => true,
      );
    } catch {
      return true;
    }
  }

  #keep(text: Buffer): Buffer {
    this.#text = text;
    this.changed = false;
    return text;
  }
}
