/**
 * Commands of the MC as they stand in a portal: eight little-endian 64-bit words, of which the first is the header
 * (spec/vendors/platform-fsl B5). Called by models and programs; pure.
 */

/** Bytes and words of a command. */
export const MC_COMMAND_BYTES = 64;
export const MC_COMMAND_WORDS = 8;

/** The status in a header. A program sends `ready`; anything else is the answer. */
export const MC_STATUS = {
  ok: 0,
  ready: 1,
  authError: 3,
  noPrivilege: 4,
  dmaError: 5,
  configError: 6,
  timeout: 7,
  noResource: 8,
  noMemory: 9,
  busy: 0xa,
  unsupported: 0xb,
  invalidState: 0xc,
} as const;

const STATUS_SHIFT = 16n;
const TOKEN_SHIFT = 32n;
const COMMAND_SHIFT = 48n;

/** A header: a command's number (16 bits), the token of the object that it is for, the status. */
export function mcHeader(command: number, token = 0, status: number = MC_STATUS.ready): bigint {
  return (BigInt(command) << COMMAND_SHIFT) | (BigInt(token) << TOKEN_SHIFT) | (BigInt(status) << STATUS_SHIFT);
}

/** The status in a header. */
export function mcStatus(header: bigint): number {
  return Number((header >> STATUS_SHIFT) & 0xffn);
}

/** The number of the command in a header. */
export function mcCommand(header: bigint): number {
  return Number((header >> COMMAND_SHIFT) & 0xffffn);
}

/** A header with another status. */
export function withMcStatus(header: bigint, status: number): bigint {
  return (header & ~(0xffn << STATUS_SHIFT)) | (BigInt(status) << STATUS_SHIFT);
}
