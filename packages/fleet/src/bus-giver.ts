/**
 * Has every create on a runtime, from any of its threads, ask for its UUID first: starts the actor that the bus asks, and answers
 * what it passes on. Supervising thread.
 */
import { randomUUID } from 'node:crypto';
import { BroadcastChannel } from 'node:worker_threads';
import { ERRNO, isMediatedError, type Runtime } from '@mediated/core';
import { formatUuid } from '@mediated/core/memory';
import type { UuidGiver } from './machine.js';
import { reserverActor, type ReserverAnswer, type ReserverQuestion } from './reserver-actor.js';

/** Devices of any other bus are not mediated; their UUIDs are nobody else's business. */
const MDEV_BUS = 'mdev';

/** Begins; answers how to stop. */
export async function askFirst(runtime: Runtime, giver: UuidGiver): Promise<() => Promise<void>> {
  const name = `mediated-fleet-${randomUUID()}`;
  const channel = new BroadcastChannel(name);
  channel.onmessage = (event) => {
    const { data } = event as { data: Partial<ReserverAnswer> & ReserverQuestion };
    if ('ask' in data) void answer(data).then((result) => channel.postMessage({ answer: data.ask, result }));
  };
  channel.unref();

  async function answer(question: ReserverQuestion): Promise<number> {
    if ('release' in question) {
      await giver.release(formatUuid(Int32Array.from(question.release), 0)).catch(() => {});
      return 0;
    }
    const parent = runtime.bus.parents().find(({ index }) => index === question.parent);
    if (parent === undefined) return -ERRNO.ENODEV;
    if (parent.bus !== MDEV_BUS) return 0;
    try {
      await giver.reserve(formatUuid(Int32Array.from(question.uuid), 0), parent.name, parent.types[question.type].id);
      return 0;
    } catch (error) {
      return isMediatedError(error) ? error.errno : -ERRNO.EIO;
    }
  }

  const actor = await runtime.system.spawn(reserverActor, { channel: name });
  runtime.reserveWith(actor.handle);
  return async () => {
    runtime.reserveWith(undefined);
    await runtime.system.stop(actor).catch(() => {});
    channel.close();
  };
}
