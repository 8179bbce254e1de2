/**
 * Microseconds of a PCI hot reset, asked for by a client one after the other: sets of 1, 8 and 64 functions behind one
 * bridge, spread over 1, 2 and 4 driver threads. Every function has its steps done on its own thread; the function that is
 * asked is on the first.
 */
import { Runtime } from '@mediated/core';
import { openDevice, openGroup } from '@mediated/vfio';
import { type EndpointSpec, type TopologySpec, vfioPciUrl } from '@mediated/vfio/pci';
import { bind } from '@mediated/vfio/physical';
import { DEVICE_PCI_HOT_RESET, pciHotReset } from '@mediated/vfio/uapi';
import { ratios } from '../figures.js';
import { alternate } from '../harness/alternate.js';
import type { Part } from '../harness/part.js';

const MEMBERS = [1, 8, 64];
const THREADS = [1, 2, 4];
/** Resets of one reading: fewer where each takes longer. */
const RESETS: Readonly<Record<number, number>> = { 1: 1000, 8: 500, 64: 100 };
/** Any number: the argument names the group's file by it. */
const DESCRIPTOR = 3;

interface Contender {
  readonly name: string;
  measure(): Promise<number>;
}

/** A set that is reset by turns. */
async function resetOf(members: number, threads: number): Promise<Contender> {
  const runtime = Runtime.start();
  const parents = [{ name: 'pci0000:00', threads }];
  await runtime.loadDriver(vfioPciUrl, { threads, parents, options: topologyOf(members) });
  const { bus } = runtime;
  const parent = bus.parent('pci0000:00');
  const devices = [];
  for (let i = 0; i < members; i++) devices.push(await bind(parent, `0000:02:${placeOf(i)}`, { thread: i % threads }));
  const file = await openDevice(bus, devices[0]);
  const group = await openGroup(bus, devices[0].group as number);
  const files = new Map([[DESCRIPTOR, group.passed]]);
  const argument = pciHotReset.bytes({ argsz: 16, count: 1 }, 16);
  argument[12] = DESCRIPTOR;
  const count = RESETS[members];
  return {
    name: `${members} on ${threads}`,
    async measure() {
      const start = performance.now();
      for (let i = 0; i < count; i++) await file.ioctl(DEVICE_PCI_HOT_RESET, argument, files);
      return ((performance.now() - start) * 1000) / count;
    },
  };
}

/** So many functions, two to a device, behind a conventional bridge: one group. */
function topologyOf(members: number): TopologySpec {
  const devices = Array.from(
    { length: members },
    (_, i): EndpointSpec => ({ at: placeOf(i), vendor: 0x1af4, device: 0x1000, bars: [{ size: 4096 }], reset: [] }),
  );
  const bridge = { at: '00', bridge: 'conventional', bus: 2, devices } as const;
  return { devices: [{ at: '01', bridge: 'port', bus: 1, devices: [bridge] }] };
}

function placeOf(i: number): string {
  return `${(i >> 1).toString(16).padStart(2, '0')}.${i & 1}`;
}

export const part: Part = async ({ rounds }) => {
  const contenders: Contender[] = [];
  const pairs = THREADS.flatMap((threads) => MEMBERS.map((members) => ({ members, threads })));
  for (const { members, threads } of pairs) contenders.push(await resetOf(members, threads));
  const readings = await alternate(contenders, rounds);
  const of = (members: number, threads: number) =>
    readings[pairs.findIndex((pair) => pair.members === members && pair.threads === threads)];
  const figures = pairs.map(({ members, threads }) => [`hot_reset_us.${members}.${threads}`, of(members, threads)]);
  const growths = THREADS.map((threads) => [
    `hot_reset_growth.${threads}`,
    ratios(of(64, threads), of(8, threads)).map((ratio) => ratio / 8),
  ]);
  return {
    figures: Object.fromEntries([...figures, ...growths]),
    readings: pairs.map(({ members, threads }) => ({
      name: `hot reset of ${members} functions on ${threads} threads`,
      unit: 'us',
      values: of(members, threads),
    })),
    notes: [],
  };
};
