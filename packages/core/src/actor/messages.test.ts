/** Messages between the main thread and an actor's thread. */
import { type ActorRef, ActorSystem } from '@mediated/core/actor';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { echo, type echoProtocol } from '../../dist-fixtures/actor/echo.fixture.js';
import { blockThread } from '../../dist-fixtures/actor/harness.fixture.js';
import { RING_SLOTS } from '#dist/actor/segment.js';
import { isMediatedError } from '#dist/errors.js';

let system: ActorSystem;
let ref: ActorRef<NonNullable<(typeof echoProtocol)['types']>>;
beforeAll(async () => {
  system = ActorSystem.start();
  ref = await system.spawn(echo, {});
});
afterAll(() => system.close());

const LONG = new Uint8Array(100_000).map((_, i) => i);

describe('codecs across threads', () => {
  test('integers, doubles, booleans', async () => {
    expect(await ref.ask('echo', -0x8000_0000)).toBe(-0x8000_0000);
    expect(await ref.ask('unsigned', 3_000_000_000, 1)).toBe(3_000_000_000);
    expect(await ref.ask('double', 1, 0.1)).toBe(0.2);
    expect(await ref.ask('not', true)).toBe(false);
    expect(await ref.ask('six', 1, 2, 3, 4, 5, 6)).toBe(21);
  });

  test.each([0, 1, 48, 49, LONG.length])('%i bytes', async (length) => {
    const data = LONG.slice(0, length);
    expect(await ref.ask('bytes', data)).toEqual(data.slice().reverse());
  });

  test('values, beside other arguments', async () => {
    expect(await ref.ask('rich', 2, LONG, { text: 'ab' })).toEqual({ text: 'abab', length: LONG.length });
    expect(await ref.ask('gap', undefined, 'text')).toBe('text');
  });

  test('a SharedArrayBuffer arrives as the same memory', async () => {
    const words = new Int32Array(await ref.ask('memory'));
    expect(words.buffer).toBeInstanceOf(SharedArrayBuffer);
    const { release } = await blockThread((shared) => ref.ask('block', shared));
    release();
    expect(await ref.ask('echo', 1)).toBe(1);
  });

  test('requests with and without payload keep their order and their payloads', async () => {
    const asks = Array.from({ length: 400 }, (_, i) =>
      i % 3 === 0
        ? ref.ask('rich', 1, LONG.subarray(0, i), { text: `${i}` }).then(({ text, length }) => [Number(text), length])
        : ref.ask('echo', i).then((n) => [n, i]),
    );
    expect(await Promise.all(asks)).toEqual(Array.from({ length: 400 }, (_, i) => [i, i]));
  });
});

describe('errors', () => {
  test('what a handler throws arrives with code and cause', async () => {
    const error = await ref.ask('fail', 'as told').catch((error: Error) => error);
    expect(error).toMatchObject({
      message: 'as told',
      code: 'EBUSY',
      cause: { name: 'TypeError', message: 'the reason' },
    });
  });

  test('a MediatedError of an asynchronous handler is one here', async () => {
    const error = await ref.ask('failLater').catch((error: unknown) => error);
    expect(isMediatedError(error, 'EBUSY')).toBe(true);
    expect(error).toMatchObject({ errno: -16, syscall: 'failLater', message: 'EBUSY: later' });
  });

  test.each([['text'], [null], [{ some: 'object' }], [Object.create(null)]])(
    'thrown %o arrives as an error',
    async (thrown) => {
      await expect(ref.ask('failWith', thrown)).rejects.toBeInstanceOf(Error);
    },
  );

  test('arguments that cannot be cloned reject the ask, and nothing is sent', async () => {
    const { sent } = system.endpoint.statistics();
    await expect(ref.ask('failWith', () => {})).rejects.toMatchObject({ name: 'DataCloneError' });
    expect(system.endpoint.statistics().sent).toBe(sent);
    expect(await ref.ask('echo', 2)).toBe(2);
  });

  test('a reply that cannot be cloned rejects the ask', async () => {
    await expect(ref.ask('uncloneable')).rejects.toMatchObject({ name: 'DataCloneError' });
  });
});

describe('a full inbox', () => {
  test('tell returns false and sends nothing; what was accepted is handled; an ask waits and goes on', async () => {
    const { release } = await blockThread((words) => ref.ask('block', words));
    const before = system.endpoint.statistics();
    let accepted = 0;
    while (ref.tell('note', 1)) accepted++;
    expect(accepted).toBeLessThanOrEqual(RING_SLOTS);
    const notes = ref.ask('notes');
    expect(ref.tell('note', 1)).toBe(false);
    const after = system.endpoint.statistics();
    expect(after.backlogged - before.backlogged).toBe(1);
    expect(after.sent - before.sent).toBe(accepted);
    release();
    expect(await notes).toBe(accepted);
    expect(ref.tell('note', 1)).toBe(true);
    expect(await ref.ask('notes')).toBe(accepted + 1);
  });

  test('four times as many asks as slots are all answered, in order', async () => {
    const { release } = await blockThread((words) => ref.ask('block', words));
    const order: number[] = [];
    const asks = Array.from({ length: RING_SLOTS * 4 }, (_, i) => ref.ask('echo', i).then((n) => order.push(n)));
    release();
    await Promise.all(asks);
    expect(order).toEqual(order.map((_, i) => i));
    expect(order.length).toBe(RING_SLOTS * 4);
  });

  test('more replies than slots at once all arrive', async () => {
    const asks = Array.from({ length: RING_SLOTS * 4 }, (_, i) => ref.ask('later', i));
    await ref.ask('release');
    expect(await Promise.all(asks)).toEqual(asks.map((_, i) => i));
  });

  test('an ask that waits keeps the arguments it was made with', async () => {
    const { release } = await blockThread((words) => ref.ask('block', words));
    const data = new Uint8Array(20);
    const asks = Array.from({ length: RING_SLOTS * 2 }, (_, i) => {
      data.fill(i);
      return ref.ask('bytes', data);
    });
    data.fill(255);
    release();
    expect((await Promise.all(asks)).map((bytes) => bytes[0])).toEqual(asks.map((_, i) => i & 255));
  });

  test('an ask that waits and cannot be cloned rejects; those around it are answered', async () => {
    const { release } = await blockThread((words) => ref.ask('block', words));
    while (ref.tell('note', 0));
    const asks = [ref.ask('echo', 1), ref.ask('failWith', () => {}), ref.ask('echo', 2)];
    const settled = Promise.allSettled(asks);
    release();
    expect((await settled).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });
});

test('an actor knows who sent the message', async () => {
  expect(await ref.ask('sender')).toBe(system.endpoint.thread);
});
