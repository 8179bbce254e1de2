/**
 * Scenarios of the inbox: rings of messages, going to sleep and ringing (`actor/ring.ts`, `segment.ts`, `pump.ts`). The
 * receiver is thread 1; senders are threads 0 and 2. The segment is as long as these need it.
 */
import type * as Pumps from '../../../packages/core/dist/actor/pump.js';
import type * as Rings from '../../../packages/core/dist/actor/ring.js';
import type * as Segments from '../../../packages/core/dist/actor/segment.js';
import type { World } from '@mediated/explorer';
import { demand } from './yard.fixture.js';

const RECEIVER = 1;

async function actor(world: World): Promise<typeof Pumps & typeof Rings & typeof Segments> {
  const folder = '../../../packages/core/dist/actor/';
  return {
    ...(await world.import<typeof Pumps>(`${folder}pump.js`)),
    ...(await world.import<typeof Rings>(`${folder}ring.js`)),
    ...(await world.import<typeof Segments>(`${folder}segment.js`)),
  };
}

/** `parameters.senders` threads send `parameters.messages` each to one that sleeps between them. */
export async function inbox(world: World): Promise<void> {
  const { Pump, RingProducer, RingConsumer, ringOf, rowOf, wake, STATE, ATTACHED, PARKED } = await actor(world);
  const { senders = 1, messages = 2 } = world.parameters as { senders?: number; messages?: number };
  const from = [0, 2].slice(0, senders);
  const buffer = world.share('segment', () => {
    const words = new Int32Array(new SharedArrayBuffer(ringOf(3, 0, false) * 4));
    for (const thread of [...from, RECEIVER]) words[rowOf(thread) + STATE] = ATTACHED;
    return words.buffer;
  });
  const words = new Int32Array(buffer);
  const views = { words, doubles: new Float64Array(buffer), bytes: new Uint8Array(buffer) };
  for (const sender of from) {
    world.start(`sender ${sender}`, () => {
      const ring = new RingProducer(words, sender, RECEIVER, false);
      for (let message = 0; message < messages; message++) {
        const at = ring.claim();
        demand(at >= 0, 'the ring is full');
        words[at + 2] = message;
        ring.publish(sender);
        wake(words, RECEIVER);
      }
    });
  }
  world.start('receiver', () => {
    return new Promise<void>((resolve, reject) => {
      const rings = from.map((sender) => new RingConsumer(words, sender, RECEIVER, false));
      const received = from.map(() => 0);
      let left = senders * messages;
      const drain = () => {
        let count = 0;
        for (const [index, ring] of rings.entries()) {
          for (let at = ring.peek(); at !== -1; at = ring.peek()) {
            if (words[at + 2] !== received[index])
              reject(new Error(`message ${words[at + 2]} came as ${received[index]}`));
            received[index] = Number(received[index]) + 1;
            ring.advance();
            count++;
            left--;
          }
          if (count > 0) ring.release();
        }
        if (left === 0) resolve();
        return count;
      };
      const isReady = () => rings.some((ring) => ring.ready);
      const pump = new Pump(views, RECEIVER, {
        drain,
        isReady,
        glance: isReady,
        takeMicrotaskDebt: () => false,
        idle: () => {},
      });
      pump.look();
    });
  });
  world.afterwards(() => {
    demand(words[rowOf(0) + PARKED] === 0, 'a sender is said to sleep');
  });
}

/** A sender that finds its ring full sleeps until the receiver has made room. */
export async function fullRing(world: World): Promise<void> {
  const { RingProducer, RingConsumer, ringOf, rowOf, wake, PARKED, RING_SLOTS } = await actor(world);
  const { messages = 2 } = world.parameters as { messages?: number };
  const buffer = world.share('segment', () => {
    const words = new Int32Array(new SharedArrayBuffer(ringOf(0, 2, false) * 4));
    const ring = new RingProducer(words, 0, RECEIVER, false);
    for (let message = 0; message < RING_SLOTS; message++) {
      words[ring.claim() + 2] = message;
      ring.publish(0);
    }
    return words.buffer;
  });
  const words = new Int32Array(buffer);
  const parked = rowOf(0) + PARKED;
  world.start('sender', () => {
    const ring = new RingProducer(words, 0, RECEIVER, false);
    for (let message = 0; message < messages; message++) {
      let at = ring.claim();
      while (at < 0) {
        Atomics.store(words, parked, 1);
        if (ring.starve()) Atomics.wait(words, parked, 1);
        else Atomics.compareExchange(words, parked, 1, 0);
        at = ring.claim();
      }
      words[at + 2] = RING_SLOTS + message;
      ring.publish(0);
    }
  });
  world.start('receiver', () => {
    const ring = new RingConsumer(words, 0, RECEIVER, false);
    for (let message = 0; message < RING_SLOTS; message++) {
      const at = ring.peek();
      demand(at >= 0, 'a message that was there is not found');
      demand(words[at + 2] === message, `message ${words[at + 2]} came as ${message}`);
      ring.advance();
      // Room is given back after the first, and at the end.
      if ((message === 0 || message === RING_SLOTS - 1) && ring.release()) wake(words, 0);
    }
  });
  world.afterwards(() => {
    const ring = new RingConsumer(words, 0, RECEIVER, false);
    for (let message = 0; message < messages; message++) {
      const at = ring.peek();
      demand(at >= 0 && words[at + 2] === RING_SLOTS + message, `message ${RING_SLOTS + message} is lost`);
      ring.advance();
    }
    demand(!ring.ready, 'there are more messages than were sent');
  });
}
