/**
 * A directory of the attribute model: the files and links of one thing, in one life of it. Any thread.
 */
import { posix } from 'node:path';
import { MediatedError } from '../errors.js';
import type { Access, Attribute, AttributeLink } from './attribute.js';
import { AttributeFile } from './attribute-file.js';

/** What a directory is made of. */
export interface DirectoryParts {
  /** Path without the leading `/sys`. */
  readonly path: string;
  exists(): boolean;
  attributes(): Attribute[] | Promise<Attribute[]>;
  /** Names and the paths (without `/sys`) that they lead to. */
  links(): [name: string, path: string][];
}

export class AttributeDirectory {
  readonly #parts: DirectoryParts;

  constructor(parts: DirectoryParts) {
    this.#parts = parts;
  }

  /** Path without the leading `/sys`. */
  get path(): string {
    return this.#parts.path;
  }

  /** Whether it exists at the moment. */
  get exists(): boolean {
    return this.#parts.exists();
  }

  /** The files that exist at the moment. None when the directory does not exist. ENODEV: it vanished meanwhile. */
  async attributes(): Promise<Attribute[]> {
    if (!this.exists) return [];
    return (await this.#parts.attributes()).filter((attribute) => attribute.alive());
  }

  /** The links that exist at the moment. */
  links(): AttributeLink[] {
    if (!this.exists) return [];
    return this.#parts.links().map(([name, path]) => ({ name, target: posix.relative(this.path, path) }));
  }

  /** Where a link leads, relative to this directory. ENOENT: there is none of that name. */
  readLink(name: string): string {
    const link = this.links().find((candidate) => candidate.name === name);
    if (link === undefined) throw new MediatedError('ENOENT', `no link ${this.path}/${name}`, { syscall: 'readlink' });
    return link.target;
  }

  /**
   * Opens a file. ENOENT: there is none of that name. EACCES: its mode does not grant the access. ENODEV: its owner
   * vanished meanwhile.
   */
  async open(path: string, access: Access): Promise<AttributeFile> {
    const attribute = (await this.attributes()).find((candidate) => candidate.path === path);
    if (attribute === undefined) throw new MediatedError('ENOENT', `no file ${this.path}/${path}`, { syscall: 'open' });
    return new AttributeFile(attribute, access);
  }
}
