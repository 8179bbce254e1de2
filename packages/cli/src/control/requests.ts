/** What a running instance answers to the commands. Supervising thread; used by `mediated up`. */
import { type Bus, isMediatedError, type Mdev, type Runtime, type Uevent } from '@mediated/core';
import { screenshot } from '@mediated/vendors/screenshot';
import { openDevice } from '@mediated/vfio';
import { Recorder } from '../trace/recorder.js';
import { ControlError } from './control-error.js';
import type { Conversation, Handlers } from './exchange.js';
import type { CreateAnswer, DeviceAnswer, SocketAnswer, StatisticsAnswer, TypeAnswer } from './protocol.js';

/** The sockets for virtual machines. */
interface Sockets {
  of(mdev: Mdev): Promise<SocketAnswer | undefined>;
  all(): Promise<ReadonlyMap<string, SocketAnswer>>;
}

/** Devices of any other bus are not mediated: the commands show what the mdev bus has. */
const MDEV_BUS = 'mdev';

/** The handlers for a runtime, and for its sockets if it has any. */
export function requestsOf(runtime: Runtime, sockets?: Sockets): Handlers {
  const { bus } = runtime;
  const started = performance.now();
  return {
    types: () => typesOf(bus),
    list: async () => devicesOf(bus, (await sockets?.all()) ?? new Map()),
    statistics: () => statisticsOf(runtime, performance.now() - started),
    async create({ parent, type, uuid }) {
      const created = await bus.parent(needed(parent, 'parent')).create(needed(type, 'type'), uuid);
      return { uuid: created.uuid, ...(await socketOf(created, sockets)) } satisfies CreateAnswer;
    },
    remove: async ({ uuid }) => {
      await deviceOf(bus, uuid).storeRemove();
    },
    async screenshot({ uuid }) {
      await using file = await openDevice(bus, deviceOf(bus, uuid));
      const png = await screenshot(file, { workqueue: runtime.system.workqueue }).catch((error: unknown) => {
        if (!isMediatedError(error, 'ENOTTY')) throw error;
        throw new ControlError('ENOTTY', `${uuid} has no display`);
      });
      return { png: Buffer.from(png).toString('base64') };
    },
    events: (_request, conversation) => followEvents(bus, conversation),
    async trace(_request, { signal, begin, send }) {
      const recorder = await Recorder.start(runtime, send);
      begin();
      await aborted(signal);
      await recorder.stop();
    },
  };
}

function needed(text: string | undefined, name: string): string {
  if (text !== undefined) return text;
  throw new ControlError('EINVAL', `the request has no ${name}`);
}

function deviceOf(bus: Bus, uuid: string | undefined): Mdev {
  const mdev = bus.mdev(needed(uuid, 'uuid'));
  if (mdev !== undefined && mdev.parent.bus === MDEV_BUS) return mdev;
  throw new ControlError('ENODEV', `there is no device ${JSON.stringify(uuid)}; mediated list shows those that exist`);
}

async function typesOf(bus: Bus): Promise<TypeAnswer[]> {
  const parents = bus.parents().filter(({ bus: own }) => own === MDEV_BUS);
  const types = parents.flatMap((parent) => parent.types.map((type) => ({ parent, type })));
  return Promise.all(
    types.map(async ({ parent, type: { id, name } }) => ({
      parent: parent.name,
      type: id,
      available: await parent.availableInstances(id),
      deviceApi: parent.deviceApi,
      name,
      description: parent.describes ? (await parent.description(id)).trimEnd() : '',
    })),
  );
}

async function socketOf(mdev: Mdev, sockets: Sockets | undefined): Promise<Omit<CreateAnswer, 'uuid'>> {
  try {
    return (await sockets?.of(mdev)) ?? {};
  } catch (error) {
    // The device is there all the same.
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

function devicesOf(bus: Bus, sockets: ReadonlyMap<string, SocketAnswer>): DeviceAnswer[] {
  const devices = bus.mdevs().filter(({ parent }) => parent.bus === MDEV_BUS);
  const answers = devices.map(({ uuid, parent, type, group }) => {
    const number = group === undefined ? {} : { group };
    return { uuid, parent: parent.name, type, driver: parent.driver, ...number, ...sockets.get(uuid) };
  });
  return answers.sort((a, b) => (a.parent === b.parent ? compare(a.uuid, b.uuid) : compare(a.parent, b.parent)));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function statisticsOf(runtime: Runtime, uptime: number): StatisticsAnswer {
  const counts = new Map<string, number>();
  for (const { parent } of runtime.bus.mdevs()) counts.set(parent.name, (counts.get(parent.name) ?? 0) + 1);
  return {
    uptime,
    threads: runtime.system.statistics(),
    locks: runtime.lockStatistics(),
    parents: runtime.bus.parents().map(({ name, driver, shards }) => {
      return { name, driver, threads: shards.length, devices: counts.get(name) ?? 0 };
    }),
  };
}

async function followEvents(bus: Bus, { signal, begin, send, lose }: Conversation): Promise<void> {
  const onUevent = (event: Uevent) => send(event);
  const onLost = (count: number) => lose(count);
  bus.events.on('uevent', onUevent);
  bus.events.on('lost', onLost);
  begin();
  await aborted(signal);
  bus.events.off('uevent', onUevent);
  bus.events.off('lost', onLost);
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
