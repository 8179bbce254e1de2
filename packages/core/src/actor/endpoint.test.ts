/**
 * Lives and deaths, step by step: two endpoints of one segment on this one thread, drained by hand. What the steps put
 * in order may happen in any order between real threads.
 */
import { MessageChannel } from 'node:worker_threads';
import { ask, bytes, defineProtocol, int, tell } from '@mediated/core/actor';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Endpoint } from '#dist/actor/endpoint.js';
import { PortMesh } from '#dist/actor/ports.js';
import { createSegment, depart, RING_SLOTS } from '#dist/actor/segment.js';

const ASKER = 40;
const TARGET = 41;
const ACTOR = 7;
const { echo, reverse, note } = defineProtocol({
  echo: ask([int], int),
  reverse: ask([bytes], bytes),
  note: tell([int]),
}).byName;
const LONG = new Uint8Array(100).map((_, i) => i);

let segment: SharedArrayBuffer;
let asker: Endpoint;
let target: Endpoint;
let handled: unknown[];
let lives: number[];

/** A life of a thread, with a port to the present life of the other. */
function attach(thread: number, other: Endpoint | undefined, expected: number[] = []): Endpoint {
  lives[thread] = (lives[thread] ?? -1) + 1;
  const { port1, port2 } = new MessageChannel();
  const peer = thread === ASKER ? TARGET : ASKER;
  const endpoint = new Endpoint(
    segment,
    thread,
    new PortMesh(undefined, [{ peer, life: lives[peer] ?? 0, port: port1 }]),
    expected,
  );
  other?.ports.add({ peer: thread, life: lives[thread], port: port2 });
  return endpoint;
}

function startActor(endpoint: Endpoint, answer: (value: never) => unknown): void {
  const handler = (value: unknown) => {
    handled.push(value);
    return answer(value as never);
  };
  endpoint.dispatcher.add({
    id: ACTOR,
    name: 'a',
    messages: [echo, reverse, note],
    handlers: [handler, handler, handler],
  });
}

/** The thread ends where it is: it does nothing more, its peers may notice. */
function die(endpoint: Endpoint): void {
  depart(new Int32Array(segment), endpoint.thread);
}

beforeEach(() => {
  segment = createSegment();
  handled = [];
  lives = [];
  asker = attach(ASKER, undefined);
  target = attach(TARGET, asker);
  startActor(target, (value: unknown) => value);
});
afterEach(() => {
  asker.close();
  target.close();
});

const outcome = (promise: Promise<unknown>) => promise.catch((error: { code: string }) => error.code);
const asks = (value: number) => outcome(asker.ask(TARGET, ACTOR, echo, [value], undefined));

test('an ask to a life that ended is not handled by the next one, and rejects', async () => {
  const old = asks(1);
  die(target);
  target = attach(TARGET, asker);
  startActor(target, (value: number) => value * 10);
  const fresh = asks(2);
  target.drain();
  asker.drain();
  expect([await old, await fresh, handled]).toEqual(['EIO', 20, [2]]);
});

test('a reply that was sent before the death counts', async () => {
  const answered = asks(1);
  target.drain();
  const unanswered = asks(2);
  die(target);
  asker.drain();
  expect([await answered, await unanswered]).toEqual([1, 'EIO']);
});

test('a reply of an earlier life meets no later ask that has its number', async () => {
  let answer: (value: number) => void = () => {};
  const reply = new Promise((resolve) => {
    answer = resolve;
  });
  target.dispatcher.delete(ACTOR);
  startActor(target, () => reply);
  const old = asks(1);
  target.drain();
  die(target);
  asker.drain();
  expect(await old).toBe('EIO');
  // The handler of a thread that has left finishes after all.
  answer(99);
  await reply;
  target.close();
  target = attach(TARGET, asker);
  startActor(target, () => 3);
  const fresh = asks(2);
  asker.drain();
  target.drain();
  asker.drain();
  expect(await fresh).toBe(3);
});

test('a reply to an earlier life of the asker meets no ask of its successor', async () => {
  asker.ask(TARGET, ACTOR, echo, [1], undefined).catch(() => {});
  target.drain();
  const dead = asker;
  die(asker);
  asker = attach(ASKER, target);
  const fresh = asks(2);
  asker.drain();
  target.drain();
  asker.drain();
  expect([await fresh, handled]).toEqual([2, [1, 2]]);
  dead.close();
});

test('an asker that comes again before its death was noticed is heard at once, payloads included', async () => {
  asker.ask(TARGET, ACTOR, reverse, [LONG], undefined).catch(() => {});
  const dead = asker;
  die(asker);
  asker = attach(ASKER, target);
  const fresh = outcome(asker.ask(TARGET, ACTOR, reverse, [LONG.slice(0, 60)], undefined));
  target.drain();
  asker.drain();
  expect(await fresh).toEqual(LONG.slice(0, 60));
  expect(handled).toEqual([LONG.slice(0, 60)]);
  dead.close();
});

test('an asker that comes again while its first message is being handled is heard', async () => {
  let fresh: Promise<unknown> | undefined;
  target.dispatcher.delete(ACTOR);
  const dead = asker;
  startActor(target, (value: number) => {
    if (value !== 1) return value;
    die(asker);
    asker = attach(ASKER, target);
    fresh = asks(2);
    return 1;
  });
  asks(1);
  target.drain();
  asker.drain();
  expect([await fresh, handled]).toEqual([2, [1, 2]]);
  dead.close();
});

test('a payload of an earlier life is not mistaken for one of the next', async () => {
  const old = outcome(asker.ask(TARGET, ACTOR, reverse, [LONG], undefined));
  target.drain();
  const dead = target;
  die(target);
  target = attach(TARGET, asker);
  startActor(asker, (value: unknown) => value);
  const back = outcome(target.ask(ASKER, ACTOR, reverse, [LONG.slice(0, 70)], undefined));
  asker.drain();
  target.drain();
  expect([await old, await back]).toEqual(['EIO', LONG.slice(0, 70)]);
  dead.close();
});

test('a tell does not overtake asks that wait for room', async () => {
  const waiting = Array.from({ length: RING_SLOTS + 1 }, (_, i) => asks(i));
  target.drain();
  expect(asker.tell(TARGET, ACTOR, note, [-1])).toBe(false);
  asker.drain();
  expect(asker.tell(TARGET, ACTOR, note, [-1])).toBe(true);
  while (target.drain() !== 0);
  asker.drain();
  expect(await Promise.all(waiting)).toEqual(waiting.map((_, i) => i));
  expect(handled).toEqual([...waiting.map((_, i) => i), -1]);
});

test('an ask made after a death that was not noticed yet goes to the next life', async () => {
  expect(asker.lifeOf(TARGET)).toBe(0);
  const dead = target;
  die(target);
  target = attach(TARGET, asker);
  startActor(target, (value: unknown) => value);
  const [fresh, told] = [asks(5), asker.tell(TARGET, ACTOR, note, [6])];
  target.drain();
  asker.drain();
  expect([await fresh, told, handled]).toEqual([5, true, [5, 6]]);
  dead.close();
});

test('a death is noticed once, by everybody who listens, although a listener throws', async () => {
  const seen: number[] = [];
  const thrown: unknown[] = [];
  const microtasks = vi.spyOn(globalThis, 'queueMicrotask').mockImplementation((task) => {
    try {
      task();
    } catch (error) {
      thrown.push(error);
    }
  });
  asker.onDeath(() => {
    throw new Error('a mistake');
  });
  asker.onDeath((thread) => seen.push(thread));
  die(target);
  asker.drain();
  asker.drain();
  microtasks.mockRestore();
  expect(thrown).toEqual([new Error('a mistake')]);
  expect(seen).toEqual([TARGET]);
});

test('a listener that asks at once is refused, and disturbs nothing', async () => {
  let refused: Promise<unknown> | undefined;
  asker.onDeath(() => {
    refused = asks(1);
  });
  const pending = asks(2);
  die(target);
  asker.drain();
  expect([await pending, await refused]).toEqual(['EIO', 'EIO']);
});

test('256 lives later messages are still told apart', async () => {
  for (let life = 0; life < 257; life++) {
    const old = asks(life);
    die(target);
    target.close();
    target = attach(TARGET, asker);
    expect(await old).toBe('EIO');
  }
  startActor(target, (value: unknown) => value);
  const fresh = asks(1);
  target.drain();
  asker.drain();
  expect([await fresh, handled]).toEqual([1, [1]]);
});

test('an actor that a restarted thread has yet to start again answers EIO, any other ESHUTDOWN', async () => {
  die(target);
  target = attach(TARGET, asker, [ACTOR]);
  const missing = [ACTOR, ACTOR + 1].map((actor) => outcome(asker.ask(TARGET, actor, echo, [1], undefined)));
  target.drain();
  asker.drain();
  expect(await Promise.all(missing)).toEqual(['EIO', 'ESHUTDOWN']);
  startActor(target, () => 2);
  const fresh = asks(1);
  target.drain();
  asker.drain();
  expect(await fresh).toBe(2);
  target.dispatcher.delete(ACTOR);
  const stopped = asks(1);
  target.drain();
  asker.drain();
  expect(await stopped).toBe('ESHUTDOWN');
});
