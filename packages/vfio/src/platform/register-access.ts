/**
 * Reads and writes of a platform device's regions through its file (spec/vendors/platform-fsl A4). On the device's thread;
 * no lock, any number may be under way at once.
 */
import { isThenable, MediatedError } from '@mediated/core';
import type { MmioRegion } from './mmio-region.js';
import type { PlatformModel } from './model.js';

/** Bytes that a device is accessed with at once. */
const WIDTHS = [4, 2, 1] as const;

/** A region as it is accessed: through a model, or its plain memory. */
export interface AccessedRegion {
  readonly region: MmioRegion;
  readonly registers: boolean;
}

/** Fills `into` from `offset`; returns how many bytes, fewer at the end of the region. EINVAL beyond it, ENOMEM. */
export function readRegion(
  model: PlatformModel,
  { region, registers }: AccessedRegion,
  offset: number,
  into: Uint8Array,
): number | Promise<number> {
  const count = clip(region, offset, into.length, 'read');
  if (!registers) {
    into.set(new Uint8Array(region.memory, offset, count));
    return count;
  }
  return stepwise(offset, count, (at, size) =>
    model.read?.(region.index, at, into.subarray(at - offset, at - offset + size)),
  );
}

/** Takes `bytes` at `offset`; takes fewer at the end of the region. Errors as {@link readRegion}. */
export function writeRegion(
  model: PlatformModel,
  { region, registers }: AccessedRegion,
  offset: number,
  bytes: Uint8Array,
): number | Promise<number> {
  const count = clip(region, offset, bytes.length, 'write');
  if (!registers) {
    new Uint8Array(region.memory, offset, count).set(bytes.subarray(0, count));
    return count;
  }
  return stepwise(offset, count, (at, size) =>
    model.write?.(region.index, at, bytes.subarray(at - offset, at - offset + size)),
  );
}

/** Pieces of an access, each naturally aligned, one after the other; at once as long as none waits. */
function stepwise(
  offset: number,
  count: number,
  access: (at: number, size: number) => void | Promise<void>,
): number | Promise<number> {
  const from = (start: number): number | Promise<number> => {
    for (let at = start; at < offset + count; ) {
      const size = WIDTHS.find((width) => at % width === 0 && at + width <= offset + count) as number;
      const accessed = access(at, size);
      at += size;
      if (isThenable(accessed)) return Promise.resolve(accessed).then(() => from(at));
    }
    return count;
  };
  return from(offset);
}

function clip({ index, size }: MmioRegion, offset: number, length: number, syscall: string): number {
  if (offset < size) return Math.min(length, size - offset);
  throw new MediatedError('EINVAL', `region ${index} has ${size} bytes, none at ${offset}`, { syscall });
}
