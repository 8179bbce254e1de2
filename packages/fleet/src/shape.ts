/**
 * Checks of what came over the wire. Nothing that another program has written is used before it went through one of these.
 * Pure. A check answers its value, typed, or throws EPROTO with the place and what was expected.
 */
import { MediatedError } from '@mediated/core';
import { VERSION } from './names.js';

/** Takes an unknown value and the place where it was found. */
export type Check<T> = (value: unknown, place: string) => T;
export type Checked<C> = C extends Check<infer T> ? T : never;

/** Longest message that is looked at, in bytes. */
export const LONGEST = 512 * 1024;
/** Longest text in a message, unless its check says otherwise. */
const LONGEST_TEXT = 4096;

function wrong(place: string, expected: string): never {
  throw new MediatedError('EPROTO', `a message of the fleet is not understood: ${place} should be ${expected}`);
}

export function text({ most = LONGEST_TEXT, like }: { most?: number; like?: RegExp } = {}): Check<string> {
  return (value, place) => {
    if (typeof value !== 'string') return wrong(place, 'text');
    if (value.length > most) return wrong(place, `text of at most ${most} characters`);
    if (like !== undefined && !like.test(value)) return wrong(place, `text like ${like.source}`);
    return value;
  };
}

export function whole(least = 0, most = Number.MAX_SAFE_INTEGER): Check<number> {
  return (value, place) =>
    Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most
      ? (value as number)
      : wrong(place, `a whole number from ${least} to ${most}`);
}

export function oneOf<const T extends string>(...words: readonly T[]): Check<T> {
  return (value, place) => words.find((word) => word === value) ?? wrong(place, `one of ${words.join(', ')}`);
}

export function optional<T>(check: Check<T>): Check<T | undefined> {
  return (value, place) => (value === undefined ? undefined : check(value, place));
}

export function list<T>(check: Check<T>, most: number): Check<T[]> {
  return (value, place) => {
    if (!Array.isArray(value) || value.length > most) return wrong(place, `a list of at most ${most}`);
    return value.map((entry, at) => check(entry, `${place}/${at}`));
  };
}

/** An object of texts. */
export function texts(most: number): Check<Record<string, string>> {
  const check = text();
  return (value, place) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return wrong(place, 'an object');
    const entries = Object.entries(value);
    if (entries.length > most) return wrong(place, `an object of at most ${most} fields`);
    return Object.fromEntries(entries.map(([key, entry]) => [key, check(entry, `${place}/${key.slice(0, 64)}`)]));
  };
}

/** An object with these fields; others are not looked at. */
export function object<F extends Record<string, Check<unknown>>>(
  fields: F,
): Check<{ readonly [K in keyof F]: Checked<F[K]> }> {
  return (value, place) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return wrong(place, 'an object');
    const own = (name: string) => (Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined);
    const entries = Object.entries(fields).map(([name, check]) => [name, check(own(name), `${place}/${name}`)]);
    return Object.fromEntries(entries) as { readonly [K in keyof F]: Checked<F[K]> };
  };
}

/** Puts a message together. */
export function encode(message: object): string {
  return JSON.stringify({ v: VERSION, ...message });
}

/** Takes a message apart. EPROTO: too long, no JSON, of another version, or not as `check` wants it. */
export function decode<T>(bytes: Uint8Array, check: Check<T>, what: string): T {
  if (bytes.length > LONGEST) return wrong(what, `at most ${LONGEST} bytes, not ${bytes.length}`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return wrong(what, 'JSON');
  }
  const { v } = (value ?? {}) as { v?: unknown };
  if (v !== VERSION) {
    const other = typeof v === 'number' ? `version ${v}` : 'no version';
    throw new MediatedError('EPROTO', `${what} has ${other} of the fleet's protocol; this program speaks ${VERSION}`);
  }
  return check(value, what);
}
