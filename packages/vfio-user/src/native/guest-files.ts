/**
 * Files with guest memory that a machine has sent: mapped once, however often it sends them, in windows of a gigabyte (a
 * view of 4 GiB or more aborts Node 20), each behind a shared buffer that any thread may have. Private to the thread that
 * serves the machine.
 */
import { fstatSync } from 'node:fs';
import { MediatedError } from '@mediated/core';
import { pageAlignedMemory } from '@mediated/vfio';
import type { Descriptor, Ledger } from './ledger.js';
import { checked, libc } from './libc.js';
import { keepFromShrinking } from './memory-file.js';
import { coverWithFile, PAGE_BYTES, uncover } from './shared-pages.js';

const WINDOW_BYTES = 2 ** 30;
const F_GETFL = 3;
const ACCESS_MODE = 3;
const O_RDONLY = 0;
const O_RDWR = 2;

/** A part of a file, mapped. */
interface Window {
  readonly key: string;
  readonly memory: SharedArrayBuffer;
  /** How much of it is covered by the file. */
  length: number;
  users: number;
}

/** A piece of guest memory within one buffer. */
export interface GuestPiece {
  readonly memory: SharedArrayBuffer;
  /** First byte of it. */
  readonly offset: number;
  readonly size: number;
  /** @internal */
  readonly window: Window;
}

export class GuestFiles {
  readonly #ledger: Ledger;
  readonly #forgotten: (memory: SharedArrayBuffer) => void;
  readonly #windows = new Map<string, Window>();

  /** `forgotten`: nothing is left of a buffer; it holds zeros from then on. */
  constructor(ledger: Ledger, forgotten: (memory: SharedArrayBuffer) => void) {
    this.#ledger = ledger;
    this.#forgotten = forgotten;
  }

  /**
   * The memory of a range of a file, in pieces; the descriptor may be closed then. EINVAL: not a file, the range is not
   * of whole pages or not in it. EACCES: it is to be written but open for reading. ENOMEM.
   */
  take(descriptor: Descriptor, position: bigint, size: bigint, write: boolean): GuestPiece[] {
    const { number } = descriptor;
    const stat = fstatSync(number, { bigint: true });
    const page = BigInt(PAGE_BYTES);
    if (!stat.isFile()) throw refused('a descriptor is no file');
    if (size === 0n || position % page !== 0n || size % page !== 0n) throw refused('not of whole pages');
    if (position + size > stat.size) throw refused(`the file has ${stat.size} bytes`);
    const mode = checked(libc.fcntl(number, F_GETFL, 0), 'fcntl') & ACCESS_MODE;
    if (mode !== O_RDWR && (write || mode !== O_RDONLY)) {
      throw new MediatedError('EACCES', 'the file is not open for what is wanted', { syscall: 'DMA_MAP' });
    }
    keepFromShrinking(descriptor);
    const file = {
      number,
      key: `${stat.dev}:${stat.ino}:${mode}`,
      bytes: Number(stat.size),
      writable: mode === O_RDWR,
    };
    const pieces: GuestPiece[] = [];
    try {
      for (let at = Number(position), end = at + Number(size); at < end; ) {
        const index = Math.floor(at / WINDOW_BYTES);
        const offset = at - index * WINDOW_BYTES;
        const length = Math.min(end - at, WINDOW_BYTES - offset);
        const window = this.#window(file, index, offset + length);
        window.users++;
        pieces.push({ memory: window.memory, offset, size: length, window });
        at += length;
      }
    } catch (error) {
      this.give(pieces);
      throw error;
    }
    return pieces;
  }

  /** Pieces that are used no more. */
  give(pieces: readonly GuestPiece[]): void {
    for (const { window } of pieces) {
      if (--window.users > 0) continue;
      this.#windows.delete(window.key);
      if (window.length > 0) uncover(window.memory, 0, window.length, this.#ledger);
      this.#forgotten(window.memory);
    }
  }

  /** The window of that number, covered at least to its byte `end`. */
  #window(
    file: { readonly number: number; readonly key: string; readonly bytes: number; readonly writable: boolean },
    index: number,
    end: number,
  ): Window {
    const key = `${file.key}:${index}`;
    let window = this.#windows.get(key);
    if (window === undefined) {
      const most = Math.min(WINDOW_BYTES, file.bytes - index * WINDOW_BYTES);
      window = { key, memory: pageAlignedMemory(most).buffer, length: 0, users: 0 };
      this.#windows.set(key, window);
    }
    if (end > window.memory.byteLength) throw refused('the file has grown since it was first mapped');
    if (end > window.length) {
      // All of it at once: the next range of the file is then there already.
      const there = Math.min(window.memory.byteLength, file.bytes - index * WINDOW_BYTES);
      const length = Math.floor(there / PAGE_BYTES) * PAGE_BYTES;
      const { number: descriptor, writable } = file;
      const covered = window.length > 0;
      try {
        coverWithFile(window.memory, 0, { descriptor, position: index * WINDOW_BYTES, length, writable }, this.#ledger);
      } catch (error) {
        if (window.users === 0) this.#windows.delete(key);
        throw error;
      }
      if (covered) this.#ledger.countMapping(-1);
      window.length = length;
    }
    return window;
  }
}

function refused(why: string): MediatedError {
  return new MediatedError('EINVAL', `guest memory cannot be mapped: ${why}`, { syscall: 'DMA_MAP' });
}
