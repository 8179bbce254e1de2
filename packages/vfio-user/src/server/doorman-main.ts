/**
 * The thread at the sockets of all served devices of a runtime: it sleeps until there is something at one of them, an attendant
 * has answered, or the thread that started it has something to say. It is a client of the runtime.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { isMediatedError, MediatedError } from '@mediated/core';
import { Client } from '@mediated/core/actor';
import { Ledger } from '../native/ledger.js';
import { sleepFor } from '../native/loop-sleep.js';
import { READABLE } from '../native/poll-set.js';
import { UnixListener } from '../native/unix-socket.js';
import { Watches } from '../native/watches.js';
import { AcceptPause } from './accept-pause.js';
import { attendantProtocol } from './attendant-protocol.js';
import { Door } from './door.js';
import type { DoorNews, DoormanOptions, DoormanOrder, DoorOptions } from './doorman-protocol.js';

const { ticket, wake, stop, ledger } = workerData as DoormanOptions;
const port = parentPort;
if (port === null) throw new Error('this is the code of a worker');
const own = new Ledger(ledger);
const client = Client.attach(ticket);
const watches = new Watches(own);
const pause = new AcceptPause();
const doors = new Map<number, Door>();
const say = (news: DoorNews) => port.postMessage(news);

async function open(number: number, options: DoorOptions): Promise<void> {
  let listener: UnixListener;
  try {
    listener = new UnixListener(options.path, own);
  } catch (error) {
    const { code, message } = isMediatedError(error) ? error : new MediatedError('EIO', String(error));
    return say({ kind: 'failed', door: number, code, message });
  }
  const door = new Door(watches, pause, client.ref(options.attendant, attendantProtocol), listener, options);
  doors.set(number, door);
  say({ kind: 'listening', door: number });
  try {
    await door.serve();
  } catch (error) {
    // What nobody has foreseen ends this one, not the others.
    process.emitWarning(error instanceof Error ? error : String(error));
  }
  doors.delete(number);
  say({ kind: 'closed', door: number });
}

port.on('message', (order: DoormanOrder) => {
  if (order.kind === 'open') void open(order.door, order.options);
  else doors.get(order.door)?.close();
});
void watches.first([{ descriptor: wake, events: READABLE }]);
await sleepFor(
  watches.number,
  (words) => watches.tell(words),
  () => Atomics.load(stop, 0) !== 0,
);
watches.close();
client.close();
port.close();
