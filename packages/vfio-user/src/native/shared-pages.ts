/**
 * Files' pages behind shared buffers. The buffer of a `pageAlignedMemory` begins at a page and stays where it is; the pages
 * of a file are mapped over its own, and it is as shared with other threads as before, but now also with other processes. It
 * outlives what is mapped: the collector takes buffer and mapping away together, never under a view. Called by whoever
 * maps guest memory or shows a device's memory to a guest.
 */
import type { Ledger } from './ledger.js';
import { addressOf, checked, libc } from './libc.js';

export const PAGE_BYTES = 4096;

const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED_FIXED = 0x11;
const MAP_PRIVATE_FIXED_ANONYMOUS_NORESERVE = 0x4032;

/** A range of a file. Both numbers are multiples of a page. */
export interface FileRange {
  readonly descriptor: number;
  readonly position: number;
  readonly length: number;
  /** Else a store into the pages kills the process. */
  readonly writable: boolean;
}

/** Puts a file's pages in the place of a buffer's, from its byte `at` (a multiple of a page) on. What was there is gone. */
export function coverWithFile(memory: SharedArrayBuffer, at: number, file: FileRange, ledger: Ledger): void {
  const address = addressOf(new Uint8Array(memory)) + at;
  const protection = PROT_READ | (file.writable ? PROT_WRITE : 0);
  const { descriptor, position, length } = file;
  checked(libc.mmap(address, length, protection, MAP_SHARED_FIXED, descriptor, position), 'mmap');
  ledger.countMapping(1);
}

/** Puts zeroed pages of the process's own there again: what the file had there stays in the file. */
export function uncover(memory: SharedArrayBuffer, at: number, length: number, ledger: Ledger): void {
  const address = addressOf(new Uint8Array(memory)) + at;
  checked(libc.mmap(address, length, PROT_READ | PROT_WRITE, MAP_PRIVATE_FIXED_ANONYMOUS_NORESERVE, -1, 0), 'mmap');
  ledger.countMapping(-1);
}
