/**
 * The client threads of the races: started as they are needed, used for one scenario after the other. Main thread only.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Machine } from './machine.js';
import type { HealRequest, RaceJob, RaceReport } from './race-job.js';

const CLIENT = new URL('../../dist-fixtures/oracle/race-client.fixture.js', import.meta.url);

export class RaceClients {
  readonly #machine: Machine;
  readonly #workers: Worker[] = [];

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** Gives each client one job, all at once; `heal` is asked when one finds a device wedged. */
  async start(jobs: readonly RaceJob[], heal: () => Promise<string[]>): Promise<Promise<RaceReport>[]> {
    while (this.#workers.length < jobs.length) await this.#start();
    return jobs.map(async (job, i) => {
      const report = await runJob(this.#workers[i], job, heal);
      if (report.failure !== undefined) throw new Error(`a race client failed: ${report.failure}`);
      return report;
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  async #start(): Promise<void> {
    const { ticket, transfer } = this.#machine.runtime.invite();
    const worker = new Worker(CLIENT, { workerData: { ticket }, transferList: transfer });
    this.#machine.runtime.watch(worker);
    this.#workers.push(worker);
    await once(worker, 'online');
  }
}

function runJob(worker: Worker, job: RaceJob, heal: () => Promise<string[]>): Promise<RaceReport> {
  return new Promise((resolve, reject) => {
    const done = (act: () => void) => {
      worker.off('message', onMessage);
      worker.off('error', onError);
      worker.off('exit', onExit);
      act();
    };
    const onError = (error: unknown) => done(() => reject(error as Error));
    const onExit = () => done(() => reject(new Error('a race client has ended')));
    const onMessage = (message: RaceReport | HealRequest) => {
      if ('heal' in message) void heal().then((healed) => worker.postMessage({ healed }), onError);
      else done(() => resolve(message));
    };
    worker.on('message', onMessage);
    worker.on('error', onError);
    worker.on('exit', onExit);
    worker.postMessage(job);
  });
}
