/**
 * The features of DMA logging (spec/vfio-core section 13): the checks, in their order, and the call of the driver. Called
 * by `features/serve-feature.ts` on the device's thread. Without a driver's logging each is ENOTTY.
 */
import { isThenable, MediatedError } from '@mediated/core';
import type { VfioDevice } from '../device.js';
import type { FeatureRequest } from '../features/feature-request.js';
import type { DeviceOperations } from '../operations.js';
import { FEATURE_FLAGS } from '../uapi/feature.js';
import { dmaLoggingControl, dmaLoggingRange, dmaLoggingReport, MAX_LOGGING_RANGES } from '../uapi/logging.js';
import { DirtyBitmap } from './dirty-bitmap.js';
import type { IovaRange } from './iova-range.js';
import type { DmaLoggingOperations } from './operations.js';

const { get: GET, set: SET } = FEATURE_FLAGS;
const ADDRESS_BITS = 64;
const LAST_ADDRESS = 2n ** 64n - 1n;
const LEAST_REPORT_PAGE = 4096n;

type Operations = DeviceOperations<unknown>;

export function serveLoggingStart(
  operations: Operations,
  device: VfioDevice,
  request: FeatureRequest,
): void | Promise<void> {
  const logging = loggingOf(operations);
  if (!request.check(SET, dmaLoggingControl.size)) return;
  const { page_size: pageSize, num_ranges: count, ranges: address } = dmaLoggingControl.decode(request.data);
  if (count === 0) throw failure('EINVAL', 'no ranges');
  if (count > MAX_LOGGING_RANGES) throw failure('E2BIG', `${count} ranges, at most ${MAX_LOGGING_RANGES}`);
  const ranges = takeRanges(request, address, count, pageSize);
  const started: unknown = logging.start(device, ranges, pageSize);
  const answer = (used: unknown) => {
    if (typeof used === 'bigint') dmaLoggingControl.encode(request.data, { page_size: used });
  };
  if (isThenable(started)) return Promise.resolve(started).then(answer);
  answer(started);
}

export function serveLoggingStop(
  operations: Operations,
  device: VfioDevice,
  request: FeatureRequest,
): void | Promise<void> {
  const logging = loggingOf(operations);
  if (request.check(SET, 0)) return logging.stop(device);
}

export function serveLoggingReport(
  operations: Operations,
  device: VfioDevice,
  request: FeatureRequest,
): void | Promise<void> {
  const logging = loggingOf(operations);
  if (!request.check(GET, dmaLoggingReport.size)) return;
  const { iova, length, page_size: pageSize, bitmap } = dmaLoggingReport.decode(request.data);
  if (pageSize < LEAST_REPORT_PAGE || (pageSize & (pageSize - 1n)) !== 0n) {
    throw failure('EINVAL', `pages of ${pageSize} bytes`);
  }
  if (iova + length > LAST_ADDRESS) throw failure('EOVERFLOW', 'the range wraps');
  const range = { iova, length };
  const bytes = request.call.memory(bitmap, DirtyBitmap.bytesFor(range, pageSize));
  return logging.report(device, range, new DirtyBitmap(bytes, range, pageSize));
}

/** The ranges that lie at an address, each looked at when it has been checked that those before it are sound. */
function takeRanges(request: FeatureRequest, address: bigint, count: number, pageSize: bigint): IovaRange[] {
  const ranges: IovaRange[] = [];
  // What a range must be a multiple of, as a test of bits; a page size of 0 leaves only 0.
  const unaligned = BigInt.asUintN(ADDRESS_BITS, pageSize - 1n);
  for (let number = 0; number < count; number++) {
    const at = address + BigInt(number * dmaLoggingRange.size);
    const range = dmaLoggingRange.decode(request.call.memory(at, BigInt(dmaLoggingRange.size)));
    if (((range.iova | range.length) & unaligned) !== 0n) throw failure('EINVAL', 'a range is not aligned to pages');
    if (range.iova + range.length > LAST_ADDRESS) throw failure('EOVERFLOW', 'a range wraps');
    if (ranges.some((other) => overlap(range, other))) throw failure('EINVAL', 'ranges overlap');
    ranges.push(range);
  }
  return ranges.sort((one, other) => (one.iova < other.iova ? -1 : 1));
}

/** The last byte of an empty range is the one before it; from 0, the last of all. */
function lastOf({ iova, length }: IovaRange): bigint {
  return BigInt.asUintN(ADDRESS_BITS, iova + length - 1n);
}

function overlap(one: IovaRange, other: IovaRange): boolean {
  return one.iova <= lastOf(other) && other.iova <= lastOf(one);
}

function loggingOf({ logging }: Operations): DmaLoggingOperations<unknown> {
  if (logging !== undefined) return logging;
  throw failure('ENOTTY', 'the device does not log its DMA');
}

function failure(code: MediatedError['code'], message: string): MediatedError {
  return new MediatedError(code, message, { syscall: 'ioctl' });
}
