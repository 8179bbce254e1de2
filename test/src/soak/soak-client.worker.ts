/** A client of a soak: runs as many lives as it is told, blocking, and says how large its heap is then. */
import { parentPort, workerData } from 'node:worker_threads';
import { getHeapStatistics } from 'node:v8';
import { BusClient, type BusTicket } from '@mediated/core';
import { collectGarbage } from '../process-reading.js';
import { liveSync } from './cycles.js';

/** What a client is given. */
export interface SoakClientData {
  readonly ticket: BusTicket;
  readonly parent: string;
}

/** One task: how many lives; 0: the client is to leave. */
export type SoakTask = number;
/** Bytes of the heap in use afterwards. */
export type SoakAnswer = number;

const { ticket, parent } = workerData as SoakClientData;
const client = BusClient.attach(ticket);
let lives = 0;

parentPort?.on('message', (count: SoakTask) => {
  if (count === 0) {
    client.close();
    parentPort?.close();
    return;
  }
  for (let life = 0; life < count; life++) liveSync(client.bus, client.bus.parent(parent), lives++);
  collectGarbage();
  const answer: SoakAnswer = getHeapStatistics().used_heap_size;
  parentPort?.postMessage(answer);
});
