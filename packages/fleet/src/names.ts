/**
 * What a fleet is called on its server: buckets, the stream of events, subjects. Pure. The names are part of the protocol: two
 * programs of one fleet must agree on them.
 */
import { hostname } from 'node:os';
import { MediatedError } from '@mediated/core';

/** Version of everything that a fleet keeps and sends. Programs of different versions refuse each other. */
export const VERSION = 1;

/** Fleets and hosts: one token of a subject, one key of a bucket. */
export const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/;
/** A UUID as fleets keep it: lower case, 8-4-4-4-12. */
export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Longest name of a parent, a type or a file of a device. */
export const LONGEST_NAME = 255;

/** What hosts serve. */
export type Verb = 'create' | 'remove' | 'owns' | 'list' | 'attribute' | 'open' | 'file';

/** In the place of a UUID in the subject of an event that is about the whole host. */
export const WHOLE_HOST = 'host';

export class Names {
  readonly fleet: string;

  /** EINVAL: no name for a fleet. */
  constructor(fleet: string) {
    this.fleet = checkName(fleet, 'a fleet');
  }

  /** Who belongs to the fleet, and with which epoch. Never expires. */
  get hosts(): string {
    return `${this.fleet}_hosts`;
  }

  /** Who is alive; entries expire by themselves. */
  get leases(): string {
    return `${this.fleet}_leases`;
  }

  /** What hosts offer. */
  get inventories(): string {
    return `${this.fleet}_inventories`;
  }

  /** Whose a UUID is. */
  get devices(): string {
    return `${this.fleet}_devices`;
  }

  /** The stream of events. */
  get events(): string {
    return `${this.fleet}_events`;
  }

  /** Subject of an event that a host tells of itself; `*` is any. */
  event(host: string, subject: string): string {
    return `${this.fleet}.event.${host}.${subject}`;
  }

  /** Subject of what others tell of a host or its device. */
  told(host: string, subject: string): string {
    return `${this.fleet}.told.${host}.${subject}`;
  }

  /** Where a host is asked. The epoch is part of it: what was meant for an earlier instance reaches nobody. */
  command(host: string, epoch: string, verb: Verb): string {
    return `${this.fleet}.host.${host}.${epoch}.${verb}`;
  }
}

/** EINVAL when it is none. */
export function checkName(name: string, whose: string): string {
  if (NAME.test(name)) return name;
  throw new MediatedError('EINVAL', `${JSON.stringify(name)} is no name for ${whose}; 1 to 63 of A-Z a-z 0-9 _ - are`);
}

/** A UUID in lower case. EINVAL when it is none. */
export function checkUuid(uuid: string, syscall: string): string {
  const lower = uuid.toLowerCase();
  if (UUID.test(lower)) return lower;
  const text = `${JSON.stringify(uuid.slice(0, 80))} is no UUID; 8-4-4-4-12 hexadecimal digits are`;
  throw new MediatedError('EINVAL', text, { syscall });
}

/** The name of this machine as a host of a fleet. */
export function ownName(): string {
  const name = hostname()
    .replace(/[^A-Za-z0-9_-]/g, '-')
    .slice(0, 63);
  return NAME.test(name) ? name : 'host';
}
