/**
 * Guest memory as a machine announces it: DMA_MAP and DMA_UNMAP. What comes with a file is mapped and given to the
 * device's container; what comes without is only noted, for
 * `message-memory.ts`. Lives on the device's thread.
 */
import type { Descriptor, Ledger } from '../native/ledger.js';
import { GuestFiles, type GuestPiece } from '../native/guest-files.js';
import { DMA_MAP_FLAGS, DMA_UNMAP_FLAGS, dmaMapRequest, dmaUnmapRequest } from '../protocol/payloads.js';
import type { Received } from '../protocol/incoming.js';
import type { AttachedDevice } from './attached-device.js';
import { assertBytes, refusal } from './refusal.js';

interface DmaMap {
  readonly address: bigint;
  readonly size: bigint;
  /** `DMA_MAP_FLAGS`. */
  readonly flags: number;
  readonly pieces: readonly GuestPiece[];
}

const PAGE = 4096n;
const END = 2n ** 64n;

export class DmaMaps {
  readonly #device: AttachedDevice;
  readonly #files: GuestFiles;
  readonly #most: number;
  readonly #maps = new Map<bigint, DmaMap>();

  constructor(device: AttachedDevice, ledger: Ledger, most: number) {
    this.#device = device;
    this.#most = most;
    this.#files = new GuestFiles(ledger, (memory) => device.forgetMemory(memory));
  }

  /** EINVAL, EEXIST (something there is mapped), ENOSPC, what mapping the file fails with. */
  async map({ payload, descriptors }: Received): Promise<void> {
    assertBytes(payload, dmaMapRequest.size);
    const { argsz, flags, offset, address, size } = dmaMapRequest.decode(payload);
    if (argsz < dmaMapRequest.size) throw refusal('EINVAL', `argsz is ${argsz}`);
    if ((flags & ~(DMA_MAP_FLAGS.read | DMA_MAP_FLAGS.write)) !== 0) throw refusal('EINVAL', `flags ${flags}`);
    if (descriptors.length > 1) throw refusal('EINVAL', `${descriptors.length} descriptors`);
    if (size === 0n || address + size > END) throw refusal('EINVAL', 'no range of addresses');
    if (this.#maps.size >= this.#most) throw refusal('ENOSPC', `${this.#most} maps at most`);
    for (const map of this.#maps.values()) {
      if (address < map.address + map.size && map.address < address + size) {
        throw refusal('EEXIST', `0x${map.address.toString(16)} is mapped`);
      }
    }
    const [file] = descriptors;
    const pieces = file === undefined ? [] : await this.#mapFile(file, { flags, offset, address, size });
    this.#maps.set(address, { address, size, flags, pieces });
  }

  /** ENOENT: there is no such map; EINVAL. When it returns, the device touches none of it any more. */
  async unmap({ payload, descriptors }: Received): Promise<void> {
    assertBytes(payload, dmaUnmapRequest.size);
    const { argsz, flags, address, size } = dmaUnmapRequest.decode(payload);
    if (argsz < dmaUnmapRequest.size) throw refusal('EINVAL', `argsz is ${argsz}`);
    if (descriptors.length > 0) throw refusal('EINVAL', 'a descriptor that does not belong here');
    if (flags === DMA_UNMAP_FLAGS.all) {
      if (address !== 0n || size !== 0n) throw refusal('EINVAL', 'all, and a range');
      for (const map of [...this.#maps.values()]) await this.#unmap(map);
      return;
    }
    if (flags !== 0) throw refusal('EINVAL', `flags ${flags}`);
    const map = this.#maps.get(address);
    if (map === undefined || map.size !== size) throw refusal('ENOENT', `0x${address.toString(16)} is not mapped so`);
    await this.#unmap(map);
  }

  /** Whether all of a range was mapped at once, without a file, for such an access. */
  isWithoutFile(address: bigint, length: bigint, write: boolean): boolean {
    const needed = write ? DMA_MAP_FLAGS.write : DMA_MAP_FLAGS.read;
    for (const map of this.#maps.values()) {
      if (address < map.address || address + length > map.address + map.size) continue;
      return map.pieces.length === 0 && (map.flags & needed) !== 0;
    }
    return false;
  }

  /** The device is closed: what was mapped is given back. */
  close(): void {
    for (const { pieces } of this.#maps.values()) this.#files.give(pieces);
    this.#maps.clear();
  }

  async #mapFile(
    file: Descriptor,
    { flags, offset, address, size }: { flags: number; offset: bigint; address: bigint; size: bigint },
  ): Promise<GuestPiece[]> {
    if (address % PAGE !== 0n) throw refusal('EINVAL', 'an address that is not of a page');
    const read = (flags & DMA_MAP_FLAGS.read) !== 0;
    const write = (flags & DMA_MAP_FLAGS.write) !== 0;
    const pieces = this.#files.take(file, offset, size, write);
    let iova = address;
    try {
      for (const { memory, offset: at, size: bytes } of pieces) {
        await this.#device.container.map({ memory, iova, offset: at, size: bytes, read, write });
        iova += BigInt(bytes);
      }
    } catch (error) {
      if (iova > address) await this.#device.container.unmap({ iova: address, size: iova - address });
      this.#files.give(pieces);
      throw error;
    }
    return pieces;
  }

  async #unmap({ address, size, pieces }: DmaMap): Promise<void> {
    if (pieces.length > 0) await this.#device.container.unmap({ iova: address, size });
    this.#maps.delete(address);
    this.#files.give(pieces);
  }
}
