/** A handler gets the arguments of a request as they were sent: from the slot one by one, else from the port. */
import { boolean, bytes, type Codec, defineProtocol, int, none, number, tell, uint, value } from '@mediated/core/actor';
import { expect, test } from 'vitest';
import { callHandler } from '#dist/actor/handler-call.js';
import { HEADER, packArguments, type PayloadRoad, slotViews } from '#dist/actor/packing.js';
import { SLOT_WORDS } from '#dist/actor/segment.js';

const views = slotViews(new SharedArrayBuffer(2 * SLOT_WORDS * 4));
const AT = SLOT_WORDS;

class Road implements PayloadRoad {
  #posted: unknown;
  post(payload: unknown, transfer?: readonly ArrayBuffer[]): number {
    this.#posted = structuredClone(payload, { transfer: [...(transfer ?? [])] });
    return 0;
  }
  take(): unknown {
    return this.#posted;
  }
}

function calledWith(codecs: readonly Codec<unknown>[], args: readonly unknown[]): unknown {
  const message = defineProtocol({ m: tell(codecs) }).messages[0];
  const road = new Road();
  views.words.fill(-1);
  views.words[AT + HEADER] = packArguments(views, AT, message, args, road);
  return callHandler((...received) => received, views, AT, message, road);
}

const FEW = Uint8Array.of(1, 2, 3);
const LONG = new Uint8Array(1000).fill(5);

test.each<[string, Codec<unknown>[], unknown[]]>([
  ['none', [], []],
  ['one integer', [int], [-1]],
  ['two integers', [int, int], [1, 2]],
  ['three integers', [int, int, int], [1, 2, 3]],
  ['four integers', [int, int, int, int], [1, 2, 3, 4]],
  ['five integers', [int, int, int, int, int], [1, 2, 3, 4, 5]],
  ['six integers', [int, int, int, int, int, int], [1, 2, 3, 4, 5, 6]],
  ['one that is no integer', [number], [0.5]],
  ['two', [uint, boolean], [0xffff_ffff, true]],
  ['a register read', [int, number, uint], [7, 2 ** 40, 4]],
  ['a register write', [int, number, bytes], [7, 2 ** 40, FEW]],
  ['four with a number behind the others', [boolean, int, bytes, number], [false, 3, FEW, -0.25]],
  ['nothing between others', [int, none, int], [1, undefined, 2]],
  ['bytes too long for the slot', [int, number, bytes], [7, 8.5, LONG]],
  ['a value beside what lies in the slot', [number, value<unknown>(), uint], [1.5, { deep: ['text'] }, 9]],
])('%s', (_, codecs, args) => {
  expect(calledWith(codecs, args)).toEqual(args);
});

test('what the handler throws comes out', () => {
  const message = defineProtocol({ m: tell([int]) }).messages[0];
  views.words.fill(0);
  const thrown = new Error('no');
  const handler = (): never => {
    throw thrown;
  };
  expect(() => callHandler(handler, views, AT, message, new Road())).toThrow(thrown);
});
