/**
 * A client that creates and removes devices of a parent without a pause, several at a time, until the parent refuses it
 * or STOP is set. Told the parent's name; says `streaming` when its first device exists and `done` at the end.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { BusClient, type BusTicket, isMediatedError, type Parent } from '@mediated/core';
import { WAITING_TYPE } from './waiting-driver.js';

/** `workerData` of this worker. */
export interface CreatorData {
  readonly ticket: BusTicket;
  /** Word 0 is STOP: 1 ends the stream. Written by the part only. */
  readonly stop: SharedArrayBuffer;
}

/** What the worker says. */
export type CreatorNews = 'streaming' | 'done';

/** Creates that one client keeps under way. */
const CREATES_AT_ONCE = 32;

const port = parentPort;
if (port === null) throw new Error('this file runs in a worker');
const { ticket, stop } = workerData as CreatorData;
const { bus } = BusClient.attach(ticket);
const words = new Int32Array(stop);

async function stream(parent: Parent, created: () => void): Promise<void> {
  try {
    while (Atomics.load(words, 0) === 0) {
      const mdev = await parent.create(WAITING_TYPE);
      created();
      await mdev.remove();
    }
  } catch (error) {
    // The parent is being unregistered; a refcount gate says EINVAL, and devices that are left are the parent's to remove.
    if (!isMediatedError(error, 'ENODEV') && !isMediatedError(error, 'EINVAL')) throw error;
  }
}

port.on('message', async (name: string) => {
  const parent = bus.parent(name);
  let streaming = false;
  const created = (): void => {
    if (!streaming) port.postMessage('streaming' satisfies CreatorNews);
    streaming = true;
  };
  await Promise.all(Array.from({ length: CREATES_AT_ONCE }, () => stream(parent, created)));
  port.postMessage('done' satisfies CreatorNews);
});
