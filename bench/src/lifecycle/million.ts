/**
 * The cost of a create with 1, 10, ... a million live devices, in runtimes side by side; and the
 * shared memory that a bus for a million devices takes per device.
 */
import { type Mdev, type Parent, Runtime } from '@mediated/core';
import { ratios } from '../figures.js';
import { alternate } from '../harness/alternate.js';
import type { Part } from '../harness/part.js';
import { IN_FLIGHT } from '../harness/timing.js';
import { BENCH_TYPE } from './bench-driver.js';
import { BENCH_DRIVER } from './peers.js';
import { sharedBytes } from './shared-bytes.js';

/** Live devices; those of the figure are compared, all are in the picture. */
const PLACES = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000];
const FEW = PLACES.indexOf(1000);
const MANY = PLACES.indexOf(1_000_000);
const CAPACITY = 2 ** 20;
/** Devices created on top of those that live, and batches of them per reading. */
const BATCH = 1000;
const BATCHES = 20;

/** Creates devices, 256 in flight. Their UUIDs are made before, so that only creating is timed by whoever times this. */
async function create(parent: Parent, uuids: readonly string[]): Promise<Mdev[]> {
  const made: Mdev[] = [];
  let next = 0;
  const chain = async (): Promise<void> => {
    while (next < uuids.length) made.push(await parent.create(BENCH_TYPE, uuids[next++]));
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, chain));
  return made;
}

function randomUuids(count: number): string[] {
  return Array.from({ length: count }, () => crypto.randomUUID());
}

/** A parent that has `live` devices already. */
async function populated(live: number): Promise<{ runtime: Runtime; parent: Parent }> {
  const runtime = Runtime.start({ maxDevices: CAPACITY });
  const options = { stateBytes: 0, workRounds: 0 };
  await runtime.loadDriver(BENCH_DRIVER, { options, parents: [{ name: 'parent' }] });
  const parent = runtime.bus.parent('parent');
  for (let made = 0; made < live; made += BATCH) await create(parent, randomUuids(Math.min(BATCH, live - made)));
  return { runtime, parent };
}

/** Nanoseconds per create. */
async function costOfCreate(parent: Parent): Promise<number> {
  let milliseconds = 0;
  for (let batch = 0; batch < BATCHES; batch++) {
    const uuids = randomUuids(BATCH);
    const start = performance.now();
    const made = await create(parent, uuids);
    milliseconds += performance.now() - start;
    await Promise.all(made.map((mdev) => mdev.remove()));
  }
  return (milliseconds * 1e6) / (BATCH * BATCHES);
}

export const part: Part = async ({ rounds }) => {
  const populations = [];
  for (const live of PLACES) populations.push(await populated(live));
  const readings = await alternate(
    populations.map(({ parent }, index) => ({ name: String(PLACES[index]), measure: () => costOfCreate(parent) })),
    rounds,
  );
  const [few, many] = [readings[FEW], readings[MANY]];
  const bytes = sharedBytes(populations[MANY].runtime.invite().ticket.bus) / CAPACITY;
  return {
    figures: { flat_1m: ratios(many, few), shared_bytes_per_device: [bytes] },
    readings: [
      { name: 'one create, a thousand live', unit: 'ns', values: few },
      { name: 'one create, a million live', unit: 'ns', values: many },
    ],
    curves: [
      {
        title: 'one create by live devices',
        about: 'Nanoseconds of a create, 256 in flight, with so many devices live beside it: flat is what is wanted.',
        unit: 'ns',
        x: 'live devices',
        series: [{ name: 'create', points: PLACES.map((x, index) => ({ x, values: readings[index] })) }],
      },
    ],
    notes: [],
  };
};
