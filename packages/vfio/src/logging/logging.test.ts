/** DMA logging: its checks in their order, the bitmap against a plain model, and the combining of ranges. */
import { MediatedError } from '@mediated/core';
import { combineRanges, type DeviceOperations, type IoctlCall, type IovaRange, type VfioDevice } from '@mediated/vfio';
import {
  deviceFeature,
  dmaLoggingControl,
  dmaLoggingRange,
  dmaLoggingReport,
  FEATURE_FLAGS,
  FEATURES,
} from '@mediated/vfio/uapi';
import { serveFeature } from '#dist/features/serve-feature.js';
import { DirtyBitmap } from '#dist/logging/dirty-bitmap.js';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';

const PAGE = 4096n;
const RANGES_AT = 0x1000n;
const BITMAP_AT = 0x100000n;
const ALL = 2n ** 64n;

let memory: Uint8Array;
let bitmap: Uint8Array;
/** What the driver was started with. */
let started: { ranges: readonly IovaRange[]; pageSize: bigint } | undefined;
let reports: number;

beforeEach(() => {
  memory = new Uint8Array(0);
  bitmap = new Uint8Array(64);
  started = undefined;
  reports = 0;
});

const call = {
  memory(address: bigint, length: bigint): Uint8Array {
    if (length === 0n) return new Uint8Array(0);
    for (const [at, bytes] of [
      [RANGES_AT, memory],
      [BITMAP_AT, bitmap],
    ] as const) {
      const within = address - at;
      if (within >= 0n && within + length <= BigInt(bytes.length)) {
        return bytes.subarray(Number(within), Number(within + length));
      }
    }
    throw new MediatedError('EFAULT', 'no memory there');
  },
} as IoctlCall;

const operations: DeviceOperations<unknown> = {
  logging: {
    start(_device, ranges, pageSize) {
      started = { ranges, pageSize };
      return pageSize < PAGE ? PAGE : undefined;
    },
    stop() {},
    report(_device, range, marks) {
      reports++;
      // The second page of the range, and some behind its end.
      marks.set(range.iova + PAGE, PAGE);
      marks.set(range.iova + range.length - 1n, 5n * PAGE);
    },
  },
};

function serve(flags: number, data: Uint8Array): string | number {
  const argument = deviceFeature.bytes({ argsz: 8 + data.length, flags }, 8 + data.length);
  argument.set(data, 8);
  try {
    serveFeature(operations, {} as VfioDevice, argument, call);
    data.set(argument.subarray(8));
    return 0;
  } catch (error) {
    return (error as { code: string }).code;
  }
}

/** START; `count` ranges are announced, at an address that may be none. */
function start(ranges: readonly IovaRange[], pageSize = PAGE, count = ranges.length, at = RANGES_AT): string | number {
  memory = new Uint8Array(ranges.length * dmaLoggingRange.size);
  for (const [number, range] of ranges.entries()) {
    dmaLoggingRange.encode(memory.subarray(number * dmaLoggingRange.size), { ...range });
  }
  const data = dmaLoggingControl.bytes({ page_size: pageSize, num_ranges: count, ranges: at });
  return serve(FEATURES.dmaLoggingStart | FEATURE_FLAGS.set, data);
}

const pages = (first: bigint, count: bigint): IovaRange => ({ iova: first * PAGE, length: count * PAGE });

function report(range: IovaRange, pageSize = PAGE, at = BITMAP_AT): string | number {
  const data = dmaLoggingReport.bytes({ ...range, page_size: pageSize, bitmap: at });
  return serve(FEATURES.dmaLoggingReport | FEATURE_FLAGS.get, data);
}

describe('vfio-core 23.31: START', () => {
  test('no ranges are EINVAL, 257 E2BIG, 256 fine; before their memory is looked at', () => {
    expect([start([], PAGE, 0, 0n), start([], PAGE, 257, 0n)]).toEqual(['EINVAL', 'E2BIG']);
    expect(start(Array.from({ length: 256 }, (_, number) => pages(BigInt(2 * number), 1n)))).toBe(0);
  });

  test('ranges are looked at one by one: what is wrong with the first counts', () => {
    const unaligned = { iova: 1n, length: PAGE };
    const wrapping = { iova: ALL - PAGE, length: 2n * PAGE };
    const [good, over] = [pages(4n, 2n), pages(5n, 1n)];
    expect(start([good], PAGE, 1, 0n)).toBe('EFAULT');
    expect(start([good], PAGE, 2)).toBe('EFAULT');
    expect(start([unaligned], PAGE, 2)).toBe('EINVAL');
    expect(start([wrapping, unaligned])).toBe('EOVERFLOW');
    expect(start([good, over, wrapping])).toBe('EINVAL');
    expect(start([good, wrapping, over])).toBe('EOVERFLOW');
    expect(start([{ iova: ALL - PAGE, length: PAGE }])).toBe('EOVERFLOW');
    expect(started).toBeUndefined();
  });

  test('page sizes are bit tests: 3000 and 256 are accepted, 0 is not', () => {
    expect([start([pages(8n, 1n)], 0n), start([{ iova: 0x800000n, length: 0n }], 3000n)]).toEqual(['EINVAL', 0]);
    expect(start([{ iova: 256n, length: 512n }], 256n)).toBe(0);
    expect(started?.pageSize).toBe(256n);
  });

  test('the driver gets them in the order of their addresses, and its page size goes back', () => {
    expect(start([pages(9n, 1n), pages(1n, 2n), pages(5n, 1n)])).toBe(0);
    expect(started?.ranges).toEqual([pages(1n, 2n), pages(5n, 1n), pages(9n, 1n)]);
    memory = dmaLoggingRange.bytes({ iova: 0n, length: 512n });
    const data = dmaLoggingControl.bytes({ page_size: 512n, num_ranges: 1, ranges: RANGES_AT });
    expect(serve(FEATURES.dmaLoggingStart | FEATURE_FLAGS.set, data)).toBe(0);
    expect(dmaLoggingControl.decode(data).page_size).toBe(PAGE);
  });

  test('whatever the ranges: those that are accepted are aligned, within 64 bits and apart', () => {
    const value = fc.oneof(
      fc.bigInt(0n, ALL - 1n),
      fc.bigInt(0n, 16n).map((page) => page * PAGE),
      fc.bigInt(0n, 4n).map((page) => BigInt.asUintN(64, -page * PAGE)),
    );
    const range = fc.record({ iova: value, length: value });
    fc.assert(
      fc.property(fc.array(range, { maxLength: 4 }), fc.constantFrom(0n, 1n, 3000n, PAGE), (ranges, pageSize) => {
        const result = start(ranges, pageSize);
        expect([0, 'EINVAL', 'EOVERFLOW']).toContain(result);
        if (result !== 0) return;
        for (const [number, { iova, length }] of (started?.ranges ?? []).entries()) {
          expect(iova + length).toBeLessThan(ALL);
          const next = started?.ranges[number + 1];
          if (next !== undefined) expect(iova + length).toBeLessThanOrEqual(next.iova);
        }
      }),
    );
  });
});

describe('vfio-core 23.31: REPORT', () => {
  test('page sizes below 4096, or no power of two, are EINVAL; a range that wraps EOVERFLOW; no bitmap EFAULT', () => {
    expect([0n, 1n, 2048n, 4097n, 12288n].map((size) => report(pages(0n, 4n), size))).toEqual(Array(5).fill('EINVAL'));
    expect(report({ iova: ALL - PAGE, length: PAGE })).toBe('EOVERFLOW');
    expect(report({ iova: ALL - PAGE, length: PAGE }, 1n)).toBe('EINVAL');
    expect(report(pages(0n, 4n), PAGE, 0n)).toBe('EFAULT');
    expect(report(pages(0n, 64n * 8n + 1n))).toBe('EFAULT');
    expect(reports).toBe(0);
    expect(report(pages(0n, 64n * 8n))).toBe(0);
    expect(report({ iova: 0n, length: 0n }, PAGE, 0n)).toBe(0);
  });

  test('bits are set within the range, never cleared', () => {
    bitmap[2] = 0x81;
    expect(report(pages(32n, 20n))).toBe(0);
    expect([...bitmap.subarray(0, 8)]).toEqual([0b10, 0, 0x89, 0, 0, 0, 0, 0]);
    expect(report(pages(32n, 20n))).toBe(0);
    expect(bitmap[2]).toBe(0x89);
  });

  test('STOP may come without START', () => {
    expect(serve(FEATURES.dmaLoggingStop | FEATURE_FLAGS.set, new Uint8Array(0))).toBe(0);
  });
});

test('a bitmap is that of a plain model', () => {
  const mark = fc.tuple(fc.bigInt(0n, 70n * PAGE), fc.bigInt(0n, 20n * PAGE));
  fc.assert(
    fc.property(fc.bigInt(0n, 30n), fc.bigInt(0n, 40n * PAGE), fc.array(mark), (firstPage, length, marks) => {
      const range = { iova: firstPage * PAGE, length };
      const bytes = new Uint8Array(Number(DirtyBitmap.bytesFor(range, PAGE)));
      const marked = new DirtyBitmap(bytes, range, PAGE);
      for (const [iova, size] of marks) marked.set(iova, size);
      const end = range.iova + length;
      for (let page = 0; page < bytes.length * 8; page++) {
        const start = range.iova + BigInt(page) * PAGE;
        const touched = marks.some(
          ([iova, size]) => start < end && size > 0n && iova < end && iova < start + PAGE && iova + size > start,
        );
        expect(((bytes[page >> 3] as number) >> (page % 8)) & 1, `page ${page}`).toBe(Number(touched));
      }
    }),
  );
});

describe('combining ranges', () => {
  test('one slot takes everything, as many as there are change nothing', () => {
    const ranges = [pages(1n, 1n), pages(10n, 2n), pages(100n, 1n)];
    expect(combineRanges(ranges, 1)).toEqual([pages(1n, 100n)]);
    expect(combineRanges(ranges, 3)).toEqual(ranges);
    expect(() => combineRanges(ranges, 0)).toThrow(RangeError);
  });

  test('the smallest gap is closed first, of several the first', () => {
    const ranges = [pages(0n, 1n), pages(4n, 1n), pages(6n, 1n), pages(8n, 1n), pages(20n, 1n)];
    expect(combineRanges(ranges, 4)).toEqual([pages(0n, 1n), pages(4n, 3n), pages(8n, 1n), pages(20n, 1n)]);
    expect(combineRanges(ranges, 2)).toEqual([pages(0n, 9n), pages(20n, 1n)]);
  });

  test('whatever is combined covers what was given, with no more ranges than slots, in order and apart', () => {
    const gaps = fc.array(fc.tuple(fc.bigInt(0n, 9n), fc.bigInt(1n, 9n)), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(gaps, fc.integer({ min: 1, max: 12 }), (list, slots) => {
        let end = 0n;
        const ranges = list.map(([gap, length]) => {
          const range = { iova: end + gap, length };
          end += gap + length;
          return range;
        });
        const combined = combineRanges(ranges, slots);
        expect(combined.length).toBe(Math.min(slots, ranges.length));
        for (const { iova, length } of ranges) {
          expect(combined.some((one) => one.iova <= iova && iova + length <= one.iova + one.length)).toBe(true);
        }
        for (const [at, one] of combined.slice(1).entries()) {
          const before = combined[at] as IovaRange;
          expect(before.iova + before.length).toBeLessThanOrEqual(one.iova);
        }
      }),
    );
  });
});
