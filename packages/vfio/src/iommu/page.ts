/**
 * I/O virtual addresses as page numbers. An address has 64 bits, its page number 52, so a JavaScript number holds the
 * page exactly and the hot paths need no bigint. Used by both sides of the IOMMU; pure.
 */
import { MediatedError } from '@mediated/core';

/** Bytes of a page, the smallest unit of a mapping. */
export const PAGE_BYTES = 4096;
const PAGE_SHIFT = 12n;
const PAGE_MASK = 4095n;
/** Pages of the whole 64-bit space. */
export const SPACE_PAGES = 2 ** 52;
/** The highest address. */
export const LAST_ADDRESS = 0xffff_ffff_ffff_ffffn;

/** An I/O virtual address: a bigint, or a number up to 2^53 - 1. */
export type Iova = bigint | number;

/** The page of an address. EINVAL if it is none of 64 bits. */
export function pageOf(iova: Iova): number {
  if (typeof iova === 'number') {
    if (!(Number.isSafeInteger(iova) && iova >= 0)) throw noAddress(iova);
    return Math.floor(iova / PAGE_BYTES);
  }
  if (iova < 0n || iova > LAST_ADDRESS) throw noAddress(iova);
  return Number(iova >> PAGE_SHIFT);
}

/** Bytes between the beginning of its page and an address. */
export function offsetInPage(iova: Iova): number {
  return typeof iova === 'number' ? iova % PAGE_BYTES : Number(iova & PAGE_MASK);
}

/** Pages of a size that is a multiple of a page. */
export function pagesOf(size: bigint): number {
  return Number(size >> PAGE_SHIFT);
}

/** Bytes, or the first address, of so many pages. */
export function bytesOf(pages: number): bigint {
  return BigInt(pages) << PAGE_SHIFT;
}

/** For messages. */
export function hex(iova: Iova): string {
  return `0x${iova.toString(16)}`;
}

function noAddress(iova: Iova): MediatedError {
  return new MediatedError('EINVAL', `${iova} is not a 64-bit address`, { syscall: 'dma' });
}
