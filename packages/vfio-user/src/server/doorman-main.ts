/**
 * The thread at the socket of a served device: accepts one machine after the other, and waits in `poll` for what the attendant
 * is to take, since the device's own thread has others to serve too. It is a client of the bus that blocks. The thread that
 * has started it wakes it by an event counter.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { BusClient, type BusTicket, isMediatedError, MediatedError } from '@mediated/core';
import type { ActorHandle, ActorRef } from '@mediated/core/actor';
import { Descriptor, Ledger } from '../native/ledger.js';
import { EventDescriptor } from '../native/event-descriptor.js';
import { PollSet, READABLE, WRITABLE } from '../native/poll-set.js';
import { UnixListener } from '../native/unix-socket.js';
import { type AttendantMessages, attendantProtocol, OUTCOMES } from './attendant-protocol.js';

/** What the thread is started with. */
export interface DoormanOptions {
  readonly ticket: BusTicket;
  readonly attendant: ActorHandle;
  readonly path: string;
  /** Event counter by which it is woken; the starting thread's. */
  readonly wake: number;
  /** One word: not 0 from when it is to end. */
  readonly stop: Int32Array<SharedArrayBuffer>;
  /** What the attendant holds, and what its thread needs to wait. */
  readonly ledgers: readonly Int32Array<SharedArrayBuffer>[];
}

/** What it says once. */
export type DoormanNews =
  | { readonly kind: 'listening' }
  | { readonly kind: 'failed'; readonly code: MediatedError['code']; readonly message: string };

const { ticket, attendant: handle, path, wake, stop, ledgers } = workerData as DoormanOptions;
const port = parentPort;
if (port === null) throw new Error('this is the code of a worker');
const own = new Ledger();
const client = BusClient.attach(ticket);
const attendant: ActorRef<AttendantMessages> = client.client.ref(handle, attendantProtocol);
const wakeEvent = new EventDescriptor(new Descriptor(wake, own));
const isStopped = () => Atomics.load(stop, 0) !== 0;

/** Places in the poll sets. */
const SOCKET = 0;
const WAKE = 1;
const HEARD = 2;

/** Waits for the first of them to be ready, or to be woken. */
function wait(set: PollSet, socket: number, events: number, others: readonly number[] = []): void {
  set.set([
    { descriptor: socket, events },
    ...[wake, ...others].map((descriptor) => ({ descriptor, events: READABLE })),
  ]);
  set.wait();
  if (set.isReady(WAKE)) wakeEvent.take();
}

/** Serves a machine to its end. The descriptor is the attendant's. */
function serveMachine(socket: number): void {
  const set = new PollSet();
  let heard: readonly number[] = [];
  let outcome: number = OUTCOMES.idle;
  attendant.askSync('attach', socket);
  while (outcome !== OUTCOMES.ended && !isStopped()) {
    if (outcome === OUTCOMES.heard) heard = attendant.askSync('heard');
    else wait(set, socket, outcome === OUTCOMES.full ? WRITABLE : READABLE, heard);
    if (isStopped()) break;
    const signalled = heard.some((_, at) => outcome !== OUTCOMES.heard && set.isReady(HEARD + at));
    outcome = attendant.askSync('serve', signalled);
  }
  attendant.askSync('detach');
}

/** The device's thread has died: what it has left open is closed, and its device is gone. */
function settle(error: unknown): void {
  if (!isMediatedError(error, 'EIO') && !isMediatedError(error, 'ESRCH')) throw error;
  for (const ledger of ledgers) new Ledger(ledger).settle();
}

function serve(listener: UnixListener): void {
  const set = new PollSet();
  while (!isStopped()) {
    wait(set, listener.descriptor.number, READABLE);
    const socket = set.isReady(SOCKET) ? listener.accept() : undefined;
    if (socket === undefined) continue;
    try {
      serveMachine(socket);
    } catch (error) {
      if (isMediatedError(error, 'ENODEV')) continue;
      settle(error);
    }
  }
}

function listen(): UnixListener | undefined {
  try {
    return new UnixListener(path, own);
  } catch (error) {
    const failure = isMediatedError(error) ? error : new MediatedError('EIO', String(error));
    const { code, message } = failure;
    port?.postMessage({ kind: 'failed', code, message } satisfies DoormanNews);
    return undefined;
  }
}

const listener = listen();
if (listener !== undefined) {
  port.postMessage({ kind: 'listening' } satisfies DoormanNews);
  try {
    serve(listener);
  } finally {
    listener.close();
  }
}
client.close();
