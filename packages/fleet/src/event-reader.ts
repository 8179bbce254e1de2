/**
 * Reads the fleet's stream of events, from any place in it. The server keeps the place of a durable reader; any other begins where
 * it is told. Readers pull: one that is slow has its events waiting on the server, and holds up nobody.
 */
import { MediatedError } from '@mediated/core';
import { DeliverPolicy, type JsMsg, type OrderedConsumerOptions } from '@nats-io/jetstream';
import { refusalOf } from './connection.js';
import { isThrough, LIVELY } from './bucket-scan.js';
import { checkUuid, checkName } from './names.js';
import { Place } from './place.js';
import { type EventRecord, eventRecord } from './records.js';
import { decode } from './shape.js';
import type { Store } from './store.js';

/** An event of the fleet. */
export interface FleetEvent extends EventRecord {
  /** Its place in the stream: grows from event to event, the same for every reader. */
  readonly sequence: number;
  /** When the server took it, by the server's clock. */
  readonly time: Date;
}

export interface EventsOptions {
  /** From this sequence number on. */
  readonly sequence?: number | undefined;
  /** From this time on, by the server's clock. */
  readonly since?: Date | undefined;
  /** Everything that is kept; default: only what comes from now on. */
  readonly all?: boolean | undefined;
  /** Only those of this device. */
  readonly uuid?: string | undefined;
  /** Only those of this host. */
  readonly host?: string | undefined;
  /**
   * Name under which the server keeps the place. An event counts as read when the next one is asked for; a reader of that name
   * goes on behind it, also another program after a crash. One reader of a name at a time (EBUSY). Where to begin holds when
   * the name is used for the first time.
   */
  readonly durable?: string | undefined;
  /** Ends with what is in the stream by now. */
  readonly untilNow?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Events that are fetched ahead. */
const AHEAD = 256;
/** Nanoseconds after which the server forgets the consumer of a program that has died; it asks at least every half minute. */
const FORGOTTEN = 120e9;

/** Each event once, in the order of the stream. What is not understood is passed over. */
export async function* readEvents(store: Store, options: EventsOptions): AsyncGenerator<FleetEvent> {
  const { durable, signal, untilNow = false } = options;
  const { names } = store;
  const filter = filterOf(store, options);
  const last = (await info(store)).state.last_seq;
  const place = durable === undefined ? undefined : await Place.open(store, durable, firstOf(options, last));
  const start = place?.sequence === undefined ? startOf(options, last) : startAt(place.sequence + 1);
  let newest = 0;
  const consumer = await store.jetstream.consumers
    .get(names.events, {
      ...filter,
      ...start,
      inactive_threshold: FORGOTTEN,
    })
    .catch((error: unknown) => {
      throw refusalOf(error, 'read', names.events);
    });
  if (untilNow && (await consumer.info(true)).num_pending === 0)
    return void (await consumer.delete().catch(() => false));
  const messages = await consumer.consume({ max_messages: AHEAD, ...LIVELY });
  const stop = () => messages.stop();
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted) stop();
  try {
    for await (const message of messages) {
      // Delivered again after an outage.
      if (message.seq <= newest) continue;
      newest = message.seq;
      const event = eventOf(message);
      if (event !== undefined) yield event;
      await place?.move(message.seq);
      if (untilNow && (message.seq >= last || (message.info.pending === 0 && (await isThrough(consumer))))) return;
    }
  } finally {
    signal?.removeEventListener('abort', stop);
    await messages.close();
    await consumer.delete().catch(() => false);
  }
}

async function info({ manager, names }: Store) {
  return manager.streams.info(names.events).catch((error: unknown) => {
    throw refusalOf(error, 'read', names.events);
  });
}

function eventOf(message: JsMsg): FleetEvent | undefined {
  try {
    const event = decode(message.data, eventRecord, 'an event');
    return { ...event, sequence: message.seq, time: new Date(message.info.timestampNanos / 1e6) };
  } catch {
    return undefined;
  }
}

function filterOf({ names }: Store, { uuid, host }: EventsOptions): Partial<OrderedConsumerOptions> {
  const subject = uuid === undefined ? '*' : checkUuid(uuid, 'read');
  const from = host === undefined ? '*' : checkName(host, 'a host');
  return { filter_subjects: [names.event(from, subject), names.told(from, subject)] };
}

/** `last`: the newest event at this moment. */
function startOf({ sequence, since, all = false }: EventsOptions, last: number): Partial<OrderedConsumerOptions> {
  if (sequence !== undefined && since !== undefined) {
    throw new MediatedError('EINVAL', 'events are read from a sequence number or from a time, not from both');
  }
  if (since !== undefined) return { deliver_policy: DeliverPolicy.StartTime, opt_start_time: since.toISOString() };
  return startAt(sequence ?? (all ? 1 : last + 1));
}

function startAt(sequence: number): Partial<OrderedConsumerOptions> {
  return { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: Math.max(1, sequence) };
}

/** Where a durable reader is before its first event, if that is known without a time. */
function firstOf({ sequence, since, all = false }: EventsOptions, last: number): number | undefined {
  if (since !== undefined) return undefined;
  return Math.max(0, sequence === undefined ? (all ? 0 : last) : sequence - 1);
}
