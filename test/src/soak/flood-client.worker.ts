/** A client that fills an inbox: asks for everything at once, waits until all has settled, says so and leaves. */
import { parentPort, workerData } from 'node:worker_threads';
import { BusClient, type BusTicket, isMediatedError } from '@mediated/core';
import { SOAK_TYPE } from './soak-driver.js';

/** What a client is given. */
export interface FloodClientData {
  readonly ticket: BusTicket;
  readonly parent: string;
  /** How many asks are to be outstanding at once. */
  readonly asks: number;
}

export interface FloodAnswer {
  readonly settled: number;
  readonly backlogged: number;
}

const { ticket, parent: name, asks } = workerData as FloodClientData;
using client = BusClient.attach(ticket);
const parent = client.bus.parent(name);

async function ask(): Promise<number> {
  try {
    await (await parent.create(SOAK_TYPE)).remove();
  } catch (error) {
    // EUSERS: others have all the instances at the moment. That is an answer, too.
    if (!isMediatedError(error, 'EUSERS')) throw error;
  }
  return 1;
}

const settled = (await Promise.all(Array.from({ length: asks }, ask))).length;
const { backlogged } = client.client.statistics();
const answer: FloodAnswer = { settled, backlogged };
parentPort?.postMessage(answer);
