import {
  type ActorRef,
  ask,
  bytes,
  defineProtocol,
  type Handlers,
  int,
  none,
  number,
  tell,
  uint,
  value,
} from '@mediated/core/actor';
import { describe, expect, expectTypeOf, test } from 'vitest';

const protocol = defineProtocol({
  add: ask([int, uint], number),
  store: ask([bytes, value<{ deep: string[] }>()], none),
  note: tell([int]),
});
type Messages = NonNullable<(typeof protocol)['types']>;
type Ref = ActorRef<Messages>;
type ProtocolHandlers = Handlers<Messages>;

describe('declaration', () => {
  test('messages are numbered in the order of declaration', () => {
    expect(protocol.messages.map(({ name, index, form }) => [name, index, form])).toEqual([
      ['add', 0, 'ask'],
      ['store', 1, 'ask'],
      ['note', 2, 'tell'],
    ]);
    expect(protocol.byName.store).toBe(protocol.messages[1]);
  });

  test('twelve words of arguments fit, thirteen do not', () => {
    expect(() => defineProtocol({ a: tell(Array(12).fill(int)) })).not.toThrow();
    expect(() => defineProtocol({ a: tell([number, number, number, number, number, number]) })).not.toThrow();
    expect(() => defineProtocol({ a: tell(Array(13).fill(int)) })).toThrow(RangeError);
    expect(() => defineProtocol({ a: tell([number, number, number, number, number, number, int]) })).toThrow(
      RangeError,
    );
  });

  test('one byte string per message', () => {
    expect(() => defineProtocol({ a: tell([bytes, int]) })).not.toThrow();
    expect(() => defineProtocol({ a: tell([bytes, bytes]) })).toThrow(RangeError);
  });

  test('256 messages fit, 257 do not', () => {
    const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`m${i}`, tell([])]));
    expect(() => defineProtocol(many(256))).not.toThrow();
    expect(() => defineProtocol(many(257))).toThrow(RangeError);
  });
});

declare const ref: Ref;
type AskAdd = typeof ref.ask<'add'>;
type AskStore = typeof ref.ask<'store'>;
type AskSyncAdd = typeof ref.askSync<'add'>;
type TellNote = typeof ref.tell<'note'>;

describe('types', () => {
  test('a ref takes the argument types of the message and promises its reply type', () => {
    expectTypeOf<AskAdd>().parameters.toEqualTypeOf<[name: 'add', number, number]>();
    expectTypeOf<AskAdd>().returns.resolves.toEqualTypeOf<number>();
    expectTypeOf<AskStore>().parameters.toEqualTypeOf<[name: 'store', Uint8Array, { deep: string[] }]>();
    expectTypeOf<AskStore>().returns.resolves.toEqualTypeOf<void>();
    expectTypeOf<AskSyncAdd>().returns.toEqualTypeOf<number>();
    expectTypeOf<TellNote>().parameters.toEqualTypeOf<[name: 'note', number]>();
    expectTypeOf<TellNote>().returns.toEqualTypeOf<boolean>();
  });

  test('a message of the wrong name, form or arguments does not compile', () => {
    expectTypeOf<'note'>().not.toExtend<Parameters<Ref['ask']>[0]>();
    expectTypeOf<'missing'>().not.toExtend<Parameters<Ref['ask']>[0]>();
    expectTypeOf<'add'>().not.toExtend<Parameters<Ref['tell']>[0]>();
    expectTypeOf<['add', string, number]>().not.toExtend<Parameters<AskAdd>>();
    expectTypeOf<['add', number]>().not.toExtend<Parameters<AskAdd>>();
    expectTypeOf<['store', Uint8Array, { deep: number[] }]>().not.toExtend<Parameters<AskStore>>();
  });

  test('handlers must answer every message with its reply type', () => {
    expectTypeOf<ProtocolHandlers['add']>().parameters.toEqualTypeOf<[number, number]>();
    expectTypeOf<{ add: () => number }>().not.toExtend<ProtocolHandlers>();
    expectTypeOf<(a: number, b: number) => string>().not.toExtend<ProtocolHandlers['add']>();
    expectTypeOf<(a: number, b: number) => Promise<number>>().toExtend<ProtocolHandlers['add']>();
  });
});
