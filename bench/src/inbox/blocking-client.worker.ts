/** A client thread that asks the echo actor and blocks for each reply. Told how often, answers with nanoseconds per ask. */
import { parentPort, workerData } from 'node:worker_threads';
import { type ActorHandle, Client, type ClientTicket } from '@mediated/core/actor';
import { echoProtocol } from './echo-actor.js';

/** `workerData` of this worker. */
export interface BlockingClientData {
  readonly ticket: ClientTicket;
  readonly echo: ActorHandle;
}

const port = parentPort;
if (port === null) throw new Error('this file runs in a worker');
const { ticket, echo } = workerData as BlockingClientData;
const ref = Client.attach(ticket).ref(echo, echoProtocol);

port.on('message', (asks: number) => {
  const start = performance.now();
  for (let value = 0; value < asks; value++) {
    if (ref.askSync('echo', value) !== value) throw new Error('an echo came back changed');
  }
  port.postMessage(((performance.now() - start) * 1e6) / asks);
});
