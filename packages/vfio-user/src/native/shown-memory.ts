/**
 * Memory of a device that another process maps: a file whose pages are put behind the device's own buffer, so that both
 * see one memory and no store is a message. Made by the server when a machine asks for a region; the pages stay the
 * buffer's for as long as that lives. Only buffers that begin at a page can be shown.
 */
import { writeSync } from 'node:fs';
import { addressOf } from './libc.js';
import type { Descriptor, Ledger } from './ledger.js';
import { createMemoryFile } from './memory-file.js';
import { coverWithFile, PAGE_BYTES } from './shared-pages.js';

/** A part of a region, and the memory behind it. */
export interface ShownArea {
  /** Byte of the region, a multiple of a page. */
  readonly offset: number;
  readonly bytes: Uint8Array<SharedArrayBuffer>;
}

/** True when all of it begins and ends with a page. */
export function canBeShown(areas: readonly ShownArea[]): boolean {
  return areas.every(
    ({ offset, bytes }) =>
      offset % PAGE_BYTES === 0 &&
      bytes.length % PAGE_BYTES === 0 &&
      bytes.length > 0 &&
      addressOf(bytes) % PAGE_BYTES === 0,
  );
}

/**
 * A file with the bytes of a region's areas where they lie in the region, and its pages behind them. What somebody else
 * stores in the moment between the two steps is lost, as it is when a card's memory is moved.
 */
export function showMemory(name: string, regionBytes: number, areas: readonly ShownArea[], ledger: Ledger): Descriptor {
  const length = Math.ceil(regionBytes / PAGE_BYTES) * PAGE_BYTES;
  const file = createMemoryFile(name, length, ledger);
  for (const { offset, bytes } of areas) {
    for (let done = 0; done < bytes.length; ) {
      done += writeSync(file.number, bytes, done, bytes.length - done, offset + done);
    }
    const range = { descriptor: file.number, position: offset, length: bytes.length, writable: true };
    coverWithFile(bytes.buffer, bytes.byteOffset, range, ledger);
    // Belongs to the buffer from now on, and goes with it.
    ledger.countMapping(-1);
  }
  return file;
}
