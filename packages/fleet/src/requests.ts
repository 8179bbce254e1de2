/** What hosts are asked and what they answer, and the checks of both. */
import { ERRNO, type ErrnoName, isMediatedError, MediatedError } from '@mediated/core';
import { LONGEST_NAME } from './names.js';
import { uuid } from './records.js';
import { type Check, type Checked, decode, encode, list, object, oneOf, optional, text, whole } from './shape.js';

/** Most bytes that one read, write or request of a device's file carries. */
export const MOST_BYTES = 128 * 1024;
const base64 = text({ most: Math.ceil(MOST_BYTES / 3) * 4, like: /^[A-Za-z0-9+/]*={0,2}$/ });
const requestName = text({ most: 64, like: /^[A-Za-z0-9_-]+$/ });

export const createRequest = object({
  uuid,
  parent: text({ most: LONGEST_NAME }),
  type: text({ most: LONGEST_NAME }),
  /** Names this request: asked twice, it is done once. */
  request: requestName,
});
export type CreateRequest = Checked<typeof createRequest>;
export const removeRequest = object({ uuid });
export const ownsRequest = object({ uuid, revision: whole(1) });
export const listRequest = object({ after: optional(uuid) });
export const attributeRequest = object({
  uuid,
  /** Absent: which files there are. */
  path: optional(text({ most: LONGEST_NAME })),
  /** Absent: read. */
  text: optional(text()),
});
export const openRequest = object({ uuid, client: requestName });
export const fileRequest = object({
  file: requestName,
  call: oneOf('read', 'write', 'ioctl', 'close', 'keep'),
  offset: optional(whole()),
  length: optional(whole(0, MOST_BYTES)),
  command: optional(whole(0, 0xffff_ffff)),
  bytes: optional(base64),
});
export type FileRequest = Checked<typeof fileRequest>;

export const doneAnswer = object({});
export const ownsAnswer = object({ owns: oneOf('yes', 'no') });
export const listAnswer = object({
  devices: list(object({ uuid, parent: text(), type: text() }), 2000),
  /** Ask again with `after` the last of them. */
  more: oneOf('yes', 'no'),
});
export const attributeAnswer = object({
  text: optional(text({ most: 3 * 4096 })),
  files: optional(list(object({ path: text(), mode: whole(0, 0o7777) }), 1000)),
});
export const openAnswer = object({ file: requestName });
export const fileAnswer = object({ result: whole(-4096), bytes: optional(base64) });

const errorAnswer = object({ code: text({ most: 32 }), message: text({ most: 2000 }), syscall: optional(text()) });
const answer = object({ ok: optional((value) => value as unknown), error: optional(errorAnswer) });

export function encodeAnswer(ok: object): string {
  return encode({ ok });
}

/** An error as it travels; what is no error of Mediated is EIO. */
export function encodeError(error: unknown): string {
  const { message } = error instanceof Error ? error : { message: String(error) };
  const code: ErrnoName = isMediatedError(error) ? error.code : 'EIO';
  const syscall = isMediatedError(error) ? error.syscall : undefined;
  return encode({ error: { code, message: message.slice(0, 1000), syscall } });
}

/** What a host has answered; throws the error that it has answered, or EPROTO. */
export function decodeAnswer<T>(bytes: Uint8Array, check: Check<T>, what: string): T {
  const { ok, error } = decode(bytes, answer, what);
  if (error === undefined) return check(ok, what);
  const code = Object.hasOwn(ERRNO, error.code) ? (error.code as ErrnoName) : 'EIO';
  throw new MediatedError(code, error.message.replace(`${code}: `, ''), { syscall: error.syscall });
}
