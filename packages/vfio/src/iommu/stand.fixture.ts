/** The stand of the IOMMU's tests: a program with memory of its own, and an IOMMU whose devices are on this thread. */
import { isMediatedError } from '@mediated/core';
import { LockSpace } from '@mediated/core/sync';
import type { DmaClient } from '#dist/iommu/client-memory.js';
import { DeviceAccess, type DmaBinding } from '#dist/iommu/device-access.js';
import { Ioas, type IoasOptions } from '#dist/iommu/ioas.js';
import { SegmentTable } from '#dist/iommu/segment-table.js';
import { Type1, type Type1Options } from '#dist/iommu/type1.js';

export const PAGE = 4096n;
/** Where the program's memory begins in its address space. */
export const VADDR = 0x7000_0000_0000n;
/** Where it has memory for bitmaps. */
export const BITMAPS = 0x6000_0000_0000n;

/** A program: `pages` of guest memory at VADDR, and memory for bitmaps. */
export class Program implements DmaClient {
  readonly owner: number;
  readonly memory: SharedArrayBuffer;
  readonly bytes: Uint8Array;
  readonly bitmaps: Uint8Array = new Uint8Array(4096);

  constructor(pages = 256, owner = 0) {
    this.owner = owner;
    this.memory = new SharedArrayBuffer(pages * 4096);
    this.bytes = new Uint8Array(this.memory);
  }

  resolve(vaddr: bigint, length: bigint) {
    const offset = vaddr - VADDR;
    if (offset < 0n || offset + length > BigInt(this.memory.byteLength)) return undefined;
    return { memory: this.memory, offset: Number(offset) };
  }

  userMemory(vaddr: bigint, length: number) {
    const offset = Number(vaddr - BITMAPS);
    return offset < 0 || offset + length > this.bitmaps.length
      ? undefined
      : this.bitmaps.subarray(offset, offset + length);
  }
}

/** An IOMMU on this thread, with what devices were told. */
export class Stand<Iommu extends Type1 | Ioas> {
  readonly segments: SegmentTable = new SegmentTable();
  readonly program: Program = new Program();
  /** Ranges that devices were asked to unpin. */
  readonly notices: { iova: bigint; size: bigint }[] = [];
  /** What devices do when they are asked. */
  onNotice: (iova: bigint, size: bigint) => void | Promise<void> = () => {};
  readonly iommu: Iommu;

  constructor(make: (hooks: Pick<Type1Options, 'audience' | 'notify' | 'locks'>) => Iommu) {
    this.iommu = make({
      locks: LockSpace.create({ words: 1024 }),
      audience: {
        share: (segment) => this.segments.add(segment),
        unshare: (id) => this.segments.drop(id),
      },
      notify: (iova, size) => {
        this.notices.push({ iova, size });
        return this.onNotice(iova, size);
      },
    });
  }

  /** A device with `dmaUnmap` that uses the IOMMU. */
  device(slot: number, binding: Partial<DmaBinding> = {}): DeviceAccess {
    const device = new DeviceAccess();
    if (this.iommu instanceof Type1) this.iommu.addDevice(slot);
    device.bind({ space: this.iommu.space, segments: this.segments, slot, unpinsOnRequest: true, ...binding });
    return device;
  }

  /** Maps `pages` from page `at` on, to the same pages of the program. */
  map(at: number, pages: number, flags = 3): void {
    const iommu: Type1 | Ioas = this.iommu;
    const [iova, size, vaddr] = [BigInt(at) * PAGE, BigInt(pages) * PAGE, VADDR + BigInt(at) * PAGE];
    if (iommu instanceof Type1) iommu.map(this.program, { iova, size, vaddr, flags });
    else {
      const [readable, writeable] = [(flags & 1) !== 0, (flags & 2) !== 0];
      iommu.map(this.program, { iova, length: size, vaddr, readable, writeable });
    }
  }

  /** Pages that are mapped at present: start, length. */
  mapped(): [number, number][] {
    const { mappings } = this.iommu.space;
    return Array.from({ length: mappings.count }, (_, position) => {
      const record = mappings.at(position);
      return [mappings.start(record), mappings.pages(record)];
    });
  }
}

/** A type1 IOMMU with an emulated group. */
export function type1Stand(options: Partial<Type1Options> = {}): Stand<Type1> {
  const stand = new Stand(
    (hooks) => new Type1({ rules: 'type1v2', pins: 4096, dirtyPages: 4096, ...hooks, ...options }),
  );
  stand.iommu.attachGroup({ id: 1, kind: 'emulated' });
  return stand;
}

/** An ioas. */
export function ioasStand(options: Partial<IoasOptions> = {}): Stand<Ioas> {
  return new Stand((hooks) => new Ioas({ pins: 4096, dirtyPages: 4096, ...hooks, ...options }));
}

/** The errno name of what a call throws, undefined if it throws nothing. */
export function codeOf(call: () => unknown): string | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    return isMediatedError(error) ? error.code : String(error);
  }
}
