/** Packing as a pure unit: one slot, a road that keeps what is posted. */
import { boolean, bytes, type Codec, defineProtocol, int, none, number, tell, uint, value } from '@mediated/core/actor';
import { describe, expect, test } from 'vitest';
import {
  HEADER,
  keepArguments,
  keepValue,
  packArguments,
  packReply,
  type PayloadRoad,
  slotViews,
  unpackArguments,
  unpackReply,
} from '#dist/actor/packing.js';
import { SLOT_WORDS } from '#dist/actor/segment.js';

const views = slotViews(new SharedArrayBuffer(3 * SLOT_WORDS * 4));
const AT = SLOT_WORDS;

class Road implements PayloadRoad {
  readonly posted: unknown[] = [];
  post(payload: unknown, transfer?: readonly ArrayBuffer[]): number {
    return this.posted.push(structuredClone(payload, { transfer: [...(transfer ?? [])] })) - 1;
  }
  take(ticket: number): unknown {
    return this.posted[ticket];
  }
}

function argumentsThrough(codecs: readonly Codec<unknown>[], args: readonly unknown[]) {
  const message = defineProtocol({ m: tell(codecs) }).messages[0];
  const road = new Road();
  views.words.fill(-1);
  views.words[AT + HEADER] = packArguments(views, AT, message, args, road);
  expect(views.words.subarray(0, AT).every((word) => word === -1)).toBe(true);
  expect(views.words.subarray(AT + SLOT_WORDS).every((word) => word === -1)).toBe(true);
  return { args: unpackArguments(views, AT, message, road), posted: road.posted.length };
}

function replyThrough(codec: Codec<unknown>, reply: unknown) {
  const road = new Road();
  views.words.fill(-1);
  views.words[AT + HEADER] = packReply(views, AT, codec, reply, road);
  return { reply: unpackReply(views, AT, codec, road), posted: road.posted.length };
}

const LONG = new Uint8Array(1000).map((_, i) => i);

describe('arguments', () => {
  test.each<[string, Codec<unknown>[], unknown[], number]>([
    ['no arguments', [], [], 0],
    ['int at its limits', [int, int], [-0x8000_0000, 0x7fff_ffff], 0],
    ['uint at its limit', [uint, uint], [0xffff_ffff, 0], 0],
    ['boolean', [boolean, boolean], [true, false], 0],
    ['number at an odd word', [int, number, number], [1, -Number.MIN_VALUE, Number.POSITIVE_INFINITY], 0],
    ['NaN and -0', [number, number], [Number.NaN, -0], 0],
    ['twelve words', Array(12).fill(int), Array.from({ length: 12 }, (_, i) => i), 0],
    ['empty bytes', [bytes], [new Uint8Array(0)], 0],
    ['bytes that just fit', [bytes], [LONG.slice(0, 48)], 0],
    ['bytes that just do not fit', [bytes], [LONG.slice(0, 49)], 1],
    ['bytes that just fit beside others', [int, bytes, number], [7, LONG.slice(0, 36), 0.5], 0],
    ['bytes that just do not fit beside others', [int, bytes, number], [7, LONG.slice(0, 37), 0.5], 1],
    ['long bytes', [uint, bytes], [3_000_000_000, LONG], 1],
    ['a value', [value<unknown>()], [{ deep: [1, 'two', null] }], 1],
    ['short bytes beside a value', [bytes, int, value<unknown>()], [LONG.slice(0, 2), -1, 'text'], 1],
    ['none between values', [none, value<unknown>(), none, value<unknown>()], [undefined, 'a', undefined, 'b'], 1],
  ])('%s', (_, codecs, args, posts) => {
    expect(argumentsThrough(codecs, args)).toEqual({ args, posted: posts });
  });

  test('more arguments than declared do not leave the slot', () => {
    expect(argumentsThrough([int], Array(40).fill(5)).args).toEqual([5]);
  });
});

describe('replies', () => {
  test.each<[string, Codec<unknown>, unknown, number]>([
    ['int', int, -5, 0],
    ['uint', uint, 0xffff_fffe, 0],
    ['boolean', boolean, true, 0],
    ['number', number, Math.PI, 0],
    ['none', none, undefined, 0],
    ['bytes that just fit', bytes, LONG.slice(0, 48), 0],
    ['bytes that just do not fit', bytes, LONG.slice(0, 49), 1],
    ['a value', value<unknown>(), new Map([[1, { a: 'b' }]]), 1],
    ['undefined as a value', value<unknown>(), undefined, 1],
  ])('%s', (_, codec, reply, posts) => {
    expect(replyThrough(codec, reply)).toEqual({ reply, posted: posts });
  });
});

test('bytes on the port: a view sends its own bytes only, and the sender keeps its buffer', () => {
  const whole = new Uint8Array(100_000).fill(9);
  const { args } = argumentsThrough([bytes], [whole.subarray(10, 110)]);
  const received = args[0] as Uint8Array;
  expect(received.buffer.byteLength).toBe(100);
  expect(whole.byteLength).toBe(100_000);
});

test('bytes over shared memory arrive as a copy', () => {
  const shared = new Uint8Array(new SharedArrayBuffer(100));
  const { args } = argumentsThrough([bytes], [shared]);
  const { reply } = replyThrough(bytes, shared);
  shared.fill(1);
  expect((args[0] as Uint8Array)[0]).toBe(0);
  expect((reply as Uint8Array)[0]).toBe(0);
});

test('inline bytes do not alias the slot', () => {
  const { args } = argumentsThrough([bytes], [new Uint8Array([1, 2])]);
  views.words.fill(0);
  expect(args[0]).toEqual(new Uint8Array([1, 2]));
});

test('a value that cannot be cloned throws DataCloneError before anything is sent', () => {
  const message = defineProtocol({ m: tell([value<unknown>()]) }).messages[0];
  const road = new Road();
  expect(() => packArguments(views, AT, message, [() => {}], road)).toThrow(
    expect.objectContaining({ name: 'DataCloneError' }),
  );
  expect(road.posted).toEqual([]);
});

test('what waits for room keeps the arguments of the moment, shared memory stays shared', () => {
  const message = defineProtocol({ m: tell([int, bytes, value<unknown>()]) }).messages[0];
  const data = new Uint8Array([1]);
  const shared = new SharedArrayBuffer(4);
  const object = { n: 1, shared };
  const kept = keepArguments(message, [5, data, object]);
  data[0] = 2;
  object.n = 2;
  new Uint8Array(shared)[0] = 7;
  expect(kept.slice(0, 2)).toEqual([5, new Uint8Array([1])]);
  const value0 = kept[2] as typeof object;
  expect(value0.n).toBe(1);
  expect(new Uint8Array(value0.shared)[0]).toBe(7);
  expect(keepValue(int, 3)).toBe(3);
});
