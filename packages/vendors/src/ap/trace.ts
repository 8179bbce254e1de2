/**
 * What happened on the AP bus, in order: what the emulated hardware was asked, and when guests' masks changed. A ring in
 * shared memory for whoever tests against the bus; written by whoever holds the bus's mutex, read by anybody.
 */
import { type ApMemory, TRACE_EVENTS } from './ap-memory.js';

const KINDS = ['masks', 'zeroise', 'enable', 'disable', 'request', 'refused'] as const;

/**
 * One event. `masks`: the masks of guest `subject` were written. `zeroise`, `enable`, `disable`: queue `subject` was
 * reset, or asked to interrupt or not to, and answered `response`. `request`: device number `subject` was asked for the
 * `response`th time to be given back and has no eventfd for that. `refused`: a reset of queue `subject` was given up
 * with `response`.
 */
export interface ApEvent {
  /** Counts from 0. */
  readonly number: number;
  readonly kind: (typeof KINDS)[number];
  readonly subject: number;
  readonly response: number;
}

export function trace(ap: ApMemory, kind: ApEvent['kind'], subject: number, response = 0): void {
  const at = ap.eventAt(ap.nextEvent());
  ap.words[at] = KINDS.indexOf(kind);
  ap.words[at + 1] = subject;
  ap.words[at + 2] = response;
}

/** The events from number `since` on, as far as the ring still has them. */
export function readTrace(ap: ApMemory, since: number): ApEvent[] {
  const events: ApEvent[] = [];
  for (let number = Math.max(since, ap.traced - TRACE_EVENTS); number < ap.traced; number++) {
    const at = ap.eventAt(number);
    const [kind, subject, response] = ap.words.subarray(at, at + 3) as unknown as [number, number, number];
    events.push({ number, kind: KINDS[kind] as ApEvent['kind'], subject, response });
  }
  return events;
}
