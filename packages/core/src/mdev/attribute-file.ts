/**
 * An opened attribute: what a file descriptor of a sysfs file is. Belongs to the thread that opened it.
 */
import { MediatedError } from '../errors.js';
import type { Access, Attribute } from './attribute.js';

/** Longest text of an attribute and longest write that reaches it: one page. */
const PAGE_BYTES = 4096;

export class AttributeFile {
  readonly access: Access;
  readonly #attribute: Attribute;
  #closed = false;

  /** EACCES: the attribute's mode does not grant the access. */
  constructor(attribute: Attribute, access: Access) {
    const wanted = (access === 'write' ? 0 : 0o400) | (access === 'read' ? 0 : 0o200);
    if ((attribute.mode & wanted) !== wanted) {
      const mode = attribute.mode.toString(8).padStart(4, '0');
      throw new MediatedError('EACCES', `${attribute.path} has mode ${mode}; no ${access} access`, { syscall: 'open' });
    }
    this.access = access;
    this.#attribute = attribute;
  }

  /** Path of the file in its directory. */
  get path(): string {
    return this.#attribute.path;
  }

  /** False once the file's owner is gone: then every read and write is ENODEV. */
  get alive(): boolean {
    return this.#attribute.alive();
  }

  /**
   * The whole text, evaluated anew, at most one page. EBADF: closed or not opened for reading. ENODEV: dead.
   * Else what the owner's driver threw.
   */
  async read(): Promise<Buffer> {
    return this.readSoon();
  }

  /** {@link read}, at once when nobody has to be asked: then it throws its errors. */
  readSoon(): Buffer | Promise<Buffer> {
    this.#check('read');
    const text = this.#attribute.show?.() ?? '';
    return typeof text === 'string' ? page(text) : text.then(page);
  }

  /**
   * Writes at any position (sysfs knows none) and resolves to the bytes taken: all, at most one page. Nothing at all
   * is taken without asking anybody. EBADF: closed or not opened for writing. ENODEV: dead. Else the file's own
   * refusals.
   */
  async write(bytes: Uint8Array): Promise<number> {
    return this.writeSoon(bytes);
  }

  /** {@link write}, at once when nobody has to be asked: then it throws its errors. */
  writeSoon(bytes: Uint8Array): number | Promise<number> {
    this.#check('write');
    const taken = Buffer.from(bytes.subarray(0, PAGE_BYTES));
    const { length } = taken;
    if (length === 0) return 0;
    const stored = this.#attribute.store?.(taken);
    return stored === undefined ? length : stored.then(() => length);
  }

  /** Idempotent. */
  close(): void {
    this.#closed = true;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #check(syscall: 'read' | 'write'): void {
    if (this.#closed || (this.access !== 'read-write' && this.access !== syscall)) {
      throw new MediatedError('EBADF', `${this.path} is not open for this`, { syscall });
    }
    if (!this.#attribute.alive()) {
      throw new MediatedError('ENODEV', `${this.path} is gone with its owner`, { syscall });
    }
  }
}

function page(text: string): Buffer {
  return Buffer.from(text).subarray(0, PAGE_BYTES);
}
