/** Time of a blocking register read from a worker, against two threads that do nothing but answer each other. */
import { Worker } from 'node:worker_threads';
import { Runtime } from '@mediated/core';
import { ratios } from '../figures.js';
import { alternate } from '../harness/alternate.js';
import type { Part } from '../harness/part.js';
import { pingPong, told } from '../inbox/ping-pong.js';
import type { BlockingReaderData } from './blocking-reader.worker.js';
import { REGISTER_TYPE } from './register-driver.js';

const READS = 200_000;

export const part: Part = async ({ rounds }) => {
  const runtime = Runtime.start();
  await runtime.loadDriver(new URL('./register-driver.js', import.meta.url), { parents: [{ name: 'parent' }] });
  const { uuid } = await runtime.bus.parent('parent').create(REGISTER_TYPE);
  const { ticket, transfer } = runtime.invite();
  const reader = new Worker(new URL('./blocking-reader.worker.js', import.meta.url), {
    workerData: { ticket, uuid } satisfies BlockingReaderData,
    transferList: transfer,
  });
  const [reading, spinning] = await alternate(
    [{ name: 'blocking read', measure: () => told(reader, READS) }, pingPong()],
    rounds,
  );
  return {
    figures: { blocking_read_vs_spin: ratios(reading, spinning) },
    readings: [
      { name: 'one blocking register read', unit: 'ns', values: reading },
      { name: 'one round of a bare ping-pong', unit: 'ns', values: spinning },
    ],
    notes: [],
  };
};
