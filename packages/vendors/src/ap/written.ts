/**
 * What is written to the attributes of matrix devices and to the masks of the AP bus, as numbers and masks
 * (ap sections 4 and 6). Pure.
 */
import { MediatedError } from '@mediated/core';
import { clearBit, emptyMask, MASK_BITS, MASK_DIGITS, type Mask, setBit } from './masks.js';

/** Characters of a write to `ap_config` that are looked at: three masks with `0x`, and what is between them. */
const CONFIG_CHARACTERS = 201;
const LARGEST = 2n ** 64n - 1n;

function refuse(code: 'EINVAL' | 'ERANGE', message: string): never {
  throw new MediatedError(code, message, { syscall: 'write' });
}

/**
 * A number in C notation (`0x` hexadecimal, leading `0` octal, else decimal), with one newline behind it at most.
 * Errors: EINVAL (none), ERANGE (more than 64 bits). Numbers too large for a double come out rounded; no id is.
 */
export function parseNumber(text: string): number {
  const [, digits] = /^\+?(0x[0-9a-f]+|0[0-7]*|[1-9][0-9]*)\n?$/i.exec(text) ?? [];
  if (digits === undefined) refuse('EINVAL', `${JSON.stringify(text)} is no number`);
  const value = BigInt(/^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits);
  if (value > LARGEST) refuse('ERANGE', `${digits} has more than 64 bits`);
  return Number(value);
}

/** A mask in hexadecimal, filled up with zeros on the right. EINVAL: other characters, or more than 64 digits. */
export function parseMask(text: string): Int32Array<ArrayBuffer> {
  const [, digits] = /^(?:0x)?([0-9a-f]*)$/i.exec(text) ?? [];
  if (digits === undefined || digits.length > MASK_DIGITS) {
    refuse('EINVAL', `${JSON.stringify(text)} is no mask: up to ${MASK_DIGITS} hexadecimal digits`);
  }
  const padded = digits.padEnd(MASK_DIGITS, '0');
  return Int32Array.from(emptyMask(), (_, word) => Number.parseInt(padded.slice(8 * word, 8 * word + 8), 16));
}

/** Adapters, domains, control domains. */
export type Masks = readonly [adapters: Mask, domains: Mask, controlDomains: Mask];

/** The three masks of a write to `ap_config`. EINVAL: fewer than three, or one of them is none. */
export function parseConfiguration(text: string): Masks {
  const [adapters, domains, controlDomains] = text.slice(0, CONFIG_CHARACTERS).split(/[,\n]/);
  if (adapters === undefined || domains === undefined || controlDomains === undefined) {
    refuse('EINVAL', 'three masks are wanted: adapters, domains, control domains');
  }
  return [parseMask(adapters), parseMask(domains), parseMask(controlDomains)];
}

/**
 * What a write to `apmask` or `aqmask` makes of it: a new mask (`0x...`), or changes to the present one (`+n`, `-n`,
 * `+a-b`, separated by commas). EINVAL: neither, a number above 255, a range that runs backwards.
 */
export function parseMaskChange(present: Mask, text: string): Int32Array<ArrayBuffer> {
  const trimmed = text.endsWith('\n') ? text.slice(0, -1) : text;
  if (!/^[+-]/.test(trimmed)) return parseMask(trimmed);
  const mask = Int32Array.from(present);
  for (const change of trimmed.split(',')) {
    const [, sign, low, high = low] = /^([+-])(\w+)(?:-(\w+))?$/.exec(change) ?? [];
    if (low === undefined || high === undefined) refuse('EINVAL', `${JSON.stringify(change)} is no change of a mask`);
    const [first, last] = [parseNumber(low), parseNumber(high)];
    if (first > last || last >= MASK_BITS) refuse('EINVAL', `${change}: numbers up to ${MASK_BITS - 1}, ascending`);
    for (let bit = first; bit <= last; bit++) (sign === '+' ? setBit : clearBit)(mask, bit);
  }
  return mask;
}
