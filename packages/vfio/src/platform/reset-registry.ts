/**
 * The registry of reset functions (spec/vendors/platform-fsl A2, A6): which module resets which compatible device. Made on
 * the supervising thread; programs register and unregister modules, on any thread, while drivers' threads look functions
 * up. What is registered is a module's URL: each thread loads it for itself.
 *
 * Owner rules. All of a record is read and written under the registry's mutex, which stands for the kernel's global driver
 * lock; STATE goes to 1 last when a record is made, so that whoever dies in between leaves a free one. A reference to a
 * module is a permit of the record's semaphore: taken under the mutex with the lookup, given back at the device's release,
 * or by recovery when its thread has died. A module is unregistered by taking all permits, so never while one is out.
 */
import { isMediatedError, MediatedError } from '@mediated/core';
import { type LockHandle, LockSpace, Mutex, Semaphore } from '@mediated/core/sync';
import { underMutex } from '../under-mutex.js';
import { loadResetModule, type ResetFunction } from './reset-module.js';

/** Most registered modules. */
const RECORDS = 32;
const STATE = 0;
/** When it was registered: later ones are found first. */
const ORDER = 1;
const URL_BYTES = 2;
const COMPAT_BYTES = 3;
const TEXT = 4;
const TEXT_BYTES = 1024;
const RECORD_WORDS = TEXT + (2 * TEXT_BYTES) / 4;
/** Behind the records: how many registrations there have been. */
const REGISTRATIONS = RECORDS * RECORD_WORDS;
/** Most references to a module. */
const MOST_REFERENCES = 2 ** 20;
const LOCK_WORDS = 2 ** 15;

/** A registry as it travels to another thread: structured-cloneable. */
export interface ResetRegistryHandle {
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly mutex: LockHandle<'mutex'>;
  readonly references: readonly LockHandle<'semaphore'>[];
}

/** A reset function that was found, whose module stays until it is released. */
export interface FoundReset {
  readonly url: string;
  release(): void;
}

export class ResetRegistry {
  readonly handle: ResetRegistryHandle;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #bytes: Uint8Array;
  readonly #mutex: Mutex;
  readonly #references: readonly Semaphore[];
  readonly #locks: LockSpace | undefined;

  private constructor(handle: ResetRegistryHandle, locks?: LockSpace) {
    this.handle = handle;
    this.#words = handle.words;
    this.#bytes = new Uint8Array(handle.words.buffer);
    this.#mutex = Mutex.from(handle.mutex);
    this.#references = handle.references.map((reference) => Semaphore.from(reference));
    this.#locks = locks;
  }

  /** Makes a registry. On the supervising thread, which lets go what threads that die held. */
  static create(): ResetRegistry {
    const locks = LockSpace.create({ words: LOCK_WORDS });
    const words = new Int32Array(new SharedArrayBuffer((REGISTRATIONS + 1) * 4));
    const { handle: mutex } = locks.mutex('platform reset registry');
    const references = Array.from({ length: RECORDS }, () => locks.semaphore(MOST_REFERENCES, 'reset module').handle);
    return new ResetRegistry({ words, mutex, references }, locks);
  }

  /** The registry of another thread. */
  static from(handle: ResetRegistryHandle): ResetRegistry {
    return new ResetRegistry(handle);
  }

  /** The thread that made it looks after it no longer: nobody uses it any more. */
  close(): void {
    this.#locks?.close();
  }

  /**
   * Loads a module and registers its functions. EEXIST: it is registered. EINVAL: it is no reset module, or its names are
   * too long. ENOMEM: 32 modules are registered.
   */
  async register(url: string | URL): Promise<void> {
    const text = String(url);
    const { resets } = await loadResetModule(text);
    const encoder = new TextEncoder();
    const place = encoder.encode(text);
    const compats = encoder.encode(Object.keys(resets).join('\0'));
    if (place.length > TEXT_BYTES || compats.length > TEXT_BYTES) {
      throw new MediatedError('EINVAL', `URL and compatible strings have at most ${TEXT_BYTES} bytes`);
    }
    await underMutex(this.#mutex, () => {
      if (this.#find(text) !== undefined) {
        throw new MediatedError('EEXIST', `${text} is registered`, { syscall: 'register' });
      }
      this.#add(place, compats);
    });
  }

  /** Unregisters a module. ENOENT: it is not registered. EBUSY: a bound device has it. */
  async unregister(url: string | URL): Promise<void> {
    await underMutex(this.#mutex, () => {
      const record = this.#find(String(url));
      if (record === undefined) {
        throw new MediatedError('ENOENT', `${String(url)} is not registered`, { syscall: 'unregister' });
      }
      const references = this.#references[record] as Semaphore;
      if (!references.tryAcquire(MOST_REFERENCES)) {
        throw new MediatedError('EBUSY', `a device has ${String(url)}; unbind it first`, { syscall: 'unregister' });
      }
      this.#words[record * RECORD_WORDS + STATE] = 0;
      references.release(MOST_REFERENCES);
    });
  }

  /** URLs of the registered modules, the latest first, and how many devices have each. */
  async list(): Promise<readonly { readonly url: string; readonly references: number }[]> {
    return await underMutex(this.#mutex, () =>
      this.#registered().map((record) => ({
        url: this.#url(record),
        references: MOST_REFERENCES - (this.#references[record] as Semaphore).value,
      })),
    );
  }

  /** @internal The module that resets a compatible device, the latest registered; its reference is the calling thread's. */
  acquire(compat: string): FoundReset | undefined | Promise<FoundReset | undefined> {
    return underMutex(this.#mutex, () => {
      const record = this.#registered().find((candidate) => this.#compats(candidate).includes(compat));
      const references = record === undefined ? undefined : this.#references[record];
      if (record === undefined || references === undefined || !references.tryAcquire()) return undefined;
      return { url: this.#url(record), release: () => references.release() };
    });
  }

  /** Numbers of the records in use, the latest registered first. */
  #registered(): number[] {
    const words = this.#words;
    return Array.from({ length: RECORDS }, (_, record) => record)
      .filter((record) => words[record * RECORD_WORDS + STATE] !== 0)
      .sort((a, b) => words[b * RECORD_WORDS + ORDER] - words[a * RECORD_WORDS + ORDER]);
  }

  #find(url: string): number | undefined {
    return this.#registered().find((record) => this.#url(record) === url);
  }

  #add(url: Uint8Array, compats: Uint8Array): void {
    const words = this.#words;
    const record = this.#references.findIndex((_, candidate) => words[candidate * RECORD_WORDS + STATE] === 0);
    if (record < 0) throw new MediatedError('ENOMEM', `${RECORDS} reset modules are registered`);
    const at = record * RECORD_WORDS;
    words[at + ORDER] = ++words[REGISTRATIONS];
    words[at + URL_BYTES] = url.length;
    words[at + COMPAT_BYTES] = compats.length;
    this.#bytes.set(url, (at + TEXT) * 4);
    this.#bytes.set(compats, (at + TEXT) * 4 + TEXT_BYTES);
    Atomics.store(words, at + STATE, 1);
  }

  #url(record: number): string {
    const at = record * RECORD_WORDS;
    const start = (at + TEXT) * 4;
    return Buffer.from(this.#bytes.slice(start, start + this.#words[at + URL_BYTES])).toString();
  }

  #compats(record: number): readonly string[] {
    const at = record * RECORD_WORDS;
    const start = (at + TEXT) * 4 + TEXT_BYTES;
    return Buffer.from(this.#bytes.slice(start, start + this.#words[at + COMPAT_BYTES]))
      .toString()
      .split('\0');
  }
}

/** A reset function on a device's thread, and how its module is let go. */
export interface HeldReset {
  readonly reset: ResetFunction;
  release(): void;
}

/**
 * Finds the function that resets a compatible device. None is registered: the module that `modules` has for it is loaded,
 * as `vfio-reset:<compat>` asks for it, and the registry is looked at once more. Undefined: there is none.
 */
export async function findReset(
  registry: ResetRegistry,
  modules: Readonly<Record<string, string>>,
  compat: string,
): Promise<HeldReset | undefined> {
  let found = await registry.acquire(compat);
  const wanted = Object.hasOwn(modules, compat) ? modules[compat] : undefined;
  if (found === undefined && wanted !== undefined) {
    await registry.register(wanted).catch((error: unknown) => {
      // Another thread was faster.
      if (!isMediatedError(error, 'EEXIST')) throw error;
    });
    found = await registry.acquire(compat);
  }
  if (found === undefined) return undefined;
  const { url, release } = found;
  try {
    const { resets } = await loadResetModule(url);
    return { reset: resets[compat] as ResetFunction, release };
  } catch (error) {
    release();
    throw error;
  }
}
