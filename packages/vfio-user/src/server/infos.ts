/**
 * GET_INFO, GET_REGION_INFO with the memory of regions that can be mapped, GET_IRQ_INFO. Lives on the device's thread.
 */
import type { MappedMemory, RegionInfo } from '@mediated/vfio';
import {
  DEVICE_FLAGS,
  DEVICE_INFO_BYTES,
  deviceInfo,
  IRQ_INFO_BYTES,
  irqInfo,
  REGION_CAPABILITIES,
  REGION_FLAGS,
  REGION_INFO_BYTES,
  readArgument,
  regionInfo,
  regionSparseMmapArea,
  regionSparseMmapCapability,
} from '@mediated/vfio/uapi';
import { addressOf } from '../native/libc.js';
import type { Descriptor, Ledger } from '../native/ledger.js';
import { canBeShown, type ShownArea, showMemory } from '../native/shown-memory.js';
import type { AttachedDevice } from './attached-device.js';
import { assertBytes } from './refusal.js';

/** A region's memory as a file, kept for as long as the device is served: it is the device's memory from then on. */
interface Shown {
  readonly file: Descriptor;
  /** Held, so that what lies at their addresses stays theirs. */
  readonly areas: readonly ShownArea[];
}

/** What is answered about a region. */
export interface RegionAnswer {
  readonly payload: Uint8Array;
  /** The file to map, of the server's: it is sent, and stays open. */
  readonly descriptor: number | undefined;
}

const READ_WRITE = REGION_FLAGS.read | REGION_FLAGS.write;

/** Files of regions by index. Outlives the machines that map them. */
export class ShownRegions {
  readonly #ledger: Ledger;
  readonly #shown = new Map<number, Shown>();

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** A file with the memory of a region's areas; undefined: it is no memory that can be shown. */
  fileOf(index: number, regionBytes: number, areas: readonly ShownArea[]): Descriptor | undefined {
    const known = this.#shown.get(index);
    if (known !== undefined && isSame(known.areas, areas)) return known.file;
    if (areas.length === 0 || !canBeShown(areas)) return undefined;
    known?.file.close();
    const file = showMemory(`region ${index}`, regionBytes, areas, this.#ledger);
    this.#shown.set(index, { file, areas });
    return file;
  }

  close(): void {
    for (const { file } of this.#shown.values()) file.close();
    this.#shown.clear();
  }
}

export class Infos {
  readonly #device: AttachedDevice;
  readonly #shown: ShownRegions;

  constructor(device: AttachedDevice, shown: ShownRegions) {
    this.#device = device;
    this.#shown = shown;
  }

  device(payload: Uint8Array): Uint8Array {
    assertBytes(payload, DEVICE_INFO_BYTES);
    readArgument(deviceInfo, payload, DEVICE_INFO_BYTES);
    const { flags, regions, irqs } = this.#device.info;
    const told = flags & (DEVICE_FLAGS.reset | DEVICE_FLAGS.pci);
    const answer = { argsz: DEVICE_INFO_BYTES, flags: told, num_regions: regions, num_irqs: irqs };
    return deviceInfo.bytes(answer).subarray(0, DEVICE_INFO_BYTES);
  }

  async irq(payload: Uint8Array): Promise<Uint8Array> {
    assertBytes(payload, IRQ_INFO_BYTES);
    const { index } = readArgument(irqInfo, payload, IRQ_INFO_BYTES);
    return irqInfo.bytes({ argsz: IRQ_INFO_BYTES, ...(await this.#device.file.irqInfo(index)) });
  }

  async region(payload: Uint8Array): Promise<RegionAnswer> {
    assertBytes(payload, REGION_INFO_BYTES);
    const { argsz, index } = readArgument(regionInfo, payload, REGION_INFO_BYTES);
    const info = await this.#device.refreshRegion(index);
    const file = (info.flags & REGION_FLAGS.mmap) === 0 ? undefined : await this.#file(info);
    const flags = (info.flags & READ_WRITE) | (file === undefined ? 0 : REGION_FLAGS.mmap);
    const capability = file === undefined || info.areas === undefined ? new Uint8Array(0) : sparse(info.areas);
    const needed = REGION_INFO_BYTES + capability.length;
    const values = { argsz: needed, index, flags, size: BigInt(info.size) };
    // What does not fit is not sent; the machine asks again with enough room, and gets the file then.
    if (argsz < needed) return { payload: regionInfo.bytes(values), descriptor: undefined };
    const caps = capability.length === 0 ? {} : { flags: flags | REGION_FLAGS.caps, cap_offset: REGION_INFO_BYTES };
    const answer = regionInfo.bytes({ ...values, ...caps }, needed);
    answer.set(capability, REGION_INFO_BYTES);
    return { payload: answer, descriptor: file?.number };
  }

  async #file(info: RegionInfo): Promise<Descriptor | undefined> {
    const wanted = info.areas ?? [{ offset: 0, size: info.size }];
    const areas = await Promise.all(
      wanted.map(async ({ offset, size }) => ({ offset, bytes: await this.#map(info.offset + offset, size) })),
    );
    const mapped = areas.filter((area): area is ShownArea => area.bytes !== undefined);
    return mapped.length === areas.length ? this.#shown.fileOf(info.index, info.size, mapped) : undefined;
  }

  /** A driver may refuse to map now what it can map at other times. */
  async #map(position: number, size: number): Promise<MappedMemory | undefined> {
    try {
      return await this.#device.file.mmap(position, size);
    } catch {
      return undefined;
    }
  }
}

function isSame(some: readonly ShownArea[], others: readonly ShownArea[]): boolean {
  if (some.length !== others.length) return false;
  return some.every(({ offset, bytes }, at) => {
    const { offset: otherOffset, bytes: otherBytes } = others[at];
    return offset === otherOffset && bytes.length === otherBytes.length && addressOf(bytes) === addressOf(otherBytes);
  });
}

function sparse(areas: readonly { readonly offset: number; readonly size: number }[]): Uint8Array {
  const head = { id: REGION_CAPABILITIES.sparseMmap, version: 1, nr_areas: areas.length };
  const bytes = regionSparseMmapCapability.bytes(
    head,
    regionSparseMmapCapability.size + areas.length * regionSparseMmapArea.size,
  );
  for (const [at, { offset, size }] of areas.entries()) {
    const entry = bytes.subarray(regionSparseMmapCapability.size + at * regionSparseMmapArea.size);
    regionSparseMmapArea.encode(entry, { offset: BigInt(offset), size: BigInt(size) });
  }
  return bytes;
}
