/**
 * REGION_READ, REGION_WRITE and REGION_WRITE_MULTI. Posted writes are not waited for: what is asked later comes to
 * the device later. Lives on the device's thread.
 */
import type { RegionInfo } from '@mediated/vfio';
import { multiWrite, REGION_ACCESS } from '../protocol/payloads.js';
import type { AttachedDevice } from './attached-device.js';
import { assertBytes, refusal } from './refusal.js';

/**
 * After so many posted writes in a row that are not done at once one is waited for, so that a flood stays with the machine and
 * not in memory.
 */
const POSTED_IN_A_ROW = 64;
const COUNT_BYTES = 8;
const NOTHING = new Uint8Array(0);

/** An access as a message asks for it. */
export interface Access {
  readonly region: RegionInfo;
  readonly offset: number;
  readonly count: number;
}

export class RegionAccess {
  readonly #device: AttachedDevice;
  readonly #mostBytes: number;
  #posted = 0;

  constructor(device: AttachedDevice, mostBytes: number) {
    this.#device = device;
    this.#mostBytes = mostBytes;
  }

  /** What a message asks for. `data`: it brings data along. EINVAL: a wrong length, no such region, more than there is. */
  decode(payload: Uint8Array, data: boolean): Access | Promise<Access> {
    assertBytes(payload, REGION_ACCESS.bytes);
    const offset = wordAt(payload, REGION_ACCESS.offset) + wordAt(payload, REGION_ACCESS.offset + 4) * 2 ** 32;
    const count = wordAt(payload, REGION_ACCESS.count);
    if (payload.length !== REGION_ACCESS.bytes + (data ? count : 0)) throw refusal('EINVAL', `${payload.length} bytes`);
    return this.#access(wordAt(payload, REGION_ACCESS.region), offset, count);
  }

  /** What is read; `count` bytes or, where the driver gives less, fewer. */
  read({ region, offset, count }: Access): Uint8Array | Promise<Uint8Array> {
    return count === 0 ? NOTHING : this.#device.registers.read(region.offset + offset, count);
  }

  write({ region, offset, count }: Access, bytes: Uint8Array): void | Promise<void> {
    this.#posted = 0;
    if (count === 0) return;
    const writing = this.#device.registers.write(region.offset + offset, bytes);
    if (writing instanceof Promise) return writing.then(() => {});
  }

  /** Nobody is told when it fails. A promise: so many are under way that it is to be waited for. */
  post({ region, offset, count }: Access, bytes: Uint8Array): void | Promise<void> {
    if (count === 0) return;
    let writing: number | Promise<number>;
    try {
      // A driver may look at the bytes until it has answered, and others take their place before.
      writing = this.#device.registers.write(region.offset + offset, bytes.slice());
    } catch {
      return;
    }
    if (!(writing instanceof Promise)) return;
    const done = writing.then(
      () => {},
      () => {},
    );
    if (++this.#posted < POSTED_IN_A_ROW) return;
    this.#posted = 0;
    return done;
  }

  /** Several writes of one message, each up to 8 bytes. */
  async writeMulti(payload: Uint8Array, posted: boolean): Promise<void> {
    assertBytes(payload, COUNT_BYTES);
    const number = new DataView(payload.buffer, payload.byteOffset).getBigUint64(0, true);
    if (BigInt(payload.length - COUNT_BYTES) !== number * BigInt(multiWrite.size)) {
      throw refusal('EINVAL', `${number} writes in ${payload.length} bytes`);
    }
    const asked = Array.from({ length: Number(number) }, async (_, at) => {
      const entry = payload.subarray(COUNT_BYTES + at * multiWrite.size, COUNT_BYTES + (at + 1) * multiWrite.size);
      const { offset, region, count } = multiWrite.decode(entry);
      if (count === 0 || count > 8) throw refusal('EINVAL', `a write of ${count} bytes`);
      const data = entry.subarray(multiWrite.offsets.data, multiWrite.offsets.data + count);
      return { access: await this.#access(region, Number(offset), count), data };
    });
    for (const { access, data } of await Promise.all(asked)) {
      if (posted) await this.post(access, data);
      else await this.write(access, data);
    }
  }

  #access(index: number, offset: number, count: number): Access | Promise<Access> {
    const region = this.#device.region(index);
    if (region instanceof Promise) return region.then((info) => this.#within(info, offset, count));
    return this.#within(region, offset, count);
  }

  #within(region: RegionInfo, offset: number, count: number): Access {
    if (count > this.#mostBytes || !(offset + count <= region.size)) {
      throw refusal('EINVAL', `${count} bytes at ${offset} of region ${region.index}, which has ${region.size}`);
    }
    return { region, offset, count };
  }
}

/** 32 bits of a payload. A view would have to be made for every message. */
function wordAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
}
