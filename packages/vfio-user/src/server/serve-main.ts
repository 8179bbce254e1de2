/**
 * The thread that serves one device to machines: waits for a connection, serves it to its end, then the next. It is a client
 * of the bus that blocks: in `poll`, or for what it asks of the device. The thread that has started it wakes it by an event
 * counter.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { BusClient, type BusTicket, isMediatedError, MediatedError } from '@mediated/core';
import { Descriptor, Ledger } from '../native/ledger.js';
import { EventDescriptor } from '../native/event-descriptor.js';
import { PollSet, READABLE, WRITABLE } from '../native/poll-set.js';
import { UnixListener, type UnixSocket } from '../native/unix-socket.js';
import { ShownRegions } from './infos.js';
import { Session } from './session.js';

/** What the thread is started with. */
export interface ServeOptions {
  readonly ticket: BusTicket;
  /** Slot and generation of the device. */
  readonly index: number;
  readonly generation: number;
  readonly path: string;
  /** Event counter by which it is woken; the starting thread's. */
  readonly wake: number;
  /** One word: not 0 from when it is to end. */
  readonly stop: Int32Array<SharedArrayBuffer>;
  readonly ledger: Int32Array<SharedArrayBuffer>;
}

/** What it says once. */
export type ServeNews =
  | { readonly kind: 'listening' }
  | { readonly kind: 'failed'; readonly code: MediatedError['code']; readonly message: string };

const { ticket, index, generation, path, wake, stop, ledger: words } = workerData as ServeOptions;
const port = parentPort;
if (port === null) throw new Error('this is the code of a worker');
const ledger = new Ledger(words);
const client = BusClient.attach(ticket);
const { bus } = client;
const wakeEvent = new EventDescriptor(new Descriptor(wake, new Ledger()));
const isStopped = () => Atomics.load(stop, 0) !== 0;

/** Places in the poll sets. */
const SOCKET = 0;
const WAKE = 1;
const HEARD = 2;

function woken(set: PollSet): void {
  if (set.isReady(WAKE)) wakeEvent.take();
}

/** The wait for a machine that does not take its answers. */
function roomAwaiter(socket: UnixSocket): () => boolean {
  const set = new PollSet();
  set.set([
    { descriptor: socket.descriptor.number, events: WRITABLE },
    { descriptor: wake, events: READABLE },
  ]);
  return () => {
    set.wait();
    woken(set);
    return !isStopped();
  };
}

async function serveMachine(socket: UnixSocket, shown: ShownRegions): Promise<void> {
  const mdev = bus.deviceAt(index);
  if (mdev?.generation !== generation) return socket.close();
  const session = new Session(socket, { bus, mdev, ledger, shown }, roomAwaiter(socket));
  const set = new PollSet();
  let heard: readonly number[] | undefined;
  try {
    while (!session.ended && !isStopped()) {
      const wanted = session.heard;
      if (heard === undefined || wanted.length !== heard.length || wanted.some((one, at) => one !== heard?.[at])) {
        heard = wanted;
        const descriptors = [socket.descriptor.number, wake, ...heard];
        set.set(descriptors.map((descriptor) => ({ descriptor, events: READABLE })));
      }
      set.wait();
      woken(set);
      if (heard.some((_, at) => set.isReady(HEARD + at))) session.hear();
      if (set.isReady(SOCKET)) session.serve();
      // Promises of posted writes go on here: the event loop does not turn.
      await null;
    }
  } finally {
    session.close();
  }
}

async function serve(listener: UnixListener): Promise<void> {
  const shown = new ShownRegions(ledger);
  const set = new PollSet();
  set.set([
    { descriptor: listener.descriptor.number, events: READABLE },
    { descriptor: wake, events: READABLE },
  ]);
  try {
    while (!isStopped()) {
      set.wait();
      woken(set);
      const socket = set.isReady(SOCKET) ? listener.accept() : undefined;
      if (socket === undefined) continue;
      await serveMachine(socket, shown).catch((error: unknown) => {
        // The device's thread has died while it was closed.
        if (!isMediatedError(error)) throw error;
      });
    }
  } finally {
    shown.close();
    listener.close();
  }
}

function listen(): UnixListener | undefined {
  try {
    return new UnixListener(path, ledger);
  } catch (error) {
    const failure = isMediatedError(error) ? error : new MediatedError('EIO', String(error));
    const { code, message } = failure;
    port?.postMessage({ kind: 'failed', code, message } satisfies ServeNews);
    return undefined;
  }
}

const listener = listen();
if (listener !== undefined) {
  port.postMessage({ kind: 'listening' } satisfies ServeNews);
  await serve(listener);
}
client.close();
