/**
 * Interrupts of queues to guests (ap section 11): what PQAP(AQIC) does when a guest executes it, and how a registration
 * ends. Under the bus's mutex. The page with the notification byte is pinned by the thread of the device; a
 * registration that ends anywhere has a serial number that is no longer current, by which that thread sees that it has
 * to unpin (`pins.ts`).
 */
import type { ApMemory } from './ap-memory.js';
import { MatrixRecord } from './matrix-record.js';
import { type Queue, RESPONSES } from './queue.js';

/** Times that turning interrupts off is tried while the queue is busy, and that it is asked whether they are off. */
const TRIES = 6;
const { normal, resetInProgress, busy, invalidAddress, alreadySo } = RESPONSES;

/** How the device's thread pins pages of its guest. */
export interface NotificationPages {
  /** Pins the page of a byte to be read and written; false when there is none. */
  pin(nib: bigint): boolean;
  /** Takes back a pin that became part of no registration. */
  unpin(nib: bigint): void;
  /** The pin belongs to a registration now. */
  keep(queue: Queue, nib: bigint, serial: number): void;
}

/** Ends a registration, if there is one: with the guest at once, the page as soon as the device's thread sees it. */
export function freeInterrupt(ap: ApMemory, queue: Queue): void {
  const { isc, link } = queue;
  if (isc >= 0 && link >= 0) new MatrixRecord(ap, link).guest?.unregisterSubclass(isc);
  queue.unregister();
}

/** Has a queue of an attached device interrupt the guest. Returns the response that the guest gets. */
export function enableInterrupt(
  ap: ApMemory,
  record: MatrixRecord,
  queue: Queue,
  isc: number,
  nib: bigint,
  pages: NotificationPages,
): number {
  if (nib === 0n || !pages.pin(nib)) return invalidAddress;
  const { guest } = record;
  if (guest?.registerSubclass(isc) !== true) {
    pages.unpin(nib);
    return invalidAddress;
  }
  const response = queue.control(true);
  if (response === normal) {
    freeInterrupt(ap, queue);
    pages.keep(queue, nib, queue.register(isc, nib));
    return response;
  }
  guest.unregisterSubclass(isc);
  pages.unpin(nib);
  if (response !== alreadySo) disableInterrupt(ap, queue);
  return response;
}

/** Ends a queue's interrupts; the registration is freed whatever the card answers. Returns the response. */
export function disableInterrupt(ap: ApMemory, queue: Queue): number {
  let response = queue.control(false);
  for (let tries = 1; tries < TRIES && (response === resetInProgress || response === busy); tries++) {
    response = queue.control(false);
  }
  freeInterrupt(ap, queue);
  return response;
}
