/**
 * An actor system without any device: benches on threads of their own, asked by the main thread and, blocking, by a worker. A
 * bench's thread dies and is started again; its reference stays good, its state is new.
 */
import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { ActorSystem, Client } from '@mediated/core/actor';
import { bench, benchProtocol } from './bench.js';

if (isMainThread) {
  await using system = ActorSystem.start();
  const benches = await Promise.all([1, 2, 3].map((n) => system.spawn(bench, undefined, { thread: `bench ${n}` })));

  // 300 boards, 100 for each bench, all at once.
  const cut = await Promise.all(Array.from({ length: 300 }, (_, board) => benches[board % 3].ask('cut', 100 + board)));
  console.log('boards of the last bench:', Math.max(...cut));

  // What a handler throws arrives at the asker.
  await benches[0].ask('cut', 500).catch((error) => console.log(error.message));

  // A worker asks and blocks until it has its answer, as with a system call.
  const { ticket, transfer } = system.invite();
  const data = { ticket, bench: benches[1].handle };
  const worker = new Worker(new URL(import.meta.url), { workerData: data, transferList: transfer });
  system.watch(worker, ticket);
  const [boards] = await once(worker, 'message');
  console.log('asked by a worker:', boards);

  // A thread that dies is started again with the same actors.
  const restarted = new Promise((resolve) => system.events.once('threadRestart', resolve));
  benches[2].tell('jam');
  await restarted;
  console.log('after the restart:', await benches[2].ask('cut', 250));
} else {
  const client = Client.attach(workerData.ticket);
  parentPort?.postMessage(client.ref(workerData.bench, benchProtocol).askSync('cut', 180));
  client.close();
}
