/**
 * The cost of a create with a million live devices against that with a thousand, in two runtimes side by side; and the
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

const FEW = 1000;
const MANY = 1_000_000;
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
  for (let made = 0; made < live; made += BATCH) await create(parent, randomUuids(BATCH));
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
  const small = await populated(FEW);
  const large = await populated(MANY);
  const [few, many] = await alternate(
    [
      { name: 'few', measure: () => costOfCreate(small.parent) },
      { name: 'many', measure: () => costOfCreate(large.parent) },
    ],
    rounds,
  );
  const bytes = sharedBytes(large.runtime.invite().ticket.bus) / CAPACITY;
  return {
    figures: { flat_1m: ratios(many, few), shared_bytes_per_device: [bytes] },
    readings: [
      { name: 'one create, a thousand live', unit: 'ns', values: few },
      { name: 'one create, a million live', unit: 'ns', values: many },
    ],
    notes: [],
  };
};
