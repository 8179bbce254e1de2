/**
 * A soak: lives of devices by the hundred thousand, from the main thread and from a blocking client, with parents
 * registered anew in between; ten times everything that could grow is measured, and must not have. Called by `main.ts` and
 * by its test.
 */
import { getHeapStatistics } from 'node:v8';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Runtime } from '@mediated/core';
import { collectGarbage, readDescriptors, residentBytes, threadCount } from '../process-reading.js';
import { live } from './cycles.js';
import { SOAK_DRIVER, soakDriverUrl, type ThreadReading } from './soak-driver.js';
import type { SoakAnswer, SoakClientData } from './soak-client.worker.js';

/** One measurement, while nothing happens. Bytes, or counts. */
export interface Measurement {
  readonly cycles: number;
  readonly seconds: number;
  /** JavaScript's heap after garbage was collected: main thread, the driver's threads, the client. */
  readonly heap: number;
  readonly driverHeaps: number;
  readonly clientHeap: number;
  readonly resident: number;
  /** Device slots that were ever taken, words of locks, parents' slots. */
  readonly slots: number;
  readonly lockWords: number;
  readonly parentSlots: number;
  readonly names: number;
  readonly descriptors: number;
  readonly threads: number;
}

export interface SoakReport {
  readonly measurements: readonly Measurement[];
  /** What has grown. */
  readonly grown: readonly string[];
  /** Comparisons that held. */
  readonly passed: number;
}

export interface SoakOptions {
  readonly cycles: number;
  readonly measured?: (measurement: Measurement) => void;
  /** Keeps a little of every so many lives, so that a soak that does not notice is noticed. */
  readonly leaks?: boolean;
}

const PARENTS = ['one', 'two'];
const CLIENT_PARENT = 'two';
const AT_ONCE = 64;
const PARTS = 10;
/** Measurements until everything has its size: compiled code, pools, lists of free slots. */
const WARM = 4;
/** Of all lives, the client's share. */
const CLIENT_SHARE = 0.25;
const RENEWED_EVERY = 2000;
/** Bytes per measured quantity that are noise: V8's own, and what the operating system rounds. */
const NOISE = { heap: 512 * 1024, driverHeaps: 768 * 1024, clientHeap: 512 * 1024, resident: 24 * 1024 * 1024 };

export async function soak({ cycles, measured, leaks = false }: SoakOptions): Promise<SoakReport> {
  const runtime = Runtime.start({ maxDevices: 65_536 });
  const started = performance.now();
  const measurements: Measurement[] = [];
  const leaked: unknown[] = [];
  try {
    await runtime.loadDriver(soakDriverUrl, { threads: 2, parents: PARENTS.map((name) => ({ name })) });
    const { ticket, transfer } = runtime.invite();
    const workerData: SoakClientData = { ticket, parent: CLIENT_PARENT };
    const client = new Worker(new URL('./soak-client.worker.js', import.meta.url), {
      workerData,
      transferList: transfer,
    });
    runtime.watch(client);
    const part = Math.max(1, Math.round(cycles / PARTS));
    const clientPart = Math.max(1, Math.round(part * CLIENT_SHARE));
    let lives = 0;
    for (let turn = 0; turn < PARTS; turn++) {
      client.postMessage(clientPart);
      const answered = once(client, 'message') as Promise<[SoakAnswer]>;
      const end = lives + part - clientPart;
      while (lives < end) {
        const some = Math.min(RENEWED_EVERY, end - lives);
        const first = lives;
        await Promise.all(Array.from({ length: AT_ONCE }, (_, at) => liveSome(runtime, first + at, first + some)));
        lives += some;
        if (leaks) leaked.push(new Array(100_000).fill(lives));
        await runtime.unregisterParent('one');
        await runtime.registerParent({ name: 'one', driver: SOAK_DRIVER });
      }
      const [clientHeap] = await answered;
      const measurement = await measure(runtime, (turn + 1) * part, started, clientHeap);
      measurements.push(measurement);
      measured?.(measurement);
    }
    client.postMessage(0);
    await once(client, 'exit');
  } finally {
    await runtime.close();
  }
  return { measurements, ...compare(measurements) };
}

/** Every AT_ONCE-th life, one after the other. */
async function liveSome({ bus }: Runtime, from: number, to: number): Promise<void> {
  for (let life = from; life < to; life += AT_ONCE) await live(bus, bus.parent('one'), life);
}

async function measure(runtime: Runtime, cycles: number, started: number, clientHeap: number): Promise<Measurement> {
  const { bus } = runtime;
  const { devices, locks, parents, names } = bus.memory;
  const drivers = await Promise.all(
    PARENTS.map(async (name) => JSON.parse(await bus.parent(name).showAttribute('soak/thread')) as ThreadReading),
  );
  const left = drivers.reduce((sum, driver) => sum + driver.devices, 0);
  if (left !== 0 || devices.liveCount() !== 0)
    throw new Error(`${left} devices are left, ${devices.liveCount()} slots`);
  collectGarbage();
  return {
    cycles,
    seconds: (performance.now() - started) / 1000,
    heap: getHeapStatistics().used_heap_size,
    driverHeaps: drivers.reduce((sum, { heap }) => sum + heap, 0),
    clientHeap,
    resident: residentBytes(),
    slots: devices.top,
    lockWords: locks.used,
    parentSlots: parents.top,
    names: countNames((id) => names.name(id)),
    descriptors: readDescriptors().others.length,
    threads: threadCount(),
  };
}

function countNames(name: (id: number) => string | undefined): number {
  let count = 0;
  while (name(count) !== undefined) count++;
  return count;
}

/** Compares the last measurement with the first one after everything has its size. */
function compare(measurements: readonly Measurement[]): { grown: string[]; passed: number } {
  const [before, after] = [measurements[WARM - 1], measurements.at(-1)];
  if (before === undefined || after === undefined) throw new Error('nothing was measured');
  const grown: string[] = [];
  let passed = 0;
  const quantities = [
    'heap',
    'driverHeaps',
    'clientHeap',
    'resident',
    'slots',
    'lockWords',
    'parentSlots',
    'names',
    'descriptors',
    'threads',
  ] as const;
  for (const quantity of quantities) {
    const noise = quantity in NOISE ? NOISE[quantity as keyof typeof NOISE] : 0;
    if (after[quantity] <= before[quantity] + noise) passed++;
    else
      grown.push(
        `${quantity}: ${before[quantity]} after ${before.cycles} cycles, ${after[quantity]} after ${after.cycles}`,
      );
  }
  return { grown, passed };
}
