/**
 * Chains of capabilities behind an info structure (spec/vfio-core section 16). Drivers answer with one, clients read one.
 * Pure.
 */
import { MediatedError } from '@mediated/core';
import { defineStruct, type Struct } from './struct.js';

/** What each capability begins with; `next` counts from the beginning of the info structure, 0 in the last. */
export const capabilityHeader = defineStruct([
  ['id', 'u16'],
  ['version', 'u16'],
  ['next', 'u32'],
]);

/** A capability of a chain: its number, its version, and all of its bytes, the header included. */
export interface Capability {
  readonly id: number;
  readonly version: number;
  readonly bytes: Uint8Array;
}

interface InfoValues {
  argsz: number;
  flags: number;
  cap_offset: number;
}

/**
 * Answers an info command whose structure may be followed by capabilities. Writes `values`, at most as far as the caller's
 * `argsz` goes, and behind the whole structure the capabilities in their order, each rounded up to 8 bytes. With
 * capabilities, `capsFlag` is set; when they do not fit into `argsz`, that becomes what they take, `cap_offset` becomes 0,
 * and the caller may ask again: this is no error.
 * A capability is given as bytes that begin with its header; `next` is filled in.
 * Errors: EFAULT (the argument has fewer bytes than its `argsz` says and are needed).
 */
export function encodeWithCapabilities<V extends InfoValues>(
  struct: Struct<V>,
  argument: Uint8Array,
  values: Partial<V>,
  capabilities: readonly Uint8Array[],
  capsFlag: number,
): void {
  const { argsz } = struct.decode(argument);
  const head = argument.subarray(0, Math.min(argsz, struct.size));
  if (capabilities.length === 0) return struct.encode(head, values);
  const needed = capabilities.reduce((sum, { length }) => sum + roundUp(length), struct.size);
  const fits = argsz >= needed;
  if (fits && argument.length < needed) {
    throw new MediatedError('EFAULT', `${needed} bytes are written, the argument has ${argument.length}`, {
      syscall: 'ioctl',
    });
  }
  const flags = ((values.flags ?? 0) | capsFlag) >>> 0;
  const answer = { ...values, flags, argsz: fits ? argsz : needed, cap_offset: fits ? struct.size : 0 };
  struct.encode(head, answer);
  if (fits) placeChain(argument, struct.size, capabilities);
}

function placeChain(argument: Uint8Array, start: number, capabilities: readonly Uint8Array[]): void {
  let at = start;
  for (const [number, capability] of capabilities.entries()) {
    const end = at + roundUp(capability.length);
    argument.fill(0, at, end);
    argument.set(capability, at);
    capabilityHeader.encode(argument.subarray(at), { next: number === capabilities.length - 1 ? 0 : end });
    at = end;
  }
}

/**
 * The capabilities of an answer, from the `cap_offset` that stands in it; 0: none. A capability's bytes reach to the
 * next one's, or to the end. Errors: EIO (the chain leaves the answer or goes backwards).
 */
export function readCapabilities(answer: Uint8Array, capOffset: number): Capability[] {
  const found: Capability[] = [];
  for (let at = capOffset; at !== 0; ) {
    if (at + capabilityHeader.size > answer.length) throw malformed(at);
    const { id, version, next } = capabilityHeader.decode(answer.subarray(at));
    if (next !== 0 && next < at + capabilityHeader.size) throw malformed(next);
    found.push({ id, version, bytes: answer.subarray(at, next === 0 ? answer.length : next) });
    at = next;
  }
  return found;
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}

function malformed(at: number): MediatedError {
  return new MediatedError('EIO', `the device's chain of capabilities leads to byte ${at}`, { syscall: 'ioctl' });
}
