/**
 * Goes through what a bucket has at this moment, in the order in which it was written. The library's own way waits for as many
 * entries as there were in the beginning, and so for half a minute when one of them is deleted meanwhile; here a pause makes it
 * ask the server whether there is anything left.
 */
import { type Consumer, DeliverPolicy, type JetStreamClient, type JsMsg } from '@nats-io/jetstream';

/** Entries that are fetched ahead. */
const AHEAD = 1000;
/** Milliseconds without an entry after which the server is asked. */
const PAUSE = 250;
/** How soon it is noticed that a consumer's server is gone: after two heartbeats. Milliseconds. */
export const LIVELY = { expires: 10_000, idle_heartbeat: 1000 } as const;
/** Nanoseconds after which the server forgets the consumer of a program that has died. */
const FORGOTTEN = 30e9;

/** Entries as messages; traces of deletions are left out. Throws what the library threw. */
export async function* scan(jetstream: JetStreamClient, bucket: string): AsyncGenerator<JsMsg> {
  const consumer = await jetstream.consumers.get(`KV_${bucket}`, {
    deliver_policy: DeliverPolicy.All,
    inactive_threshold: FORGOTTEN,
  });
  if ((await consumer.info(true)).num_pending === 0) return void (await consumer.delete().catch(() => false));
  const messages = await consumer.consume({ max_messages: AHEAD, ...LIVELY });
  let seen = 0;
  const timer = setInterval(() => {
    const before = seen;
    void isThrough(consumer).then((through) => {
      if (through && seen === before) messages.stop();
    });
  }, PAUSE);
  try {
    for await (const message of messages) {
      seen++;
      if (!message.headers?.has('KV-Operation')) yield message;
      // With a word of the server: what a message says of those behind it may be out of date.
      if (message.info.pending === 0 && (await isThrough(consumer))) return;
      timer.refresh();
    }
  } finally {
    clearInterval(timer);
    await messages.close();
    await consumer.delete().catch(() => false);
  }
}

/** A bucket that is followed. */
export interface Following {
  /** What is written from now on, traces of deletions left out; ends with {@link Following.stop}. */
  readonly messages: AsyncIterable<JsMsg>;
  stop(): void;
}

/**
 * Follows a bucket from a revision on. The library's own watches notice within a minute that the server which has served them is
 * gone, these within seconds. Throws what the library threw.
 */
export async function follow(jetstream: JetStreamClient, bucket: string, from: number): Promise<Following> {
  const consumer = await jetstream.consumers.get(`KV_${bucket}`, {
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: from,
    inactive_threshold: FORGOTTEN,
  });
  const consumed = await consumer.consume({ max_messages: AHEAD, ...LIVELY });
  const messages = (async function* () {
    for await (const message of consumed) if (!message.headers?.has('KV-Operation')) yield message;
  })();
  return {
    messages,
    stop() {
      consumed.stop();
      void consumer.delete().catch(() => false);
    },
  };
}

/** Whether everything that is left was delivered. */
export async function isThrough(consumer: Consumer): Promise<boolean> {
  try {
    return (await consumer.info()).num_pending === 0;
  } catch {
    return false;
  }
}
