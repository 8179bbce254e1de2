/** What both sides tell each other first: the protocol's version and what they can do. Pure. */
import { MediatedError } from '@mediated/core';
import { versionHead } from './payloads.js';

/** Capabilities by their names in the protocol. */
export interface Capabilities {
  /** Descriptors of one message, at most. */
  readonly max_msg_fds: number;
  /** Bytes of a transfer, at most. */
  readonly max_data_xfer_size: number;
  readonly max_dma_maps: number;
  /** Page sizes, as a bit each. */
  readonly pgsizes: number;
  /** REGION_WRITE_MULTI is understood. */
  readonly write_multiple: boolean;
}

/** What holds for a side that does not say. */
export const DEFAULT_CAPABILITIES: Capabilities = {
  max_msg_fds: 8,
  max_data_xfer_size: 2 ** 20,
  max_dma_maps: 65535,
  pgsizes: 4096,
  write_multiple: false,
};

/** The most that the protocol's users accept. */
const MOST = { max_msg_fds: 16, max_data_xfer_size: 64 * 2 ** 20, max_dma_maps: 65535 } as const;
const PAGE_BYTES = 4096;

/** A payload of VERSION. */
export function encodeVersion(capabilities: Partial<Capabilities>): Uint8Array {
  const text = Buffer.from(`${JSON.stringify({ capabilities })}\0`);
  const payload = versionHead.bytes({ major: 0, minor: 0 }, versionHead.size + text.length);
  payload.set(text, versionHead.size);
  return payload;
}

/**
 * Reads a payload of VERSION. EINVAL: another major version, not JSON that ends with a zero byte, values of wrong kinds
 * or out of range. Names that nobody knows are ignored.
 */
export function decodeVersion(payload: Uint8Array): Capabilities {
  if (payload.length < versionHead.size) throw invalid(`${payload.length} bytes`);
  const { major } = versionHead.decode(payload);
  if (major !== 0) throw invalid(`major version ${major}; it is 0`);
  if (payload.length === versionHead.size) return DEFAULT_CAPABILITIES;
  if (payload.at(-1) !== 0) throw invalid('the text does not end with a zero byte');
  const text = Buffer.from(payload.subarray(versionHead.size, -1)).toString();
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw invalid('the text is no JSON');
  }
  const told = objectOf(parsed, 'the text').capabilities;
  return told === undefined ? DEFAULT_CAPABILITIES : capabilitiesOf(objectOf(told, 'capabilities'));
}

function capabilitiesOf(told: Record<string, unknown>): Capabilities {
  const count = (name: keyof typeof MOST, least: number) => {
    const value = told[name] ?? DEFAULT_CAPABILITIES[name];
    if (Number.isInteger(value) && (value as number) >= least && (value as number) <= MOST[name])
      return value as number;
    throw invalid(`${name} is ${JSON.stringify(value)}; it is an integer from ${least} to ${MOST[name]}`);
  };
  const { pgsizes = DEFAULT_CAPABILITIES.pgsizes, write_multiple: multiple = false } = told;
  if (!(Number.isSafeInteger(pgsizes) && (pgsizes as number) >= PAGE_BYTES && (pgsizes as number) % PAGE_BYTES === 0)) {
    throw invalid(`pgsizes is ${JSON.stringify(pgsizes)}`);
  }
  if (typeof multiple !== 'boolean') throw invalid(`write_multiple is ${JSON.stringify(multiple)}`);
  return {
    max_msg_fds: count('max_msg_fds', 0),
    max_data_xfer_size: count('max_data_xfer_size', 1),
    max_dma_maps: count('max_dma_maps', 1),
    pgsizes: pgsizes as number,
    write_multiple: multiple,
  };
}

function objectOf(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw invalid(`${what} is no object`);
}

function invalid(message: string): MediatedError {
  return new MediatedError('EINVAL', `VERSION: ${message}`, { syscall: 'VERSION' });
}
