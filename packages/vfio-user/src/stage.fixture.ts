/** What tests of a served device need: a runtime with the card, the card served, clients. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isMediatedError, type Mdev, Runtime } from '@mediated/core';
import { connect, type ServedDevice, serveDevice, type VfioUserClient } from '@mediated/vfio-user';

export const CARD = new URL('./card.fixture.js', import.meta.url);

export function freshPath(): string {
  return join(tmpdir(), `vfio-user-${randomUUID().slice(0, 8)}.sock`);
}

export class Stage {
  readonly runtime: Runtime;
  readonly mdev: Mdev;
  readonly served: ServedDevice;

  private constructor(runtime: Runtime, mdev: Mdev, served: ServedDevice) {
    this.runtime = runtime;
    this.mdev = mdev;
    this.served = served;
  }

  /** `driver`: another than the card's, with its type; `parents`: others beside `p`, each on a thread of its own. */
  static async set(driver: string | URL = CARD, type = 'card-one', parents: readonly string[] = []): Promise<Stage> {
    const runtime = Runtime.start({ closeDeadline: 1000 });
    const all = ['p', ...parents].map((name) => ({ name, threads: 1 }));
    await runtime.loadDriver(driver, { parents: all, threads: all.length });
    const mdev = await runtime.bus.parent('p').create(type);
    return new Stage(runtime, mdev, await serveDevice(runtime, mdev, { path: freshPath() }));
  }

  connect(): Promise<VfioUserClient> {
    return connect(this.served.path);
  }

  /**
   * What the server holds when a client has just attached: nothing of those before, which it has left behind by then.
   * Besides the connection there are `shown` files of regions.
   */
  async leftovers(shown = 0): Promise<{ descriptors: number; mappings: number }> {
    const client = await this.connect();
    const { descriptors, mappings } = this.served.ledger;
    await client.close();
    return { descriptors: descriptors - 1 - shown, mappings };
  }

  async close(): Promise<void> {
    await this.served.close();
    await this.runtime.close();
  }
}

/** Kills the thread of a device, as a crash does; returns when it runs again, without the device. */
export async function killThread(runtime: Runtime, mdev: Mdev): Promise<void> {
  const thread = mdev.parent.frameworkActor(mdev.shard)?.thread;
  const { name } = runtime.system.statistics().find((one) => one.thread === thread) ?? { name: '' };
  const restarted = once(runtime.system.events, 'threadRestart');
  await (await runtime.system.thread(name)).worker.terminate();
  await restarted;
}

/** The code with which something fails; `ok` if it does not. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'ok';
  } catch (error) {
    if (isMediatedError(error)) return error.code;
    throw error;
  }
}

/** A number as eight bytes. */
export function u64(value: bigint | number): Uint8Array {
  return new Uint8Array(BigUint64Array.of(BigInt(value)).buffer);
}
