/**
 * The pictures of a display that have been asked for, each with the number under which its dma-buf can be had (mbochs
 * section 7). Called by the display on the device's thread. A record is made when a mode is first seen and stays, also
 * when the mode changes, until the device is closed for the last time.
 */
import { DmaBuf } from '../framebuffer/dma-buf.js';
import { refused } from '../framebuffer/requests.js';
import type { Mode } from './dispi.js';

const PAGE = 4096;

/** Most modes between first open and last close. A guest can set up any number. */
const MAX_RECORDS = 16_384;

interface Record {
  readonly id: number;
  readonly mode: Mode;
  /** The video memory as it was when the record was made: it outlives the last close. */
  readonly memory: SharedArrayBuffer;
}

export class Planes {
  readonly #byMode = new Map<string, Record>();
  readonly #byId = new Map<number, Record>();
  /** Never goes back, so that an id means one picture in all of the device's life. */
  #nextId = 1;

  /** Id of a mode that has been added since the first open. */
  find(mode: Mode): number | undefined {
    return this.#byMode.get(keyOf(mode))?.id;
  }

  /** Records a mode; returns its id. ENOMEM. */
  add(mode: Mode, memory: () => SharedArrayBuffer): number {
    const id = this.#nextId++;
    if (this.#byId.size >= MAX_RECORDS) throw refused('ENOMEM', `${MAX_RECORDS} modes are recorded; close the device`);
    const record = { id, mode, memory: memory() };
    this.#byMode.set(keyOf(mode), record);
    this.#byId.set(id, record);
    return id;
  }

  /** A new file of a dma-buf; as many of one id as are asked for. ENOENT, EINVAL (it does not begin at a page). */
  export(id: number): DmaBuf {
    const record = this.#byId.get(id);
    if (record === undefined) throw refused('ENOENT', `no dma-buf has the id ${id}`);
    const { offset, size } = record.mode;
    if (offset % PAGE !== 0) throw refused('EINVAL', `the picture begins at ${offset}, which is no page's beginning`);
    return new DmaBuf(record.memory, offset, size);
  }

  /** Forgets all records; files that were made of them stay good. */
  clear(): void {
    this.#byMode.clear();
    this.#byId.clear();
  }
}

function keyOf({ width, height, stride, offset }: Mode): string {
  return `${width} ${height} ${stride} ${offset}`;
}
