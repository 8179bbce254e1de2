/**
 * What the tree is made of, as its server sees it: directories, files and links, found by name from the root on. Nothing is
 * kept: a directory answers from the bus memory when it is asked. Immutable; made and used on the thread that serves the
 * mount.
 */
import type { Attribute } from '@mediated/core';

interface Named {
  /**
   * Tells apart what stands under the same name at different times: an entry of the same kind and the same life is the same
   * file, with the same inode.
   */
  readonly life: string;
  /** How long its name leads to it. */
  readonly stay: Stay;
}

/**
 * `lasting`: as long as the directory that it is in. `registered`: it goes with a driver or a parent; the kernel may believe
 * in it for a moment (two ticks of its clock). `passing`: it may go at any time, the kernel asks at each look-up.
 */
export type Stay = 'lasting' | 'registered' | 'passing';

export interface Directory extends Named {
  readonly type: 'directory';
  lookup(name: string): Entry | undefined | Promise<Entry | undefined>;
  /** Everything that is in it, in any order. */
  list(): Iterable<readonly [name: string, entry: Entry]> | Promise<Iterable<readonly [name: string, entry: Entry]>>;
  /** False once what it shows is gone: then it is empty. */
  exists(): boolean;
}

export interface File extends Named {
  readonly type: 'file';
  readonly attribute: FileAttribute;
}

/** An attribute; that of a file whose content is no text says its size. */
export interface FileAttribute extends Attribute {
  /** Content of a file that is no text; in place of `show`. */
  readonly binary?: { readonly size: number; read(): Uint8Array };
}

export interface Link extends Named {
  readonly type: 'link';
  /** Relative to the directory that it is in. */
  readonly target: string;
}

export type Entry = Directory | File | Link;

const always = () => true;

/** A directory whose entries are made when it is asked. */
export function directory(
  entries: () => Iterable<readonly [string, Entry]>,
  { life = '', stay = 'lasting', exists = always }: Partial<Named> & { readonly exists?: () => boolean } = {},
): Directory {
  return {
    type: 'directory',
    life,
    stay,
    exists,
    list: () => (exists() ? entries() : []),
    lookup(wanted) {
      if (exists()) for (const [name, entry] of entries()) if (name === wanted) return entry;
      return undefined;
    },
  };
}

export function link(target: string, stay: Stay = 'lasting'): Link {
  return { type: 'link', life: target, stay, target };
}

export function file(attribute: FileAttribute, { life = '', stay = 'lasting' }: Partial<Named> = {}): File {
  return { type: 'file', life, stay, attribute };
}

/** A file that can only be read. */
export function constant(path: string, show: string | (() => string), alive: () => boolean = always): File {
  return file({ path, mode: 0o444, alive, show: typeof show === 'string' ? () => show : show });
}
