/**
 * Readings of a bus and of the storm's books for `invariants.ts`. Called by the supervising thread; a reading of the
 * whole bus is exact only while no user does anything.
 */
import { MAX_THREADS } from '@mediated/core/sync';
import { type Bench, type BenchParent, MTTY_PORTS } from './bench.js';
import type { BudgetReading, DeviceReading, ParentReading, Snapshot } from './invariants.js';

/** What only the clients of a storm know. */
export interface ClientReading {
  readonly files: number;
  readonly wedged: number;
}

/** Ports of a card by type. */
const PORTS: Readonly<Record<string, number>> = { 'mtty-1': 1, 'mtty-2': 2 };

/** Reads everything. */
export async function takeSnapshot(bench: Bench, clients: ClientReading): Promise<Snapshot> {
  const { memory } = bench.bus;
  const registered = new Set(bench.bus.parents().map(({ name }) => name));
  const parents: ParentReading[] = [];
  for (const parent of bench.parents) if (registered.has(parent.name)) parents.push(await readParent(bench, parent));
  const devices = readDevices(bench);
  return {
    devices,
    parents,
    budgets: await readBudgets(bench, registered),
    slots: memory.devices.liveCount(),
    uuids: memory.uuids.count(),
    open: bench.audit.open(),
    files: clients.files,
    wedged: clients.wedged,
    holders: readHolders(bench, devices.length > 0),
  };
}

/** Devices on the bus at this moment. */
export function readDevices({ bus }: Bench): DeviceReading[] {
  return bus.mdevs().map((mdev) => {
    const { driver, links, remove } = mdev.presence;
    return { uuid: mdev.uuid, parent: mdev.parent.name, whole: driver && links, removable: remove };
  });
}

/** The driver's books about a parent; its instances only when it is registered. */
async function readParent({ bus, audit }: Bench, parent: BenchParent): Promise<ParentReading> {
  const { name, maximum, audited, types } = parent;
  return {
    name,
    instances:
      maximum === undefined ? undefined : { maximum, available: await bus.parent(name).availableInstances(types[0]) },
    ...readBooks(audit, name, audited),
  };
}

/** As {@link readParent}, of a parent that is unregistered. */
export function readUnregistered({ audit }: Bench, { name, audited }: BenchParent): ParentReading {
  return { name, instances: undefined, ...readBooks(audit, name, audited) };
}

function readBooks(audit: Bench['audit'], name: string, audited: boolean): Pick<ParentReading, 'bound' | 'inside'> {
  return { bound: audited ? audit.bound(name) : undefined, inside: audited ? audit.inside(name) : undefined };
}

/** The mtty ports, which any card tells of; none when no card is registered. */
async function readBudgets(bench: Bench, registered: ReadonlySet<string>): Promise<BudgetReading[]> {
  const card = bench.parents.find(({ name, driver }) => driver === 'mtty' && registered.has(name));
  if (card === undefined) return [];
  const free = await bench.bus.parent(card.name).availableInstances('mtty-1');
  const used = bench.bus.mdevs().reduce((sum, mdev) => sum + (PORTS[mdev.type] ?? 0), 0);
  return [{ name: 'the mtty ports', maximum: MTTY_PORTS, free, used }];
}

/**
 * Threads that hold a lock which nobody may hold now. While there are devices, the threads of drivers hold the instances
 * and budgets that those use: then only the others are looked at.
 */
function readHolders({ bus, runtime }: Bench, devices: boolean): number[] {
  const drivers = new Set(
    runtime.system
      .statistics()
      .filter(({ name }) => runtime.drivers.some((driver) => name.startsWith(`${driver}/`)))
      .map(({ thread }) => thread),
  );
  const holders: number[] = [];
  for (let thread = 0; thread < MAX_THREADS; thread++) {
    if (!(devices && drivers.has(thread)) && bus.memory.locks.holds(thread)) holders.push(thread);
  }
  return holders;
}
