/**
 * Membership of hosts: joining, leaving, fencing. Every step is one compare-and-set on the host's record; an epoch that has ended
 * (`left`, `fenced`, or another epoch took the name) never comes back, so whoever sees its end may act on it at any later time.
 */
import { randomBytes } from 'node:crypto';
import { MediatedError } from '@mediated/core';
import { refusalOf } from './connection.js';
import { hostKey, type HostRecord, hostRecord, leaseRecord, reservationRecord } from './records.js';
import type { Kept, Store } from './store.js';

/**
 * Makes `name` a host of the fleet with an epoch of its own. A name whose last epoch has not ended is watched for a lease: a
 * host that renews its lease meanwhile keeps its name (EADDRINUSE), one that does not has crashed, and its epoch ends.
 */
export async function join(
  store: Store,
  name: string,
  labels: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Promise<Kept<HostRecord>> {
  const key = hostKey(name);
  const found = await store.read('hosts', key, hostRecord);
  if (found?.value.state === 'up') await waitForSilence(store, name, signal);
  const value: HostRecord = {
    name,
    epoch: randomBytes(8).toString('hex'),
    state: 'up',
    term: 0,
    labels: { ...labels },
  };
  const revision = await store.write('hosts', key, value, found?.revision ?? 0).catch((error: unknown) => {
    throw refusalOf(error, 'join', name);
  });
  if (revision === undefined) throw taken(name);
  return { value, revision };
}

/** The host gives its epoch up; what it still has reserved is nobody's from now on. */
export async function leave(store: Store, { value, revision }: Kept<HostRecord>): Promise<void> {
  await store.write('hosts', hostKey(value.name), { ...value, state: 'left' }, revision);
}

/**
 * Ends the epoch of a host that is lost, and frees what it had reserved. Answers how many UUIDs were freed. ENODEV: no such
 * host. EBUSY: it is alive, or it came back meanwhile; what is alive is never fenced. A host that has left or was fenced before
 * is swept again.
 */
export async function fence(store: Store, name: string): Promise<number> {
  const syscall = 'fence';
  const found = await store.read('hosts', hostKey(name), hostRecord);
  if (found === undefined) throw new MediatedError('ENODEV', `the fleet has no host ${name}`, { syscall });
  if (found.value.state === 'up') {
    const alive = new MediatedError('EBUSY', `${name} renews its lease; only a host that is lost is fenced`, {
      syscall,
    });
    if ((await store.read('leases', name, leaseRecord)) !== undefined) throw alive;
    const next = { ...found.value, state: 'fenced' };
    const revision = await store.write('hosts', hostKey(name), next, found.revision).catch((error: unknown) => {
      throw refusalOf(error, syscall, name);
    });
    if (revision === undefined) throw alive;
  }
  return sweep(store, name);
}

/** Frees what the epochs of a host that have ended had reserved; answers how many. */
export async function sweep(store: Store, host: string): Promise<number> {
  let freed = 0;
  // Only ends are remembered: an end is for ever, an epoch that holds may end at any time.
  const ended = new Set<string>();
  for await (const { value, revision } of store.all('devices', reservationRecord)) {
    const { epoch } = value;
    if (value.host !== host) continue;
    if (!ended.has(epoch)) {
      if (await isOwner(store, host, epoch)) continue;
      ended.add(epoch);
    }
    await store.erase('devices', revision);
    freed++;
  }
  return freed;
}

/** Whether the epoch of a host still owns what it has reserved. */
export async function isOwner(store: Store, host: string, epoch: string): Promise<boolean> {
  const found = await store.read('hosts', hostKey(host), hostRecord);
  return found?.value.epoch === epoch && found.value.state === 'up';
}

async function waitForSilence(store: Store, name: string, signal?: AbortSignal): Promise<void> {
  const { lease } = store.record;
  const until = performance.now() + lease;
  let seen: number | undefined;
  for (;;) {
    const found = await store.read('leases', name, leaseRecord);
    if (found !== undefined) {
      seen ??= found.revision;
      if (found.revision !== seen) throw taken(name);
    }
    const left = until - performance.now();
    // Expired for sure: nobody has renewed it for a lease. What is left of the entry itself goes within a moment.
    if (left <= 0) return;
    if (signal?.aborted) throw new MediatedError('ECANCELED', `joining as ${name} was given up`, { syscall: 'join' });
    await new Promise((resolve) => setTimeout(resolve, Math.min(left, lease / 6)));
  }
}

function taken(name: string): MediatedError {
  const text = `a host called ${name} is in the fleet and alive; a host needs a name of its own`;
  return new MediatedError('EADDRINUSE', text, { syscall: 'join' });
}
