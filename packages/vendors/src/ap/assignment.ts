/**
 * Assigning adapters, domains and control domains to matrix devices, and taking them back (ap sections 4, 6 and 7).
 * Under the bus's mutex, so that no two devices can take one queue. A refused change has changed nothing.
 */
import { MediatedError } from '@mediated/core';
import type { ApMemory } from './ap-memory.js';
import { filterControlDomains, filterMatrix, refilter, resetLost, updateGuest } from './filter.js';
import { disableInterrupt } from './interrupts.js';
import { bitsOf, clearBit, hasBit, intersects, isEmpty, isEqual, type Mask, maskOf, setBit, without } from './masks.js';
import { MatrixRecord } from './matrix-record.js';
import { apqnName, Queue } from './queue.js';
import { resetQueues } from './reset.js';
import type { Masks } from './written.js';

/** Positions in the three masks of a matrix. */
export const ADAPTERS = 0;
export const DOMAINS = 1;
const CONTROL_DOMAINS = 2;
/** Adapters or domains. */
export type Dimension = typeof ADAPTERS | typeof DOMAINS;

/** Errors: ENODEV (an id above the highest), EADDRNOTAVAIL (the default drivers own a queue), EADDRINUSE. */
export async function assign(ap: ApMemory, record: MatrixRecord, dimension: Dimension, id: number): Promise<void> {
  assertWithin(record, dimension, id);
  const mask = record.matrix[dimension];
  if (hasBit(mask, id)) return;
  setBit(mask, id);
  try {
    validate(ap, record);
  } catch (error) {
    clearBit(mask, id);
    throw error;
  }
  link(ap, record, dimension, maskOf([id]));
  await refilter(ap, record);
}

/** Takes an id from the matrix; the guest loses it. ENODEV: an id above the highest. */
export async function unassign(ap: ApMemory, record: MatrixRecord, dimension: Dimension, id: number): Promise<void> {
  assertWithin(record, dimension, id);
  if (!hasBit(record.matrix[dimension], id)) return;
  clearBit(record.matrix[dimension], id);
  await unplug(ap, record, dimension, maskOf([id]));
}

/** Control domains may be assigned to any number of devices. ENODEV: an id above the highest. */
export function assignControlDomain(ap: ApMemory, record: MatrixRecord, id: number): void {
  assertWithin(record, CONTROL_DOMAINS, id);
  if (hasBit(record.matrix[CONTROL_DOMAINS], id)) return;
  setBit(record.matrix[CONTROL_DOMAINS], id);
  if (filterControlDomains(ap, record)) updateGuest(record);
}

/** ENODEV: an id above the highest. */
export function unassignControlDomain(record: MatrixRecord, id: number): void {
  assertWithin(record, CONTROL_DOMAINS, id);
  clearBit(record.matrix[CONTROL_DOMAINS], id);
  if (!hasBit(record.shadow[CONTROL_DOMAINS], id)) return;
  clearBit(record.shadow[CONTROL_DOMAINS], id);
  updateGuest(record);
}

/**
 * Gives a device another matrix, all or nothing with regard to errors: EADDRNOTAVAIL, EADDRINUSE, then ENODEV. In
 * between its guest has at most less than before and after.
 */
export async function configure(ap: ApMemory, record: MatrixRecord, wanted: Masks): Promise<void> {
  const old = record.matrix.map((mask) => Int32Array.from(mask)) as [Mask, Mask, Mask];
  const install = (masks: Masks) => {
    for (const [i, mask] of record.matrix.entries()) mask.set(masks[i] as Mask);
  };
  install(wanted);
  try {
    validate(ap, record);
    for (const [i, mask] of wanted.entries()) assertWithin(record, i, bitsOf(mask).at(-1) ?? 0);
  } finally {
    install(old);
  }
  await unplug(ap, record, ADAPTERS, without(old[ADAPTERS], wanted[ADAPTERS]));
  await unplug(ap, record, DOMAINS, without(old[DOMAINS], wanted[DOMAINS]));
  install(wanted);
  link(ap, record, ADAPTERS, without(wanted[ADAPTERS], old[ADAPTERS]));
  link(ap, record, DOMAINS, without(wanted[DOMAINS], old[DOMAINS]));
  const { changed, lost } = filterMatrix(ap, record);
  if (filterControlDomains(ap, record) || changed) updateGuest(record);
  await resetLost(ap, record, lost);
}

/** Whether any device has a queue of adapters times domains in its matrix. */
export function isAnyAssigned(ap: ApMemory, adapters: Mask, domains: Mask, except?: MatrixRecord): boolean {
  for (const other of MatrixRecord.all(ap)) {
    if (other.index === except?.index) continue;
    if (intersects(other.matrix[ADAPTERS], adapters) && intersects(other.matrix[DOMAINS], domains)) return true;
  }
  return false;
}

function validate(ap: ApMemory, record: MatrixRecord): void {
  const [adapters, domains] = record.matrix;
  const [owned, ownedDomains] = ap.ownership;
  if (intersects(adapters, owned) && intersects(domains, ownedDomains)) {
    const queue = common(adapters, owned, domains, ownedDomains);
    throw refused('EADDRNOTAVAIL', `queue ${queue} belongs to the default drivers (apmask and aqmask)`);
  }
  if (isAnyAssigned(ap, adapters, domains, record)) {
    throw refused('EADDRINUSE', 'one of these queues is assigned to another device');
  }
}

function common(adapters: Mask, otherAdapters: Mask, domains: Mask, otherDomains: Mask): string {
  const first = (a: Mask, b: Mask) => bitsOf(a).find((bit) => hasBit(b, bit)) as number;
  return apqnName((first(adapters, otherAdapters) << 8) | first(domains, otherDomains));
}

/** Puts the bound queues of `ids` times the other dimension into the device's table. */
function link(ap: ApMemory, record: MatrixRecord, dimension: Dimension, ids: Mask): void {
  for (const queue of product(ap, record, dimension, ids)) if (queue.bound) queue.link = record.index;
}

/**
 * Takes adapters or domains from the guest: masks first, then their queues that it had are reset, and leave the table.
 * Unlike the kernel's driver it also takes those out that the guest did not have.
 */
async function unplug(ap: ApMemory, record: MatrixRecord, dimension: Dimension, ids: Mask): Promise<void> {
  if (isEmpty(ids)) return;
  const shadow = record.shadow[dimension];
  const queues = product(ap, record, dimension, ids).filter((queue) => queue.link === record.index);
  const had = queues.filter(({ adapter, domain }) => isShadowed(record, adapter, domain));
  const rest = without(shadow, ids);
  const changed = !isEqual(shadow, rest);
  shadow.set(rest);
  if (changed) updateGuest(record);
  await resetQueues(ap, had);
  for (const queue of queues) {
    if (queue.serial !== 0) disableInterrupt(ap, queue);
    queue.link = -1;
  }
}

/** Whether the guest has a queue. */
export function isShadowed(record: MatrixRecord, adapter: number, domain: number): boolean {
  return hasBit(record.shadow[ADAPTERS], adapter) && hasBit(record.shadow[DOMAINS], domain);
}

function product(ap: ApMemory, record: MatrixRecord, dimension: Dimension, ids: Mask): Queue[] {
  const adapters = bitsOf(dimension === ADAPTERS ? ids : record.matrix[ADAPTERS]);
  const domains = bitsOf(dimension === DOMAINS ? ids : record.matrix[DOMAINS]);
  return adapters.flatMap((adapter) => domains.map((domain) => new Queue(ap, (adapter << 8) | domain)));
}

function assertWithin(record: MatrixRecord, dimension: number, id: number): void {
  const highest = dimension === ADAPTERS ? record.highestAdapter : record.highestDomain;
  if (id > highest) throw refused('ENODEV', `${id} is above the highest id, ${highest}`);
}

function refused(code: 'ENODEV' | 'EADDRNOTAVAIL' | 'EADDRINUSE', message: string): MediatedError {
  return new MediatedError(code, message, { syscall: 'write' });
}
