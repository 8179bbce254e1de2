/** The bus from a worker, blocking: shown in docs/mdev.md. Run by pages.test.ts. */
import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { BusClient, Runtime } from '@mediated/core';
import { mttyUrl } from '@mediated/vendors';
import { openDeviceSync } from '@mediated/vfio';

if (isMainThread) {
  const runtime = Runtime.start();
  await runtime.loadDriver(mttyUrl, { parents: [{ name: 'mtty0' }] });
  const { ticket, transfer } = runtime.invite();
  const worker = new Worker(new URL(import.meta.url), { workerData: ticket, transferList: transfer });
  runtime.watch(worker);
  const [answer] = await once(worker, 'message');
  console.log(answer);
  await runtime.close();
} else {
  using client = BusClient.attach(workerData);
  const port = client.bus.parent('mtty0').createSync('mtty-2');
  const file = openDeviceSync(client.bus, port);
  file.writeSync(0, Uint8Array.of(33));
  const [byte] = file.readSync(0, 1);
  file.closeSync();
  port.removeSync();
  parentPort?.postMessage(`read ${byte}, the device is gone: ${!port.presence.directory}`);
}
