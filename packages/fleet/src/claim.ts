/**
 * Asks a host whether a reservation in its name is one that it knows of. One that it does not was written for it after it had
 * given up: by bytes of a connection that was thought dead, which arrive when whoever sent them has settled the matter another
 * way. Called on a main thread by who finds a UUID reserved; answered from the host's own map.
 */
import { decodeAnswer, ownsAnswer } from './requests.js';
import type { ReservationRecord } from './records.js';
import { encode } from './shape.js';
import type { Kept, Store } from './store.js';

/** Milliseconds that a host has at least to answer: a thread that is busy is no reason to refuse a UUID that is free. */
const LEAST_PATIENCE = 1000;

/** False: the host says that it has nothing to do with this revision. One that does not answer is taken to know it. */
export async function isClaimed(store: Store, uuid: string, found: Kept<ReservationRecord>): Promise<boolean> {
  const { value, revision } = found;
  const subject = store.names.command(value.host, value.epoch, 'owns');
  try {
    const timeout = Math.max(LEAST_PATIENCE, store.record.lease / 3);
    const { data } = await store.connection.request(subject, encode({ uuid, revision }), { timeout });
    return decodeAnswer(data, ownsAnswer, `an answer of ${value.host}`).owns === 'yes';
  } catch {
    return true;
  }
}
