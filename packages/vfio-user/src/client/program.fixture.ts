/**
 * A program with a client that is idle, and is to end. Arguments: the path of a served device, and how: `close` (it closes the
 * client and has nothing more to do), `exit` (it exits), `terminate` (the client is a thread's, which is terminated). The program,
 * or that thread, says what it has read.
 */
import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { connect } from '@mediated/vfio-user';

const [, , path, way] = isMainThread ? process.argv : (workerData as readonly string[]);

if (isMainThread && way === 'terminate') {
  const worker = new Worker(new URL(import.meta.url), { workerData: process.argv });
  console.log(...((await once(worker, 'message')) as unknown[]));
  await worker.terminate();
} else {
  const client = await connect(path);
  const event = client.eventDescriptor();
  const idle = event.wait();
  const { length } = await client.read(0, 0, 1);
  if (isMainThread) console.log(length);
  parentPort?.postMessage(length);
  if (way === 'exit') process.exit();
  if (way === 'close') {
    event.close();
    await Promise.allSettled([idle, client.close()]);
  }
}
