/** A client thread that reads a register and blocks for each answer. Told how often, answers with nanoseconds per read. */
import { parentPort, workerData } from 'node:worker_threads';
import { BusClient, type BusTicket } from '@mediated/core';
import { openDeviceSync } from '@mediated/vfio';

/** `workerData` of this worker. */
export interface BlockingReaderData {
  readonly ticket: BusTicket;
  readonly uuid: string;
}

const port = parentPort;
if (port === null) throw new Error('this file runs in a worker');
const { ticket, uuid } = workerData as BlockingReaderData;
const file = openDeviceSync(BusClient.attach(ticket).bus, uuid);

port.on('message', (reads: number) => {
  const start = performance.now();
  for (let i = 0; i < reads; i++) {
    if (file.readSync(8, 4)[0] !== 2) throw new Error('a register has another value');
  }
  port.postMessage(((performance.now() - start) * 1e6) / reads);
});
