/** What a fleet keeps in its buckets, and the checks of it. Who may write which record, and when, is told in docs/fleet.md. */
import { NAME, UUID } from './names.js';
import { type Checked, list, object, oneOf, optional, text, texts, whole } from './shape.js';

/** Random name of one running instance of a host. Never used twice, so what was true of an epoch's end stays true. */
const EPOCH = /^[0-9a-f]{16}$/;

const name = text({ like: NAME });
const epoch = text({ like: EPOCH });
export const uuid = text({ like: UUID });

/** What holds for the whole fleet; written once, by the host that comes first. Key {@link FLEET_KEY} of the bucket of hosts. */
export const fleetRecord = object({
  /** Milliseconds. */
  lease: whole(100, 3_600_000),
  /** Servers that keep each record. */
  replicas: whole(1, 5),
});
export type FleetRecord = Checked<typeof fleetRecord>;
export const FLEET_KEY = 'fleet';

/** Membership of a host. Every change is a compare-and-set on its revision. Key `host.<name>`. */
export const hostRecord = object({
  name,
  epoch,
  /** `up`: the epoch owns what it has reserved. `left`, `fenced`: it owns nothing any more. */
  state: oneOf('up', 'left', 'fenced'),
  /** Counts how often the lease was taken: who takes it again after a lapse and who fences the host exclude each other. */
  term: whole(),
  labels: texts(32),
});
export type HostRecord = Checked<typeof hostRecord>;

export function hostKey(host: string): string {
  return `host.${host}`;
}

/** Key: the host's name, or {@link seatKey}. Its revision changes with every renewal. */
export const leaseRecord = object({
  epoch,
  /** `taken`: its holder does not go by it yet, and refuses commands. `held`: a renewal, which only a holder that does can send. */
  state: oneOf('taken', 'held'),
});
export type LeaseRecord = Checked<typeof leaseRecord>;

/** Seats of those who tell the stream of hosts that were lost. */
export const SEATS = 3;
export function seatKey(seat: number): string {
  return `seat.${seat}`;
}

const typeOffer = object({
  type: text(),
  name: text(),
  available: whole(),
  description: text(),
});
const parentOffer = object({
  parent: text(),
  driver: text(),
  deviceApi: text(),
  types: list(typeOffer, 256),
});
export type ParentOffer = Checked<typeof parentOffer>;
export type TypeOffer = Checked<typeof typeOffer>;

/** What a host offers. Key: its name. */
export const inventoryRecord = object({
  epoch,
  devices: whole(),
  /** How far its clock-free life has come: counts publications. */
  number: whole(),
  parents: list(parentOffer, 1024),
});
export type InventoryRecord = Checked<typeof inventoryRecord>;

/** Whose a UUID is. Key: the UUID. Written with expected revision 0, deleted by exactly its revision, never changed. */
export const reservationRecord = object({
  host: name,
  epoch,
  parent: text(),
  type: text(),
  /** Names the request that it is for, so that whoever has asked finds out what became of it. */
  request: text({ most: 64 }),
});
export type ReservationRecord = Checked<typeof reservationRecord>;

/** An event in the stream. */
export const eventRecord = object({
  host: name,
  epoch,
  /** Counts a host's events from 1 on in one epoch; 0 for what others tell of it. */
  number: whole(),
  action: text({ most: 32 }),
  /** Empty: about the whole host. */
  uuid: optional(uuid),
  subsystem: optional(text()),
  devpath: optional(text()),
  parent: optional(text()),
  /** With the action `dropped`: how many events were not kept. */
  count: optional(whole()),
});
export type EventRecord = Checked<typeof eventRecord>;

/** How far a durable reader of events is. Key {@link readerKey} of the bucket of hosts; each step is a compare-and-set. */
export const readerRecord = object({ sequence: whole() });
export function readerKey(reader: string): string {
  return `reader.${reader}`;
}
