/**
 * What one user of a storm does next: a program that creates, opens, uses, closes and removes devices at random. Holds
 * the user's random numbers and files, performs nothing: `performing.ts` does, blocking or awaiting.
 *
 * A user that removes a device closes its own files first. In the kernel, too, a process that waits for the removal of
 * a device which itself, or another process that waits like this, has open would wait for ever.
 */
import { Random } from './random.js';

/** A parent as users know it. */
export interface ParentChoice {
  readonly name: string;
  /** Directory names of its types. */
  readonly types: readonly string[];
}

/** Where users find what they work on. */
export interface Field {
  readonly parents: readonly ParentChoice[];
  /** UUIDs that all users share: few enough that they meet. */
  readonly uuids: readonly string[];
}

/** One step of a user. `file` is a place in its list of open files. */
export type Step =
  | { readonly operation: 'create'; readonly parent: string; readonly type: string; readonly uuid: string }
  | { readonly operation: 'open' | 'remove' | 'remove file'; readonly uuid: string }
  | { readonly operation: 'access'; readonly file: number; readonly form: number }
  | { readonly operation: 'close'; readonly file: number };

/** Files that a user has open at most. */
const MOST_FILES = 2;

const WITHOUT_FILE = [
  ['create', 34],
  ['open', 38],
  ['remove', 22],
  ['remove file', 6],
] as const;

const WITH_FILE = [
  ['access', 50],
  ['close', 28],
  ['create', 8],
  ['open', 10],
  ['remove', 4],
] as const;

export class User {
  readonly #random: Random;
  readonly #field: Field;
  /** Steps that are already decided. */
  #planned: Step[] = [];
  #files = 0;

  constructor(field: Field, seed: number, stream: number) {
    this.#field = field;
    this.#random = new Random(seed, stream);
  }

  /** The next step. */
  next(): Step {
    const planned = this.#planned.shift();
    if (planned !== undefined) return planned;
    const random = this.#random;
    const operation = random.weighted(this.#files === 0 ? WITHOUT_FILE : WITH_FILE);
    const uuid = random.pick(this.#field.uuids);
    switch (operation) {
      case 'create': {
        const parent = random.pick(this.#field.parents);
        return { operation, parent: parent.name, type: random.pick(parent.types), uuid };
      }
      case 'open':
        return this.#files < MOST_FILES ? { operation, uuid } : { operation: 'close', file: random.below(this.#files) };
      case 'access':
        return { operation, file: random.below(this.#files), form: random.below(3) };
      case 'close':
        return { operation, file: random.below(this.#files) };
      case 'remove':
      case 'remove file':
        this.#planned = [...this.#closes(), { operation, uuid }];
        return this.#planned.shift() as Step;
    }
  }

  /** The steps that let go of everything; forgets what was planned. */
  letGo(): Step[] {
    this.#planned = [];
    return this.#closes();
  }

  /** A file was opened or closed. */
  hasFiles(count: number): void {
    this.#files = count;
  }

  /** Files are closed from the last to the first, so that places stay. */
  #closes(): Step[] {
    return Array.from({ length: this.#files }, (_, at) => ({
      operation: 'close' as const,
      file: this.#files - 1 - at,
    }));
  }
}
