/** Which host is to get the next device. Pure: it sees what hosts have published and what this placement has done so far. */
import type { ParentOffer, TypeOffer } from './records.js';
import type { HostView } from './view.js';

/** What is wanted. All that is given must hold. */
export interface Wanted {
  /** Directory name of the type: `mtty-2`. */
  readonly type?: string | undefined;
  /** `vfio-pci` and so on. */
  readonly deviceApi?: string | undefined;
  /** Texts that must be equal: `name` and `description` of the type, `driver`; any other name is a label of the host. */
  readonly attributes?: Readonly<Record<string, string>> | undefined;
  /** Only this host. */
  readonly host?: string | undefined;
  /** Only parents of this name. */
  readonly parent?: string | undefined;
}

/** `spread`: to the host with the fewest devices of this placement, then the fewest at all. `pack`: to the fullest that has room. */
export type Policy = 'spread' | 'pack';

/** A type of a parent of a host. */
export interface Candidate {
  readonly host: string;
  readonly epoch: string;
  readonly parent: string;
  readonly type: string;
  /** Instances that are left, as published, less what this placement has put there since. */
  free: number;
  /** It has refused a device: there is no room, whatever was published. */
  refused: boolean;
  /** Devices of the host, likewise. */
  devices: number;
  /** Devices that this placement has put on the host. */
  placed: number;
  /** 0: what it is to be near is on this host; then by how many labels differ. */
  readonly distance: number;
}

/** Every place of the living hosts that is what is wanted; with room or without. */
export function candidatesFor(hosts: readonly HostView[], wanted: Wanted, near: HostView | undefined): Candidate[] {
  const found: Candidate[] = [];
  for (const host of hosts) {
    if (host.state !== 'live' || host.inventory === undefined) continue;
    if (wanted.host !== undefined && wanted.host !== host.name) continue;
    const { name, epoch, inventory } = host;
    for (const parent of inventory.parents) {
      for (const type of parent.types) {
        if (!fits(host, parent, type, wanted)) continue;
        const place = { host: name, epoch, parent: parent.parent, type: type.type };
        const count = { free: type.available, devices: inventory.devices, placed: 0, refused: false };
        found.push({ ...place, ...count, distance: distanceOf(host, near) });
      }
    }
  }
  return found;
}

/** The best of those with room, undefined when there is none. Of equals the first. */
export function choose(candidates: readonly Candidate[], policy: Policy): Candidate | undefined {
  let best: Candidate | undefined;
  for (const candidate of candidates) {
    if (candidate.free > 0 && !candidate.refused && (best === undefined || compare(candidate, best, policy) < 0))
      best = candidate;
  }
  return best;
}

/** Counts a device in. */
export function take(candidates: readonly Candidate[], chosen: Candidate, count: 1 | -1): void {
  chosen.free -= count;
  for (const candidate of candidates) {
    if (candidate.host !== chosen.host) continue;
    candidate.devices += count;
    candidate.placed += count;
  }
}

function compare(a: Candidate, b: Candidate, policy: Policy): number {
  const nearer = a.distance - b.distance;
  if (nearer !== 0) return nearer;
  if (policy === 'pack') return b.devices - a.devices || a.free - b.free;
  return a.placed - b.placed || a.devices - b.devices || b.free - a.free;
}

function fits(host: HostView, parent: ParentOffer, type: TypeOffer, wanted: Wanted): boolean {
  if (wanted.type !== undefined && wanted.type !== type.type) return false;
  if (wanted.deviceApi !== undefined && wanted.deviceApi !== parent.deviceApi) return false;
  if (wanted.parent !== undefined && wanted.parent !== parent.parent) return false;
  const own: Readonly<Record<string, string>> = {
    ...host.labels,
    name: type.name,
    description: type.description,
    driver: parent.driver,
  };
  return Object.entries(wanted.attributes ?? {}).every(
    ([name, text]) => Object.hasOwn(own, name) && own[name] === text,
  );
}

function distanceOf(host: HostView, near: HostView | undefined): number {
  if (near === undefined || near.name === host.name) return 0;
  const labels = Object.entries(near.labels);
  return 1 + labels.filter(([name, text]) => host.labels[name] !== text).length;
}
