/** Nothing that comes over the wire is used before it was checked. */
import { decode, encode, LONGEST, list, object, oneOf, optional, text, texts, whole } from '#dist/shape.js';
import {
  eventRecord,
  fleetRecord,
  hostRecord,
  inventoryRecord,
  leaseRecord,
  readerRecord,
  reservationRecord,
} from '#dist/records.js';
import * as requests from '#dist/requests.js';
import { isMediatedError } from '@mediated/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const bytes = (value: unknown) => new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));
const code = (run: () => unknown) => {
  try {
    return run();
  } catch (error) {
    return (error as { code?: string }).code;
  }
};

const CHECKS = {
  eventRecord,
  fleetRecord,
  hostRecord,
  inventoryRecord,
  leaseRecord,
  readerRecord,
  reservationRecord,
  createRequest: requests.createRequest,
  removeRequest: requests.removeRequest,
  listRequest: requests.listRequest,
  attributeRequest: requests.attributeRequest,
  openRequest: requests.openRequest,
  fileRequest: requests.fileRequest,
  listAnswer: requests.listAnswer,
  attributeAnswer: requests.attributeAnswer,
  openAnswer: requests.openAnswer,
  fileAnswer: requests.fileAnswer,
} as const;

describe('whatever bytes come', () => {
  test.each(Object.entries(CHECKS))('%s: they are understood or refused with EPROTO', (_name, check) => {
    const value = fc.oneof(
      fc.uint8Array({ maxLength: 64 }),
      fc.json().map(bytes),
      fc.jsonValue().map((json) => bytes({ ...(json as object), v: 1 })),
      fc
        .dictionary(
          fc.constantFrom('uuid', 'host', 'epoch', 'state', 'parents', 'devices', 'file', 'v'),
          fc.jsonValue(),
        )
        .map((json) => bytes({ v: 1, ...json })),
    );
    fc.assert(
      fc.property(value, (given) => {
        try {
          decode(given, check as never, 'it');
        } catch (error) {
          if (!isMediatedError(error, 'EPROTO')) throw error;
        }
      }),
    );
  });

  test('an answer is an answer, an error of Mediated, or EPROTO', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (ok, error) => {
        try {
          requests.decodeAnswer(bytes({ v: 1, ok, error }), requests.openAnswer, 'it');
        } catch (thrown) {
          if (!isMediatedError(thrown)) throw thrown;
        }
      }),
    );
  });
});

describe('a message', () => {
  test('comes back as it was', () => {
    const host = { name: 'a', epoch: '0123456789abcdef', state: 'up', term: 3, labels: { zone: 'x' } };
    expect(decode(bytes(encode(host)), hostRecord, 'it')).toEqual(host);
  });

  test('of another version, or of none, is refused by its version', () => {
    const read = (value: unknown) => () => decode(bytes(value), leaseRecord, 'a lease');
    expect(read({ v: 2, epoch: '0123456789abcdef' })).toThrow(/version 2 .* this program speaks 1/);
    expect(read({ epoch: '0123456789abcdef' })).toThrow(/no version/);
    expect(read('null')).toThrow(/no version/);
  });

  test('that is too long is not looked at', () => {
    const long = new Uint8Array(LONGEST + 1).fill(0x20);
    expect(() => decode(long, leaseRecord, 'a lease')).toThrow(/at most 524288 bytes/);
  });

  test('says where it is wrong', () => {
    const check = object({ list: list(object({ number: whole(0, 9) }), 2) });
    expect(() => check({ list: [{ number: 1 }, { number: 10 }] }, 'it')).toThrow(/it\/list\/1\/number .* from 0 to 9/);
  });

  test('keeps an error’s code, message and operation; what is no errno becomes EIO', () => {
    const wire = (error: unknown) => bytes({ v: 1, error });
    const read = (error: unknown) => () => requests.decodeAnswer(wire(error), requests.doneAnswer, 'it');
    expect(read({ code: 'EUSERS', message: 'EUSERS: full', syscall: 'create' })).toThrow(
      expect.objectContaining({ code: 'EUSERS', message: 'EUSERS: full', syscall: 'create' }),
    );
    expect(read({ code: 'toString', message: 'x' })).toThrow(expect.objectContaining({ code: 'EIO' }));
    expect(JSON.parse(requests.encodeError(new Error('x')))).toMatchObject({ error: { code: 'EIO', message: 'x' } });
  });
});

test.each([
  [text({ most: 3 }), 'abcd'],
  [text({ like: /^a+$/ }), 'b'],
  [text(), 1],
  [whole(), -1],
  [whole(), 1.5],
  [whole(), '1'],
  [oneOf('a', 'b'), 'c'],
  [list(whole(), 1), [1, 2]],
  [list(whole(), 1), { length: 0 }],
  [texts(1), { a: 'b', c: 'd' }],
  [texts(1), ['a']],
  [object({ a: whole() }), null],
  [object({ toString: whole() }), {}],
  [optional(whole()), null],
] as const)('check %#: what does not fit is EPROTO', (check, value) => {
  expect(code(() => (check as (value: unknown, place: string) => unknown)(value, 'it'))).toBe('EPROTO');
});
