/**
 * A client thread of the races: takes jobs from the main thread and answers with outcomes. It uses the same attribute
 * files as everybody else, through a bus client of its own.
 */
import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { type AttributeFile, BusClient, type BusTicket, isMediatedError, openAttribute } from '@mediated/core';
import { openDevice } from '@mediated/vfio';
import {
  ARRIVED,
  type LoopJob,
  PROGRESS,
  type RaceJob,
  type RaceReport,
  ROUND,
  type SimultaneousJob,
  STOP,
} from '#dist/oracle/race-job.js';

/** Nobody waits longer at a barrier than for a party that has died. */
const BARRIER_PATIENCE = 30_000;

const { bus } = BusClient.attach((workerData as { ticket: BusTicket }).ticket);
const port = parentPort as NonNullable<typeof parentPort>;

function codeOf(error: unknown): string {
  if (isMediatedError(error)) return error.code;
  throw error;
}

/** How often each outcome was seen. */
class Counts {
  readonly all: Record<string, number> = {};

  add(outcome: string): void {
    this.all[outcome] = this.of(outcome) + 1;
  }

  of(outcome: string): number {
    return this.all[outcome] ?? 0;
  }
}

/** Waits until all parties have come. */
function barrier({ control, parties }: SimultaneousJob): void {
  const round = Atomics.load(control, ROUND);
  if (Atomics.add(control, ARRIVED, 1) + 1 === parties) {
    Atomics.store(control, ARRIVED, 0);
    Atomics.add(control, ROUND, 1);
    Atomics.notify(control, ROUND);
    return;
  }
  while (Atomics.load(control, ROUND) === round) {
    if (Atomics.wait(control, ROUND, round, BARRIER_PATIENCE) === 'timed-out') throw new Error('a party is missing');
  }
}

const createPath = (type: string) => `/class/mdev_bus/${type.split('-')[0]}/mdev_supported_types/${type}/create`;
const removePath = (uuid: string) => `/bus/mdev/devices/${uuid}/remove`;

/** Opens and writes; `between` runs in between. */
async function attempt(path: string, data: string, between: () => void | Promise<void> = () => {}): Promise<string> {
  let file: AttributeFile;
  try {
    file = await openAttribute(bus, path, 'write');
  } catch (error) {
    return `open:${codeOf(error)}`;
  }
  return write(file, data, between);
}

async function write(file: AttributeFile, data: string, between: () => void | Promise<void>): Promise<string> {
  try {
    await between();
    await file.write(Buffer.from(data));
    return 'ok';
  } catch (error) {
    return codeOf(error);
  } finally {
    file.close();
  }
}

async function simultaneous(job: SimultaneousJob): Promise<RaceReport> {
  const rounds: string[] = [];
  const counts = new Counts();
  const first = job.party === 0;
  for (let round = 0; round < job.rounds; round++) {
    const type = job.types[(round + job.party) % job.types.length];
    const path = job.what === 'create' ? createPath(type) : removePath(job.uuid);
    const data = job.what === 'create' ? job.uuid : '1';
    if (first && job.what === 'remove') await attempt(createPath(type), job.uuid);
    barrier(job);
    const file = job.opened ? await openAttribute(bus, path, 'write') : undefined;
    barrier(job);
    rounds.push(await (file === undefined ? attempt(path, data) : write(file, data, () => {})));
    barrier(job);
    if (first && job.what === 'create') counts.add(await attempt(removePath(job.uuid), '1'));
  }
  return { rounds, counts: counts.all };
}

/** Whether a device is there without its `remove` file, and not merely on its way out. */
async function isWedged(uuid: string): Promise<boolean> {
  const mdev = bus.mdev(uuid);
  if (mdev === undefined || mdev.presence.remove || !mdev.presence.bus) return false;
  // The device's thread has nothing left to do for it once it has answered.
  await mdev.parent.availableInstances(mdev.type).catch(codeOf);
  return mdev.presence.bus && !mdev.presence.remove;
}

async function createOnce(job: LoopJob, uuid: string, counts: Counts): Promise<void> {
  const outcome = await attempt(createPath(job.type), uuid, job.delayed ? () => setImmediate() : undefined);
  counts.add(outcome);
  if (outcome !== 'ok' || !(await isWedged(uuid))) return;
  counts.add('WEDGED(device present,remove file gone)');
  port.postMessage({ heal: uuid });
  const [healed] = (await once(port, 'message')) as [{ healed: string[] }];
  for (const healing of healed.healed) counts.add(healing);
}

async function readOnce(job: LoopJob, uuid: string, counts: Counts): Promise<void> {
  const files = {
    vendor: `/bus/mdev/devices/${uuid}/vendor/sample_mdev_dev`,
    avail: `/bus/mdev/devices/${uuid}/mdev_type/available_instances`,
  };
  for (const [name, path] of Object.entries(files)) {
    // `mdev_type` is a link of the device: without it there is no path through it.
    const linked = bus.mdev(uuid)?.presence.links === true;
    if (name === 'avail' && !linked) {
      counts.add('avail ENOENT');
      continue;
    }
    const real = name === 'avail' ? createPath(job.type).replace(/create$/, 'available_instances') : path;
    const result = await openAttribute(bus, real, 'read')
      .then((file) => file.read())
      .then(() => 'ok', codeOf);
    counts.add(`${name} ${result}`);
  }
}

async function openOnce(uuid: string, counts: Counts): Promise<void> {
  const mdev = bus.mdev(uuid);
  if (mdev?.group === undefined) {
    counts.add('no-group ENOENT');
    return;
  }
  try {
    const file = await openDevice(bus, mdev);
    counts.add('device ok');
    await file.close();
  } catch (error) {
    counts.add(`after-group ${codeOf(error)}`);
  }
}

async function act(job: LoopJob, uuid: string, counts: Counts): Promise<void> {
  const between = job.delayed ? () => setImmediate() : undefined;
  switch (job.role) {
    case 'create':
      return createOnce(job, uuid, counts);
    case 'remove':
      counts.add(await attempt(removePath(uuid), '1', between));
      return;
    case 'remove-all':
      for (const mdev of bus.mdevs()) counts.add(await attempt(removePath(mdev.uuid), '1', between));
      return;
    case 'reader':
      return readOnce(job, uuid, counts);
    case 'opener':
      return openOnce(uuid, counts);
    case 'unbind':
      counts.add(await attempt(`/bus/mdev/drivers/${job.type.split('-')[0]}/unbind`, uuid));
  }
}

async function loop(job: LoopJob): Promise<RaceReport> {
  const counts = new Counts();
  for (let i = 0; Atomics.load(job.control, STOP) === 0; i++) {
    if (job.successes > 0 && (counts.of('ok') >= job.successes || i === job.successes * 100)) break;
    await act(job, job.uuids[i % job.uuids.length], counts);
    Atomics.add(job.control, PROGRESS, 1);
    Atomics.notify(job.control, PROGRESS);
    // Replies and the main thread's messages come in between.
    await setImmediate();
  }
  return { rounds: [], counts: counts.all };
}

async function run(job: RaceJob): Promise<RaceReport> {
  try {
    return await (job.kind === 'simultaneous' ? simultaneous(job) : loop(job));
  } catch (error) {
    return { rounds: [], counts: {}, failure: error instanceof Error ? String(error.stack) : String(error) };
  }
}

port.on('message', (message: RaceJob | { healed: string[] }) => {
  if ('kind' in message) void run(message).then((report) => port.postMessage(report));
});
