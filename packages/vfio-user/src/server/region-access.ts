/**
 * REGION_READ, REGION_WRITE and REGION_WRITE_MULTI. Posted writes are not waited for: what is asked later comes to
 * the device later. Lives on the device's thread.
 */
import type { RegionInfo } from '@mediated/vfio';
import { multiWrite, REGION_ACCESS } from '../protocol/payloads.js';
import type { AttachedDevice } from './attached-device.js';
import { assertBytes, refusal } from './refusal.js';

/** After so many posted writes in a row one is waited for, so that a flood stays with the machine and not in memory. */
const POSTED_IN_A_ROW = 64;
const COUNT_BYTES = 8;

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
    const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
    const offset =
      view.getUint32(REGION_ACCESS.offset, true) + view.getUint32(REGION_ACCESS.offset + 4, true) * 2 ** 32;
    const count = view.getUint32(REGION_ACCESS.count, true);
    if (payload.length !== REGION_ACCESS.bytes + (data ? count : 0)) throw refusal('EINVAL', `${payload.length} bytes`);
    return this.#access(view.getUint32(REGION_ACCESS.region, true), offset, count);
  }

  /** What is read; `count` bytes or, where the driver gives less, fewer. */
  read({ region, offset, count }: Access): Promise<Uint8Array> {
    if (count === 0) return Promise.resolve(new Uint8Array(0));
    return this.#device.file.read(region.offset + offset, count);
  }

  async write({ region, offset, count }: Access, bytes: Uint8Array): Promise<void> {
    this.#posted = 0;
    if (count > 0) await this.#device.file.write(region.offset + offset, bytes);
  }

  /** Nobody is told when it fails. */
  async post(access: Access, bytes: Uint8Array): Promise<void> {
    const { region, offset, count } = access;
    if (count === 0) return;
    if (++this.#posted >= POSTED_IN_A_ROW) {
      await this.write(access, bytes).catch(() => {});
      return;
    }
    this.#device.file.write(region.offset + offset, bytes.slice()).catch(() => {});
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
