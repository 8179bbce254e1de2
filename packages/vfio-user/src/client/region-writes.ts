/** Payloads that write to regions. Made by the client; pure. */
import { multiWrite, regionAccess } from '../protocol/payloads.js';

/** One write of {@link VfioUserClient.writeMulti}. */
export interface SmallWrite {
  readonly region: number;
  readonly offset: number;
  /** 1 to 8 bytes. */
  readonly bytes: Uint8Array;
}

/** Of REGION_WRITE. */
export function writeRequest(region: number, offset: number, bytes: Uint8Array): Uint8Array {
  const head = { offset: BigInt(offset), region, count: bytes.length };
  const request = regionAccess.bytes(head, regionAccess.size + bytes.length);
  request.set(bytes, regionAccess.size);
  return request;
}

/** Of REGION_WRITE_MULTI. */
export function multiRequest(writes: readonly SmallWrite[]): Uint8Array {
  const request = new Uint8Array(8 + writes.length * multiWrite.size);
  new DataView(request.buffer).setBigUint64(0, BigInt(writes.length), true);
  for (const [at, { region, offset, bytes }] of writes.entries()) {
    const entry = request.subarray(8 + at * multiWrite.size);
    multiWrite.encode(entry, { offset: BigInt(offset), region, count: bytes.length });
    entry.set(bytes.subarray(0, 8), multiWrite.offsets.data);
  }
  return request;
}
