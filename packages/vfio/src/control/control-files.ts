/**
 * The open files of the control actor by number. A number is a count and, above it, the life of the thread, so that a
 * file of an earlier life is told from one that was closed. Private to the control thread.
 */
import { MediatedError } from '@mediated/core';

const COUNT_BITS = 24;
const LIFE_MASK = 0x7f;

/** A file that a client thread has open. */
export abstract class ControlFile {
  readonly number: number;
  /** The client's thread. */
  readonly owner: number;

  constructor(number: number, owner: number) {
    this.number = number;
    this.owner = owner;
  }

  /** The client closes it, or has died. Called once. */
  abstract release(): void;
}

export class ControlFiles {
  readonly #life: number;
  readonly #files = new Map<number, ControlFile>();
  #count = 0;

  constructor(life: number) {
    this.#life = (life & LIFE_MASK) << COUNT_BITS;
  }

  /** A number that was never given in this life, for a file or anything else. */
  next(): number {
    this.#count = (this.#count + 1) & ((1 << COUNT_BITS) - 1);
    return this.#life | this.#count;
  }

  add<F extends ControlFile>(file: F): F {
    this.#files.set(file.number, file);
    return file;
  }

  /** A file of a client. EBADF: none of that number and kind; EIO: its control actor has died. */
  find<F extends ControlFile>(
    number: number,
    owner: number,
    kind: abstract new (...args: never[]) => F,
    syscall: string,
  ): F {
    const file = this.#files.get(number);
    if (file instanceof kind && file.owner === owner) return file;
    if (file === undefined && (number & (LIFE_MASK << COUNT_BITS)) !== this.#life) {
      throw new MediatedError('EIO', `the control thread of file ${number} has died`, { syscall });
    }
    throw new MediatedError('EBADF', `file ${number} is not open, or of another kind`, { syscall });
  }

  /** Any file of a client, or undefined. */
  peek(number: number, owner: number): ControlFile | undefined {
    const file = this.#files.get(number);
    return file?.owner === owner ? file : undefined;
  }

  close(number: number, owner: number): void {
    const file = this.find(number, owner, ControlFile, 'close');
    this.#files.delete(number);
    file.release();
  }

  /** A client has died or left. */
  abandon(owner: number): void {
    for (const file of [...this.#files.values()]) {
      if (file.owner !== owner) continue;
      this.#files.delete(file.number);
      file.release();
    }
  }
}
