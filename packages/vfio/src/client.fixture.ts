/**
 * A client thread for tests: attaches with the ticket in `workerData`, does one job, posts `{ value }` or `{ code }`.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { BusClient, type BusTicket, DEVICE_FRAMEWORK } from '@mediated/core';
import { currentThread, Mutex } from '@mediated/core/sync';
import { type DeviceFile, InterruptCounter, openDevice, openDeviceSync } from '@mediated/vfio';

export interface ClientData {
  readonly ticket: BusTicket;
  readonly uuid: string;
  readonly job: keyof typeof jobs;
  /** What a job needs besides. */
  readonly number?: number;
  readonly buffer?: SharedArrayBuffer;
}

const { ticket, uuid, job, number = 0, buffer } = workerData as ClientData;
const client = BusClient.attach(ticket);
const { bus } = client;
const post = (message: unknown) => parentPort?.postMessage(message);
/** Files that are open when the thread ends. */
const kept: DeviceFile[] = [];

const jobs = {
  /** Opens and closes `number` times, sometimes twice at once. */
  async openAndClose() {
    for (let i = 0; i < number; i++) {
      const first = await openDevice(bus, uuid);
      const second = i % 3 === 0 ? await openDevice(bus, uuid) : undefined;
      await first.close();
      await second?.close();
    }
    return number;
  },
  openAndCloseSync() {
    for (let i = 0; i < number; i++) {
      using file = openDeviceSync(bus, uuid);
      // A byte of the device that no other client touches.
      const mine = currentThread();
      file.writeSync(mine, Uint8Array.of(i));
      if (file.readSync(mine, 1)[0] !== i) throw new Error('read something else');
      if (file.ioctlSync(4, Uint8Array.of(1, 2)) !== 2) throw new Error('another result');
      if (file.mmapSync(0, 8).byteLength !== 8) throw new Error('another length');
    }
    return number;
  },
  async openAndDie() {
    kept.push(await openDevice(bus, uuid), await openDevice(bus, uuid));
    post({ value: 'open' });
    process.exit(0);
  },
  /** Asks for an open and ends before it is answered. */
  openingAndDie() {
    openDevice(bus, uuid).catch(() => {});
    post({ value: 'opening' });
    setImmediate(() => process.exit(0));
  },
  async openAndLeave() {
    kept.push(await openDevice(bus, uuid));
    client.close();
    return 'left';
  },
  /** Ends with the mutex of slot `number`'s own set. `buffer` tells where that lies in the slot. */
  holdOwnMutexAndDie() {
    const { devices } = bus.memory;
    const offset = new Int32Array(buffer as SharedArrayBuffer)[0];
    Mutex.at(devices.words, devices.base(number) + DEVICE_FRAMEWORK + offset).tryLock();
    process.exit(0);
  },
  signalTwice() {
    const counter = InterruptCounter.from(buffer as SharedArrayBuffer);
    counter.signal();
    counter.signal();
    return 2;
  },
};

try {
  const value = await jobs[job]();
  if (value !== undefined) post({ value });
} catch (error) {
  post({ code: (error as { code?: string }).code, message: String(error) });
}
