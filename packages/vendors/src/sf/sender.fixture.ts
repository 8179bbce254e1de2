/**
 * A client thread that opens a subfunction, sends frames to another one and says how many: for tests with programs and
 * functions on several threads. Blocks nowhere; ends by itself.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { BusClient, type BusTicket } from '@mediated/core';
import { openDevice } from '@mediated/vfio';
import { NicClient } from '#dist/sf/client.js';
import { frameOf } from './frames.fixture.js';

/** What the thread is told. */
export interface SenderTask {
  readonly ticket: BusTicket;
  readonly uuid: string;
  readonly destination: Uint8Array;
  readonly frames: number;
}

const { ticket, uuid, destination, frames } = workerData as SenderTask;
const client = BusClient.attach(ticket);
const mdev = client.bus.mdev(uuid);
if (mdev === undefined) throw new Error(`no device ${uuid}`);
const file = await openDevice(client.bus, mdev);
const nic = await NicClient.open(file);
for (let number = 0; number < frames; number++) {
  if (!nic.queue(frameOf(destination, nic.mac, number, 60 + (number % 1400)))) {
    await nic.send();
    number--;
  }
}
await nic.send();
parentPort?.postMessage(nic.address);
await file.close();
client.close();
