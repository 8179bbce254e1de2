/** `mediated fleet status`, `types`, `list` and `fence`: what a fleet has. Main thread. */
import type { Fleet, HostView } from '@mediated/fleet';
import type { CommandOptions } from '../commands.js';
import { counted } from '../counted.js';
import { INTERRUPTED } from '../interruption.js';
import type { Stage } from '../stage.js';
import { formatTable } from '../table.js';
import { columnsOf } from '../terminal.js';
import { askingFleet } from './asking-fleet.js';

export function fleetStatus(options: CommandOptions<'fleet status'>, stage: Stage): Promise<number> {
  const patient = options.hosts > 0 ? { patient: true } : {};
  return askingFleet({ ...options, ...patient }, stage, async (fleet) => {
    if (!(await alive(fleet, options.hosts, stage.signal))) return INTERRUPTED;
    const hosts = fleet.hosts();
    if (options.json) {
      const rows = hosts.map(({ name, state, epoch, labels, inventory }) => {
        return {
          host: name,
          state,
          epoch,
          labels,
          devices: inventory?.devices ?? 0,
          parents: inventory?.parents ?? [],
        };
      });
      print(stage, [JSON.stringify(rows, undefined, 2)]);
      return undefined;
    }
    print(stage, [...hostTable(hosts, columnsOf(stage.output)), summaryOf(hosts)]);
    return undefined;
  });
}

/** Resolves when so many hosts are alive; false when the command is to end. */
function alive(fleet: Fleet, count: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const look = () => {
      if (!signal.aborted && fleet.hosts().filter(({ state }) => state === 'live').length < count) return;
      stop();
      signal.removeEventListener('abort', look);
      resolve(!signal.aborted);
    };
    const stop = fleet.onHostState(look);
    signal.addEventListener('abort', look);
    look();
  });
}

/** A line per host. */
export function hostTable(hosts: readonly HostView[], columns: number): string[] {
  const titles = [
    { title: 'host' },
    { title: 'state' },
    { title: 'devices', align: 'right' },
    { title: 'parents', align: 'right' },
    { title: 'labels' },
  ] as const;
  const rows = hosts.map(({ name, state, inventory, labels }) => [
    name,
    state,
    String(inventory?.devices ?? 0),
    String(inventory?.parents.length ?? 0),
    Object.entries(labels)
      .map(([label, text]) => `${label}=${text}`)
      .join(' '),
  ]);
  return formatTable(titles, rows, columns);
}

export function summaryOf(hosts: readonly HostView[]): string {
  const of = (state: string) => hosts.filter((host) => host.state === state);
  const devices = of('live').reduce((sum, { inventory }) => sum + (inventory?.devices ?? 0), 0);
  const lost = of('lost').length;
  return `${counted(of('live').length, 'living host')}, ${counted(devices, 'device')}${lost > 0 ? `; ${counted(lost, 'lost host')}` : ''}`;
}

export function fleetTypes(options: CommandOptions<'fleet types'>, stage: Stage): Promise<number> {
  return askingFleet(options, stage, async (fleet) => {
    const types = new Map<string, { type: string; api: string; name: string; available: number; hosts: Set<string> }>();
    for (const { name: host, inventory } of fleet.hosts().filter(({ state }) => state === 'live')) {
      for (const { deviceApi: api, types: offered } of inventory?.parents ?? []) {
        for (const { type, name, available } of offered) {
          const known = types.get(`${type} ${api}`) ?? { type, api, name, available: 0, hosts: new Set() };
          types.set(`${type} ${api}`, known);
          known.available += available;
          known.hosts.add(host);
        }
      }
    }
    const sorted = [...types.values()].sort((a, b) => (a.type < b.type ? -1 : 1));
    const rows = sorted.map(({ hosts, ...type }) => ({ ...type, hosts: hosts.size }));
    const titles = [
      { title: 'type' },
      { title: 'available', align: 'right' },
      { title: 'hosts', align: 'right' },
      { title: 'api' },
      { title: 'name' },
    ] as const;
    const cells = rows.map(({ type, available, hosts, api, name }) => [
      type,
      String(available),
      String(hosts),
      api,
      name,
    ]);
    print(
      stage,
      options.json ? [JSON.stringify(rows, undefined, 2)] : formatTable(titles, cells, columnsOf(stage.output)),
    );
    return undefined;
  });
}

export function fleetList(options: CommandOptions<'fleet list'>, stage: Stage): Promise<number> {
  return askingFleet(options, stage, async (fleet) => {
    const devices = await fleet.devices(options.host === '' ? {} : { host: options.host });
    const titles = [
      { title: 'uuid' },
      { title: 'host' },
      { title: 'parent' },
      { title: 'type' },
      { title: 'state' },
    ] as const;
    const cells = devices.map(({ uuid, host, parent, type, state }) => [uuid, host, parent, type, state]);
    print(
      stage,
      options.json ? [JSON.stringify(devices, undefined, 2)] : formatTable(titles, cells, columnsOf(stage.output)),
    );
    return undefined;
  });
}

export function fleetFence(options: CommandOptions<'fleet fence'>, stage: Stage): Promise<number> {
  return askingFleet(options, stage, async (fleet) => {
    const freed = await fleet.fence(options.host);
    print(stage, [`${options.host} is fenced; ${counted(freed, 'UUID')} freed`]);
    return undefined;
  });
}

function print({ output }: Stage, lines: readonly string[]): void {
  output.write(`${lines.join('\n')}\n`);
}
