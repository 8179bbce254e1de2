/** Guest memory for tests: mapped ranges of one shared buffer, with pins that are counted. Addresses are offsets. */
import { MediatedError } from '@mediated/core';
import { CCW, CCW0, CCW_FLAGS, ORB } from '#dist/ccw/architected.js';
import type { GuestMemory } from '#dist/ccw/guest-memory.js';

const PAGE = 4096;

/** A CCW as tests write it. */
export interface CcwValues {
  readonly command: number;
  readonly address?: number;
  readonly count?: number;
  readonly flags?: number;
}

export const { dataChaining: DC, commandChaining: CC, suppressLength: SLI, skip: SKIP, indirect: IDA } = CCW_FLAGS;

export class Guest implements GuestMemory {
  readonly bytes: Uint8Array;
  /** Pages that are pinned, how often. */
  readonly pins = new Map<number, number>();
  /** Calls of pin: first address and pages. */
  readonly pinCalls: [number, number][] = [];
  /** Called before each read. */
  onRead: (iova: number) => void = () => {};
  #ranges: { start: number; end: number; writable: boolean; readable: boolean }[] = [];

  /** All but the first page is mapped. */
  constructor(bytes = 2 ** 20) {
    this.bytes = new Uint8Array(new SharedArrayBuffer(bytes));
    this.map(PAGE, bytes - PAGE);
  }

  /** Maps in place of what was mapped there. */
  map(start: number, size: number, { writable = true, readable = true } = {}): void {
    this.unmap(start, size);
    this.#ranges.push({ start, end: start + size, writable, readable });
  }

  unmap(start: number, size: number): void {
    const end = start + size;
    this.#ranges = this.#ranges.flatMap((range) => [
      ...(range.start < start ? [{ ...range, end: Math.min(range.end, start) }] : []),
      ...(range.end > end ? [{ ...range, start: Math.max(range.start, end) }] : []),
    ]);
  }

  /** Pins that are held, all together. */
  get pinned(): number {
    return [...this.pins.values()].reduce((sum, count) => sum + count, 0);
  }

  read(iova: bigint | number, into: Uint8Array): void {
    const start = Number(iova);
    this.onRead(start);
    for (let at = start; at < start + into.length; ) {
      const range = this.#find(at);
      if (range === undefined) throw new MediatedError('EINVAL', `nothing is mapped at ${at}`);
      if (!range.readable) throw new MediatedError('EPERM', `${at} is not readable`);
      at = range.end;
    }
    into.set(this.bytes.subarray(start, start + into.length));
  }

  pin(iova: bigint | number, pages: number, access: 'read' | 'write' | 'read-write'): Uint8Array[] {
    const first = Math.floor(Number(iova) / PAGE);
    this.pinCalls.push([Number(iova), pages]);
    const views: Uint8Array[] = [];
    for (let page = first; page < first + pages; page++) {
      const range = this.#find(page * PAGE);
      if (range === undefined) throw new MediatedError('EINVAL', `nothing is mapped at page ${page}`);
      if (access !== 'read' && !range.writable) throw new MediatedError('EPERM', `page ${page} is not writable`);
      views.push(this.bytes.subarray(page * PAGE, (page + 1) * PAGE));
    }
    for (let page = first; page < first + pages; page++) this.pins.set(page, (this.pins.get(page) ?? 0) + 1);
    return views;
  }

  unpin(iova: bigint | number, pages: number): void {
    const first = Math.floor(Number(iova) / PAGE);
    for (let page = first; page < first + pages; page++) {
      const count = this.pins.get(page);
      if (count === undefined) throw new Error(`page ${page} is not pinned`);
      if (count === 1) this.pins.delete(page);
      else this.pins.set(page, count - 1);
    }
  }

  /** Writes CCWs one behind the other. */
  program(at: number, ccws: readonly CcwValues[], format = 1): void {
    const struct = format === 1 ? CCW : CCW0;
    for (const [index, values] of ccws.entries()) this.bytes.set(struct.bytes(values), at + index * 8);
  }

  /** Writes a list of IDAWs. */
  list(at: number, words: readonly (number | bigint)[], bits: 32 | 64): void {
    const view = new DataView(this.bytes.buffer);
    words.forEach((word, index) => {
      if (bits === 64) view.setBigUint64(at + index * 8, BigInt(word));
      else view.setUint32(at + index * 4, Number(word));
    });
  }

  #find(at: number) {
    return this.#ranges.find(({ start, end }) => at >= start && at < end);
  }
}

/** An ORB for a program of format-1 CCWs with 64-bit IDAWs of 4 KiB blocks, unless `values` say otherwise. */
export function orb(address: number, values: Parameters<typeof ORB.bytes>[0] = {}): Uint8Array {
  return ORB.bytes({ format: 1, prefetch: 1, c64: 1, lpm: 0xff, address, ...values });
}
