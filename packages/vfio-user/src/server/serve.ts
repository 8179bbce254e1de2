/**
 * Serves a device to virtual machines: starts its attendant and its doorman, ends them with the device or when it is told to.
 * Belongs to the thread that started the runtime.
 */
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { type Mdev, MediatedError, type Runtime } from '@mediated/core';
import type { ActorRef } from '@mediated/core/actor';
import { EventDescriptor } from '../native/event-descriptor.js';
import { Ledger } from '../native/ledger.js';
import { type AttendantOptions, attendantActor } from './attendant.js';
import type { AttendantMessages } from './attendant-protocol.js';
import type { DoormanNews, DoormanOptions } from './doorman-main.js';

/** Options of {@link serveDevice}. */
export interface ServeDeviceOptions {
  /** Where the socket is to be: a path of at most 107 bytes at which there is nothing. */
  readonly path: string;
}

/** Milliseconds that QEMU waits for an answer before it gives the device up. */
const MACHINE_PATIENCE = 60_000;

/** A device that virtual machines can attach to, one at a time. */
export class ServedDevice {
  readonly path: string;
  readonly mdev: Mdev;
  /** What is held of machines and for them: descriptors (a connection, counters, shown regions), pieces of guest memory. */
  readonly ledger: Ledger;
  /** Resolves when the socket is gone: closed, or the device was removed. */
  readonly ended: Promise<void>;
  readonly #worker: Worker;
  readonly #stop: Int32Array<SharedArrayBuffer>;
  readonly #wake: EventDescriptor;
  readonly #atExit = () => {
    this.#tellToEnd();
    // Its thread may not come to it any more.
    rmSync(this.path, { force: true });
  };

  /** @internal See {@link serveDevice}. */
  constructor(path: string, mdev: Mdev, thread: ServingThread) {
    this.path = path;
    this.mdev = mdev;
    this.ledger = thread.ledger;
    this.#worker = thread.worker;
    this.#stop = thread.stop;
    this.#wake = thread.wake;
    this.ended = once(thread.worker, 'exit').then(async () => {
      process.off('exit', this.#atExit);
      this.#wake.close();
      await thread.dismiss();
    });
    // A thread that waits in a system call would keep the process from ending.
    process.on('exit', this.#atExit);
  }

  /** The argument of QEMU's `-device`. Guest memory has to be shared: `memory-backend-memfd,share=on`. */
  get qemuDevice(): string {
    return JSON.stringify({
      driver: 'vfio-user-pci',
      socket: { type: 'unix', path: this.path },
      'x-msg-timeout': MACHINE_PATIENCE,
    });
  }

  /** Ends it: the machine that uses the device loses it. Idempotent. */
  close(): Promise<void> {
    this.#tellToEnd();
    return this.ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #tellToEnd(): void {
    if (Atomics.exchange(this.#stop, 0, 1) !== 0) return;
    // Who awaits the end is kept alive for it.
    this.#worker.ref();
    this.#wake.signal();
  }
}

/** @internal */
interface ServingThread {
  readonly worker: Worker;
  readonly ledger: Ledger;
  readonly stop: Int32Array<SharedArrayBuffer>;
  readonly wake: EventDescriptor;
  /** Thread of the device. */
  readonly home: number;
  /** Stops the attendant. */
  readonly dismiss: () => Promise<void>;
}

/**
 * Serves a device (PCI-shaped, as `vfio-pci` devices are) at a socket that appears now and goes with the device. A machine
 * that attaches opens it through its group, one that leaves or dies closes it; a removal waits for that. What machines ask
 * is done on the device's own thread; a thread of its own waits at the socket. Close what is served before the runtime.
 * Errors: ENODEV (no such device), EADDRINUSE (there is a file at the path), ENOENT and EACCES (the directory),
 * ENAMETOOLONG.
 */
export async function serveDevice(
  runtime: Runtime,
  device: Mdev | string,
  { path }: ServeDeviceOptions,
): Promise<ServedDevice> {
  const mdev = typeof device === 'string' ? runtime.bus.mdev(device) : device;
  if (mdev === undefined) throw noDevice(String(device));
  const thread = await startThread(runtime, mdev, path);
  const served = new ServedDevice(path, mdev, thread);
  const ended = served.ended.then((): DoormanNews[] => [
    { kind: 'failed', code: 'EIO', message: 'the thread has ended' },
  ]);
  const [news] = (await Promise.race([once(thread.worker, 'message'), ended])) as DoormanNews[];
  if (news.kind === 'failed') {
    await served.ended;
    throw new MediatedError(news.code, news.message.replace(`${news.code}: `, ''), { syscall: 'serve' });
  }
  // A socket alone keeps no process alive.
  thread.worker.unref();
  const { events } = runtime.bus;
  const removed = ({ uuid, devpath }: { readonly uuid?: string | undefined; readonly devpath: string }) => {
    if (uuid === mdev.uuid && devpath.endsWith(`/${mdev.uuid}`)) void served.close();
  };
  const overlooked = () => {
    if (!mdev.presence.directory) void served.close();
  };
  events.on('remove', removed);
  events.on('lost', overlooked);
  // It was removed while the socket was made.
  overlooked();
  // The runtime closes, and does not wait for the machine any longer.
  const threads = runtime.system.events;
  const threadEnded = ({ id }: { readonly id: number }) => {
    if (id === thread.home) void served.close();
  };
  threads.on('threadStop', threadEnded);
  void served.ended.then(() => {
    events.off('remove', removed);
    events.off('lost', overlooked);
    threads.off('threadStop', threadEnded);
  });
  return served;
}

async function startThread(runtime: Runtime, mdev: Mdev, path: string): Promise<ServingThread> {
  const ledger = new Ledger();
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const waiting = new Ledger().words;
  const attendant = await startAttendant(runtime, mdev, { ledger: ledger.words, waiting, stop });
  // Of this thread, not of the ledger: it goes after the thread has ended.
  const wake = EventDescriptor.create(new Ledger());
  const { ticket, transfer } = runtime.invite();
  const options: DoormanOptions = {
    ticket,
    attendant: attendant.handle,
    path,
    wake: wake.descriptor.number,
    stop,
    ledgers: [ledger.words, waiting],
  };
  const worker = new Worker(new URL('./doorman-main.js', import.meta.url), {
    workerData: options,
    transferList: transfer,
    name: `vfio-user ${mdev.name}`,
  });
  worker.on('error', (error: Error) => process.emitWarning(error));
  runtime.watch(worker);
  // With its thread, or the runtime, it is gone.
  const dismiss = () => runtime.system.stop(attendant).catch(() => {});
  return { worker, ledger, stop, wake, home: attendant.handle.thread, dismiss };
}

function startAttendant(
  runtime: Runtime,
  mdev: Mdev,
  parts: Pick<AttendantOptions, 'ledger' | 'waiting' | 'stop'>,
): Promise<ActorRef<AttendantMessages>> {
  const thread = mdev.parent.frameworkActor(mdev.shard)?.thread;
  const name = runtime.system.statistics().find((statistics) => statistics.thread === thread)?.name;
  if (name === undefined) throw noDevice(mdev.uuid);
  const { index, generation } = mdev;
  return runtime.system.spawn(
    attendantActor,
    { bus: runtime.bus.memory.handle, index, generation, ...parts },
    { thread: name },
  );
}

function noDevice(device: string): MediatedError {
  return new MediatedError('ENODEV', `there is no device ${device}`, { syscall: 'serve' });
}
