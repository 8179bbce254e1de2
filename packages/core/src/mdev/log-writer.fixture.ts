/** A worker that appends events to a log once it may: its number and a count. */
import { parentPort, workerData } from 'node:worker_threads';
import { EventLog, type EventLogHandle } from '#dist/mdev/event-log.js';

export interface LogData {
  readonly log: EventLogHandle;
  readonly writer: number;
  readonly count: number;
  /** Word 0 becomes 1 when everybody is ready. */
  readonly go: Int32Array;
}

const { log: handle, writer, count, go } = workerData as LogData;
const log = EventLog.from(handle);
parentPort?.postMessage('ready');
Atomics.wait(go, 0, 0);
for (let n = 0; n < count; n++) log.append([0, writer, n]);
