/**
 * Reads and writes of the regions of a PCI function other than configuration space (spec/pci section 5.1): BARs, ROM, VGA.
 * On the function's thread. Memory is accessed with the memory lock held for reading; where a reset holds it, the access
 * is a promise.
 */
import { isThenable, MediatedError } from '@mediated/core';
import type { BarSpec } from './function-spec.js';
import type { MemoryGuard } from './memory-guard.js';
import type { PciModel } from './model.js';

/** A BAR as it is accessed. */
export interface Bar {
  readonly spec: BarSpec;
  readonly index: number;
  readonly memory: SharedArrayBuffer;
  readonly bytes: Uint8Array;
  /** Bytes of the MSI-X table in it: they read as ones and are not written. */
  readonly hidden: readonly [start: number, end: number] | undefined;
}

/** What accesses need of their function. */
export interface AccessedFunction {
  readonly guard: MemoryGuard;
  readonly model: PciModel;
  /** Memory is on, as the program has it, and the function is awake. */
  readonly memoryEnabled: boolean;
}

/** Fills `into` from `offset`; gives less at the end of the BAR. EINVAL beyond it, EIO while memory is off. */
export function readBar(pci: AccessedFunction, bar: Bar, offset: number, into: Uint8Array): number | Promise<number> {
  const count = clip(bar.spec.size, offset, into.length);
  const target = into.subarray(0, count);
  const run = () => {
    assertEnabled(pci, bar);
    const finish = () => {
      hide(bar, offset, target);
      return count;
    };
    if (!bar.spec.registers) {
      target.set(bar.bytes.subarray(offset, offset + count));
      return finish();
    }
    const done = inPieces(offset, count, (at, size) => {
      if (isHidden(bar, at, size)) return;
      return pci.model.read?.(bar.index, at, target.subarray(at - offset, at - offset + size));
    });
    return done === undefined ? finish() : done.then(finish);
  };
  return bar.spec.kind === 'io' ? run() : pci.guard.reading(run);
}

/** Takes `bytes` at `offset`; takes less at the end of the BAR. Errors as {@link readBar}. */
export function writeBar(pci: AccessedFunction, bar: Bar, offset: number, bytes: Uint8Array): number | Promise<number> {
  const count = clip(bar.spec.size, offset, bytes.length);
  const run = () => {
    assertEnabled(pci, bar);
    if (!bar.spec.registers) {
      writePlain(bar, offset, bytes.subarray(0, count));
      return count;
    }
    const done = inPieces(offset, count, (at, size) => {
      if (isHidden(bar, at, size)) return;
      return pci.model.write?.(bar.index, at, bytes.subarray(at - offset, at - offset + size));
    });
    return done === undefined ? count : done.then(() => count);
  };
  return bar.spec.kind === 'io' ? run() : pci.guard.reading(run);
}

/** The image of a ROM; beyond it, ones. EINVAL beyond the ROM. */
export function readRom(image: Uint8Array, size: number, offset: number, into: Uint8Array): number {
  const count = clip(size, offset, into.length);
  into.fill(0xff, 0, count);
  into.set(image.subarray(offset, offset + count));
  return count;
}

/** Where VGA lies: legacy memory and two ranges of ports, as offsets into the region. */
const VGA_RANGES = [
  [0xa0000, 0xc0000],
  [0x3b0, 0x3bc],
  [0x3c0, 0x3e0],
] as const;
/** Bytes of the VGA region. */
export const VGA_BYTES = 0xc0000;

/** Bytes of an access to the VGA region, cut off at the end of its range. EINVAL outside the ranges. */
export function clipVga(offset: number, length: number): number {
  const range = VGA_RANGES.find(([start, end]) => offset >= start && offset < end);
  if (range !== undefined) return Math.min(length, range[1] - offset);
  throw new MediatedError('EINVAL', `VGA has nothing at 0x${offset.toString(16)}`, { syscall: 'read' });
}

function writePlain(bar: Bar, offset: number, bytes: Uint8Array): void {
  const { hidden } = bar;
  if (hidden === undefined) {
    bar.bytes.set(bytes, offset);
    return;
  }
  const [start, end] = hidden;
  if (offset < start) bar.bytes.set(bytes.subarray(0, Math.max(0, start - offset)), offset);
  const after = Math.max(offset, end);
  if (after < offset + bytes.length) bar.bytes.set(bytes.subarray(after - offset), after);
}

function hide({ hidden }: Bar, offset: number, target: Uint8Array): void {
  if (hidden === undefined) return;
  const [start, end] = hidden;
  if (end > offset && start < offset + target.length) target.fill(0xff, Math.max(0, start - offset), end - offset);
}

function isHidden({ hidden }: Bar, at: number, size: number): boolean {
  return hidden !== undefined && at < hidden[1] && at + size > hidden[0];
}

function clip(size: number, offset: number, length: number): number {
  if (offset < size) return Math.min(length, size - offset);
  throw new MediatedError('EINVAL', `the region has ${size} bytes`, { syscall: 'read' });
}

function assertEnabled(pci: AccessedFunction, { spec }: Bar): void {
  if (spec.kind === 'io' || pci.memoryEnabled) return;
  throw new MediatedError('EIO', 'the memory of the function is off', { syscall: 'read' });
}

/**
 * Makes an access in the pieces that registers see, each naturally aligned and of 8, 4, 2 or 1 bytes, one after the other;
 * at once as long as none waits.
 */
function inPieces(
  offset: number,
  length: number,
  access: (at: number, size: number) => void | Promise<void>,
): Promise<void> | undefined {
  for (let at = offset; at < offset + length; ) {
    const left = offset + length - at;
    const size = at % 8 === 0 && left >= 8 ? 8 : at % 4 === 0 && left >= 4 ? 4 : at % 2 === 0 && left >= 2 ? 2 : 1;
    const result = access(at, size);
    at += size;
    if (isThenable(result)) {
      const next = at;
      return Promise.resolve(result).then(() => inPieces(next, offset + length - next, access));
    }
  }
  return undefined;
}
