/** A served device and the machine that uses it, for the parts of this suite; or why there is none here. */
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { Runtime } from '@mediated/core';
import { serveDevice } from '@mediated/vfio-user';
import { outside } from '../harness/outside.js';
import type { EchoData } from './echo.worker.js';
import type { MachineData, MachineTask } from './machine.worker.js';

/** the scratch register of mtty's first port: what it reads is what was written. */
const SCRATCH = { region: 0, offset: 7 } as const;

export const isMeasurable = process.platform === 'linux';
export const WHY_NOT = 'devices are served to machines on Linux alone';

/** Gives a path for a socket while `use` runs. */
export async function withPath<R>(use: (path: string) => Promise<R>): Promise<R> {
  const directory = mkdtempSync(join(tmpdir(), 'mediated-bench-'));
  return outside(
    () => rm(directory, { recursive: true }),
    () => use(join(directory, 'socket')),
  );
}

/** Serves the only device of a driver while `use` runs. */
export async function withDevice<R>(driver: string | URL, type: string, use: (path: string) => Promise<R>): Promise<R> {
  const runtime = Runtime.start();
  await runtime.loadDriver(driver, { parents: [{ name: 'parent' }] });
  const mdev = await runtime.bus.parent('parent').create(type);
  return withPath(async (path) => {
    const served = await serveDevice(runtime, mdev, { path });
    try {
      return await use(path);
    } finally {
      await served.close();
      await runtime.close();
    }
  });
}

/** Starts the echo; it ends when its machine leaves. */
export async function startEcho(path: string): Promise<void> {
  const workerData: EchoData = { path };
  await once(new Worker(new URL('./echo.worker.js', import.meta.url), { workerData }), 'message');
}

/** A machine in a thread of its own. */
export class Machine {
  readonly #worker: Worker;

  private constructor(worker: Worker) {
    this.#worker = worker;
  }

  static async attach(path: string, isDevice: boolean): Promise<Machine> {
    const workerData: MachineData = { path, isDevice, register: SCRATCH };
    const worker = new Worker(new URL('./machine.worker.js', import.meta.url), { workerData });
    await once(worker, 'message');
    return new Machine(worker);
  }

  /** Milliseconds of a task. */
  async perform(task: MachineTask): Promise<number> {
    const answer = once(this.#worker, 'message');
    this.#worker.postMessage(task);
    return (await answer)[0] as number;
  }

  async leave(): Promise<void> {
    const exit = once(this.#worker, 'exit');
    this.#worker.postMessage({ kind: 'leave' } satisfies MachineTask);
    await exit;
  }
}
