import { beforeEach, describe, expect, test } from 'vitest';
import { RingConsumer, RingProducer, sealed } from '#dist/actor/ring.js';
import {
  createSegment,
  RING_HEAD,
  RING_HEADER_WORDS,
  RING_SLOTS,
  RING_TAIL,
  ringOf,
  SEAL,
  SLOT_WORDS,
} from '#dist/actor/segment.js';

const words = new Int32Array(createSegment());
const FROM = 3;
const TO = 5;

function startAt(counter: number): { producer: RingProducer; consumer: RingConsumer } {
  const base = ringOf(FROM, TO, false);
  words[base + RING_HEAD] = counter;
  words[base + RING_TAIL] = counter;
  // As an earlier lap left the slots: each with the other lap's seal.
  for (let position = counter; position !== ((counter + RING_SLOTS) | 0); position = (position + 1) | 0) {
    const slot = base + RING_HEADER_WORDS + (position & (RING_SLOTS - 1)) * SLOT_WORDS;
    words[slot + SEAL] = (position >>> Math.log2(RING_SLOTS)) & 1;
  }
  return { producer: new RingProducer(words, FROM, TO, false), consumer: new RingConsumer(words, FROM, TO, false) };
}

function send(producer: RingProducer, value: number): boolean {
  const at = producer.claim();
  if (at === -1) return false;
  words[at] = value;
  producer.publish(value & 0xffff);
  return true;
}

function receive(consumer: RingConsumer): number | undefined {
  const at = consumer.peek();
  if (consumer.look() !== at || consumer.glance !== consumer.ready) throw new Error('a plain look sees something else');
  if (at === -1) return undefined;
  const value = words[at];
  expect(sealed(words, at)).toBe(value & 0xffff);
  consumer.advance();
  return value;
}

describe.each([
  ['a fresh ring', 0],
  ['a ring whose counters pass 2^31', 0x7fff_ffff - 300],
  ['a ring whose counters pass 2^32', -300],
])('%s', (_, start) => {
  let producer: RingProducer;
  let consumer: RingConsumer;
  beforeEach(() => {
    ({ producer, consumer } = startAt(start | 0));
  });

  test('holds RING_SLOTS messages, refuses one more, and has room again once the consumer releases', () => {
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < RING_SLOTS; i++) expect(send(producer, i)).toBe(true);
      expect(send(producer, -1)).toBe(false);
      expect(receive(consumer)).toBe(0);
      expect(send(producer, -1)).toBe(false);
      consumer.release();
      expect(send(producer, RING_SLOTS)).toBe(true);
      for (let i = 1; i <= RING_SLOTS; i++) expect(receive(consumer)).toBe(i);
      expect(receive(consumer)).toBeUndefined();
      consumer.release();
    }
  });

  test('keeps order and loses nothing over a thousand messages in uneven batches', () => {
    let sent = 0;
    let received = 0;
    for (let round = 1; sent < 1000; round++) {
      for (let i = 0; i < round % 97; i++) if (send(producer, sent)) sent++;
      expect(consumer.ready).toBe(received < sent);
      for (let i = 0; i < round % 89; i++) if (receive(consumer) === received) received++;
      consumer.release();
    }
    while (received < sent) expect(receive(consumer)).toBe(received++);
  });

  test('a producer that waits for room is woken by the next release, once', () => {
    while (send(producer, 0));
    expect(producer.starve()).toBe(true);
    receive(consumer);
    expect(consumer.release()).toBe(true);
    expect(consumer.release()).toBe(false);
    expect(producer.starve()).toBe(false);
  });

  test('an unpublished message was not sent: a successor of the producer writes over it', () => {
    words[producer.claim()] = 13;
    expect(consumer.ready).toBe(false);
    expect(send(new RingProducer(words, FROM, TO, false), 14)).toBe(true);
    expect(receive(consumer)).toBe(14);
  });

  test('a successor of the consumer reads again what was not released', () => {
    send(producer, 1);
    send(producer, 2);
    receive(consumer);
    const successor = new RingConsumer(words, FROM, TO, false);
    expect([receive(successor), receive(successor), receive(successor)]).toEqual([1, 2, undefined]);
  });
});

test('the rings of a segment do not overlap', () => {
  const offsets = new Set<number>();
  for (let from = 0; from < 64; from++) {
    for (let to = 0; to < 64; to++) for (const replies of [false, true]) offsets.add(ringOf(from, to, replies));
  }
  const sorted = [...offsets].sort((a, b) => a - b);
  expect(sorted.length).toBe(64 * 64 * 2);
  const size = sorted[1] - sorted[0];
  expect(sorted[sorted.length - 1] + size).toBe(words.length);
});
