/** The second tour of README.md: an actor asked by the main thread and, blocking, by a worker. Run by pages.test.ts. */
import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { ActorSystem, Client } from '@mediated/core/actor';
import { counter, counterProtocol } from './counter.fixture.js';

if (isMainThread) {
  const system = ActorSystem.start();
  const ref = await system.spawn(counter, { first: 40 }); // a thread of its own
  console.log('main', await ref.ask('add', 1));

  const { ticket, transfer } = system.invite();
  const data = { ticket, counter: ref.handle };
  const worker = new Worker(new URL(import.meta.url), { workerData: data, transferList: transfer });
  system.watch(worker, ticket); // what it holds is let go when it ends
  const [answer] = await once(worker, 'message');
  console.log('worker', answer);

  ref.tell('reset');
  console.log('main', await ref.ask('add', 0));
  await system.close();
} else {
  const client = Client.attach(workerData.ticket);
  const ref = client.ref(workerData.counter, counterProtocol);
  parentPort?.postMessage(ref.askSync('add', 1)); // blocks this thread, as a system call does
  client.close();
}
