/** Files and directories of the mounted tree in the shape of the attribute model, for the replayers that know only that. */
import { constants } from 'node:fs';
import { type Access, AttributeDirectory, AttributeFile } from '@mediated/core';
import type { SystemCalls } from './system-calls.js';

const FLAGS: Readonly<Record<Access, number>> = {
  read: constants.O_RDONLY,
  write: constants.O_WRONLY,
  'read-write': constants.O_RDWR,
};

/** An open file in the process that makes the calls. */
export class TreeFile extends AttributeFile {
  readonly #calls: SystemCalls;
  readonly #descriptor: number;

  private constructor(calls: SystemCalls, descriptor: number, path: string, access: Access) {
    super({ path, mode: 0o666, alive: () => true }, access);
    this.#calls = calls;
    this.#descriptor = descriptor;
  }

  static async open(calls: SystemCalls, path: string, access: Access): Promise<TreeFile> {
    return new TreeFile(calls, (await calls.call('open', path, FLAGS[access])) as number, path, access);
  }

  override async read(): Promise<Buffer> {
    return Buffer.from((await this.#calls.call('read', this.#descriptor, 65_536)) as string, 'latin1');
  }

  override async write(bytes: Uint8Array): Promise<number> {
    return (await this.#calls.call('write', this.#descriptor, bytes)) as number;
  }
}

/** A directory: what exists is asked of the runtime, files are opened in the tree. */
export class TreeDirectory extends AttributeDirectory {
  readonly #calls: SystemCalls;
  readonly #at: string;

  /** `at`: where it is mounted. */
  constructor(calls: SystemCalls, at: string, inner: AttributeDirectory) {
    super({
      path: inner.path,
      exists: () => inner.exists,
      attributes: () => inner.attributes(),
      links: () => [],
    });
    this.#calls = calls;
    this.#at = at;
    this.readLink = (name) => inner.readLink(name);
  }

  override readonly readLink: (name: string) => string;

  override async open(path: string, access: Access): Promise<AttributeFile> {
    return TreeFile.open(this.#calls, `${this.#at}/${path}`, access);
  }
}
