/**
 * The thread that serves a mount: reads requests from `/dev/fuse`, blocking, and answers them. It is a client of the bus whose
 * event loop never turns while the mount stands: promises go on between two reads, replies of drivers are looked for there
 * too. After a request that a driver has to be asked it waits a moment for the answer, since a driver answers sooner than a
 * sleeper wakes; a slower answer finds it asleep in the next read, and the waker gets it out of there. So a slow driver stops
 * nobody else.
 */
import { closeSync, readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { BusClient, type BusTicket } from '@mediated/core';
import { REQUEST_BYTES } from '../fuse/protocol.js';
import { Replies, sendTo } from '../fuse/reply.js';
import { Request } from '../fuse/request.js';
import { type PciFunctionDescription, PciFunctions } from '../tree/pci-functions.js';
import { rootDirectory } from '../tree/tree.js';
import { done, isStopped, Parking, type ParkingHandle } from './parking.js';
import { Session } from './session.js';

/** What the thread is started with. */
export interface ServerOptions {
  readonly ticket: BusTicket;
  /** The open `/dev/fuse`; closed at the end. */
  readonly descriptor: number;
  readonly parking: ParkingHandle;
  readonly pci: readonly PciFunctionDescription[];
  readonly owner: { readonly uid: number; readonly gid: number };
}

/** What the thread says. */
export type ServerNews =
  | { readonly kind: 'ready'; readonly parked: Int32Array; readonly parkedAt: number }
  /** Whether clients wait for changes. */
  | { readonly kind: 'polls'; readonly any: boolean };

/** How long the answer to a request is waited for before the next one is read, in milliseconds. */
const PATIENCE = 0.5;
/** Microtasks that an answer may need to get from the inbox to the kernel. */
const HOPS = 48;

const { ticket, descriptor, parking: words, pci, owner } = workerData as ServerOptions;
// Errors are answers here; nobody reads their stacks.
Error.stackTraceLimit = 0;
const client = BusClient.attach(ticket, { sleepsElsewhere: true });
const { bus } = client;
const { endpoint } = client.client;
const sleep = endpoint.foreignSleep;
if (sleep === undefined || parentPort === null) throw new Error('this is the code of a worker');
const port = parentPort;
const parking = new Parking(words, sleep);
const replies = new Replies(sendTo(descriptor), owner, Math.floor(Date.now() / 1000));
const session = new Session(rootDirectory({ bus, pci: new PciFunctions(bus, pci) }), replies);
const request = new Request(Buffer.alloc(REQUEST_BYTES));

/** Length of the next request; 0: none after all; -1: the mount is gone. */
function readRequest(): number {
  try {
    return readSync(descriptor, request.bytes);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EINTR' || code === 'EAGAIN' || code === 'ENOENT') return 0;
    if (code === 'ENODEV') return -1;
    throw error;
  }
}

/** Lets answers come through: that to the latest request, for a moment; those that have arrived, altogether. */
async function settle(): Promise<void> {
  let start = -1;
  for (;;) {
    const drained = endpoint.drain();
    // Also after nothing was drained: the end of a thread settles what was asked of it without a message.
    for (let hop = 0; hop < HOPS && session.waiting > 0; hop++) await null;
    if (drained > 0) continue;
    if (!session.latestWaits) return;
    const now = performance.now();
    if (start < 0) start = now;
    const left = start + PATIENCE - now;
    if (left <= 0) return;
    parking.nap(left);
  }
}

async function serve(): Promise<void> {
  let polls = false;
  while (!isStopped(words)) {
    if (session.polls > 0 !== polls) {
      polls = !polls;
      port.postMessage({ kind: 'polls', any: polls } satisfies ServerNews);
    }
    if (parking.fallAsleep(session.waiting > 0 || polls)) {
      const length = readRequest();
      parking.wakeUp();
      if (length < 0) return;
      if (length > 0) session.handle(request, length);
    }
    if (parking.takeChanges()) session.changed();
    await settle();
  }
}

port.once('message', () => {
  // From here on the event loop stands still until the mount is gone.
  void serve().finally(() => {
    // Before the number may be another file's.
    session.end();
    closeSync(descriptor);
    done(words);
    client.close();
    port.close();
  });
});
port.postMessage({ kind: 'ready', parked: sleep.words, parkedAt: sleep.parkedAt } satisfies ServerNews);
