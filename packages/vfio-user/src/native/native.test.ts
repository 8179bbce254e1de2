/** Descriptors over sockets, files behind shared buffers, windows onto guest memory. */
import { once } from 'node:events';
import { openSync, readSync, writeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { pageAlignedMemory } from '@mediated/vfio';
import { afterEach, expect, test, vi } from 'vitest';
import { EpollSet } from '#dist/native/epoll-set.js';
import { EventDescriptor } from '#dist/native/event-descriptor.js';
import { GuestFiles } from '#dist/native/guest-files.js';
import { Descriptor, Ledger } from '#dist/native/ledger.js';
import { addressOf } from '#dist/native/libc.js';
import { sleepFor } from '#dist/native/loop-sleep.js';
import { createMemoryFile } from '#dist/native/memory-file.js';
import { coverWithFile, uncover } from '#dist/native/shared-pages.js';
import { READABLE } from '#dist/native/poll-set.js';
import { canBeShown, showMemory } from '#dist/native/shown-memory.js';
import { UnixListener, UnixSocket } from '#dist/native/unix-socket.js';
import { Watches } from '#dist/native/watches.js';
import type { LoopFindings, LoopWord } from '../../dist-fixtures/native/event-loop.fixture.js';
import { freshPath } from '../../dist-fixtures/stage.fixture.js';

const PAGE = 4096;

afterEach(() => {
  vi.unstubAllEnvs();
});

test('bytes and descriptors cross a socket; all are counted and closed', () => {
  const ledger = new Ledger();
  const path = freshPath();
  const listener = new UnixListener(path, ledger);
  const client = UnixSocket.connect(path, ledger);
  const server = new UnixSocket(new Descriptor(listener.accept() as number, ledger), ledger);
  const event = EventDescriptor.create(ledger);
  const bytes = new Uint8Array(new ArrayBuffer(100));
  const into = new Uint8Array(new ArrayBuffer(100));
  bytes.fill(7);
  expect(server.receive(addressOf(into), 100, [])).toBe(-1);
  expect(client.send(addressOf(bytes), 100, [event.descriptor.number, event.descriptor.number])).toBe(100);
  const descriptors: Descriptor[] = [];
  expect(server.receive(addressOf(into), 100, descriptors)).toBe(100);
  expect(into).toEqual(bytes);
  event.signal();
  expect(descriptors.map((descriptor) => new EventDescriptor(descriptor).take())).toEqual([1n, 0n]);
  expect(ledger.descriptors).toBe(6);
  client.close();
  expect(server.receive(addressOf(into), 100, descriptors)).toBe(0);
  expect(server.send(addressOf(bytes), 100)).toBe(-2);
  for (const one of [server, listener, event, ...descriptors]) one.close();
  for (const one of descriptors) one.close();
  expect(ledger.descriptors).toBe(0);
});

test('a buffer shows the pages of a file and takes its stores to it; uncovered it shows zeros', () => {
  const ledger = new Ledger();
  const file = createMemoryFile('test', 4 * PAGE, ledger);
  const bytes = pageAlignedMemory(4 * PAGE);
  const { buffer: memory } = bytes;
  expect(addressOf(bytes) % PAGE).toBe(0);
  writeSync(file.number, Uint8Array.of(1, 2, 3), 0, 3, 5);
  coverWithFile(memory, 0, { descriptor: file.number, position: 0, length: 4 * PAGE, writable: true }, ledger);
  expect(bytes.subarray(5, 8)).toEqual(Uint8Array.of(1, 2, 3));
  Atomics.add(bytes, 5, 10);
  const into = new Uint8Array(1);
  readSync(file.number, into, 0, 1, 5);
  expect(into[0]).toBe(11);
  expect(ledger.mappings).toBe(1);
  uncover(memory, 0, 4 * PAGE, ledger);
  file.close();
  expect([bytes[5], ledger.mappings, ledger.descriptors]).toEqual([0, 0, 0]);
});

test('guest memory beyond a gigabyte comes in windows; each is mapped once', () => {
  const ledger = new Ledger();
  const forgotten: SharedArrayBuffer[] = [];
  const files = new GuestFiles(ledger, (memory) => forgotten.push(memory));
  const GIGABYTE = 2 ** 30;
  const file = createMemoryFile('guest', GIGABYTE + 2 * PAGE, ledger);
  const across = files.take(file, BigInt(GIGABYTE - PAGE), BigInt(2 * PAGE), true);
  expect(across.map(({ offset, size }) => [offset, size])).toEqual([
    [GIGABYTE - PAGE, PAGE],
    [0, PAGE],
  ]);
  const again = files.take(file, BigInt(GIGABYTE), BigInt(2 * PAGE), true);
  expect(again[0].memory).toBe(across[1].memory);
  writeSync(file.number, Uint8Array.of(9), 0, 1, GIGABYTE + PAGE);
  expect(new Uint8Array(again[0].memory)[PAGE]).toBe(9);
  expect(ledger.mappings).toBe(2);
  files.give(across);
  expect([ledger.mappings, forgotten]).toEqual([1, [across[0].memory]]);
  files.give(again);
  expect([ledger.mappings, forgotten.length]).toEqual([0, 2]);
  file.close();
});

test('a file that is open for reading is mapped for reading', () => {
  const ledger = new Ledger();
  const files = new GuestFiles(ledger, () => {});
  const whole = createMemoryFile('guest', PAGE, ledger);
  const readable = new Descriptor(openSync(`/proc/self/fd/${whole.number}`, 'r'), ledger);
  expect(() => files.take(readable, 0n, BigInt(PAGE), true)).toThrow(expect.objectContaining({ code: 'EACCES' }));
  const pieces = files.take(readable, 0n, BigInt(PAGE), false);
  writeSync(whole.number, Uint8Array.of(5), 0, 1, 0);
  expect(new Uint8Array(pieces[0].memory)[0]).toBe(5);
  files.give(pieces);
  whole.close();
  readable.close();
  expect(ledger).toMatchObject({ descriptors: 0, mappings: 0 });
});

test('memory that others map keeps its bytes; it begins and ends with a page', () => {
  const ledger = new Ledger();
  const bytes = pageAlignedMemory(2 * PAGE);
  bytes.set([1, 2, 3], PAGE);
  expect(canBeShown([{ offset: 0, bytes: bytes.subarray(16) }])).toBe(false);
  expect(canBeShown([{ offset: 16, bytes }])).toBe(false);
  expect(canBeShown([{ offset: 0, bytes: bytes.subarray(0, 100) }])).toBe(false);
  const areas = [{ offset: PAGE, bytes: bytes.subarray(PAGE) }];
  expect(canBeShown(areas)).toBe(true);
  const file = showMemory('test', 4 * PAGE, areas, ledger);
  bytes[PAGE + 1] = 77;
  const into = new Uint8Array(3);
  readSync(file.number, into, 0, 3, PAGE);
  expect(into).toEqual(Uint8Array.of(1, 77, 3));
  file.close();
  expect([bytes[PAGE + 1], ledger.mappings]).toEqual([77, 0]);
});

test('what a dead thread has left is closed once, whoever comes first', () => {
  const ledger = new Ledger();
  const [kept, left] = [EventDescriptor.create(ledger), EventDescriptor.create(ledger)];
  kept.close();
  ledger.settle();
  expect(() => left.signal()).toThrow(expect.objectContaining({ code: 'EBADF' }));
  const place = ledger.note(left.descriptor.number);
  const next = EventDescriptor.create(ledger);
  left.close();
  next.signal();
  ledger.settlePlace(place);
  next.close();
  expect(ledger.descriptors).toBe(0);
});

test('of a set the one that is ready is named; when several are, or the time is over, none', () => {
  const ledger = new Ledger();
  const [first, second] = [EventDescriptor.create(ledger), EventDescriptor.create(ledger)];
  const set = new EpollSet([-1, first.descriptor.number, second.descriptor.number], ledger);
  // Without a limit it does not sleep.
  expect(set.wait()).toBeUndefined();
  set.setLimit(1);
  expect(set.wait()).not.toBe(first.descriptor.number);
  set.setLimit(999);
  first.signal();
  expect(set.wait()).toBe(first.descriptor.number);
  second.signal();
  expect(set.wait()).toBeUndefined();
  first.take();
  expect(set.wait()).toBe(second.descriptor.number);
  for (const one of [set, first, second]) one.close();
  expect(ledger.descriptors).toBe(0);
});

test.each([
  ['whose event loop can be waited for', ''],
  ['whose event loop cannot be waited for', 'turns'],
])('functions of one thread wait each for its own, a thread %s', async (_, setting) => {
  vi.stubEnv('MEDIATED_EVENT_LOOP', setting);
  const ledger = new Ledger();
  const watch = new Watches(ledger);
  const events = Array.from({ length: 3 }, () => EventDescriptor.create(ledger));
  const [first, second, third] = events.map(({ descriptor }) => descriptor.number);
  const watched = (...numbers: number[]) => numbers.map((descriptor) => ({ descriptor, events: READABLE }));
  let isOver = false;
  const running = sleepFor(
    watch.number,
    (words) => watch.tell(words),
    () => isOver,
  );

  const stop = new AbortController();
  const ended: string[] = [];
  const waits = [
    watch.first(watched(first)).then((ready) => ended.push(`one ${ready === first}`)),
    watch.first(watched(second, third), stop.signal).then((ready) => ended.push(`other ${ready === third}`)),
  ];
  events[2].signal();
  await waits[1];
  expect(ended).toEqual(['other true']);
  events[0].signal();
  await waits[0];
  expect(ended).toEqual(['other true', 'one true']);

  // It was ready before; it goes on being; one that waits in vain is told to stop, before and meanwhile.
  expect(await watch.first(watched(first))).toBe(first);
  const vain = watch.first(watched(second), stop.signal);
  stop.abort();
  expect(await vain).toBe(undefined);
  expect(await watch.first(watched(first), stop.signal)).toBe(undefined);
  // Nothing of those waits is left: its descriptor can be waited for anew.
  events[1].signal();
  expect(await watch.first(watched(second))).toBe(second);
  await expect(watch.first(watched(second, second))).rejects.toMatchObject({ code: 'EEXIST' });

  isOver = true;
  void watch.first(watched(second));
  await running;
  expect(await watch.first(watched(99_999))).toBe(99_999);
  for (const one of [watch, ...events]) one.close();
  expect(ledger.descriptors).toBe(0);
});

test('a thread that sleeps for its event loop is woken by what wakes that, and knows when its next timer is', async () => {
  const word: LoopWord = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(new URL('../../dist-fixtures/native/event-loop.fixture.js', import.meta.url), {
    workerData: word,
  });
  await once(worker, 'message');
  Atomics.notify(word, 0);
  const [{ patience, woken }] = (await once(worker, 'message')) as [LoopFindings];
  const [withTimer, withImmediate] = patience;
  expect(withImmediate).toBe(0);
  expect(withTimer).toBeGreaterThan(0);
  expect(withTimer).toBeLessThanOrEqual(60_000);
  expect(woken).toEqual(['message', 'notification']);
  await once(worker, 'exit');
});
