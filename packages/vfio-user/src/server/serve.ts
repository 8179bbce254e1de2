/**
 * Serves a device to virtual machines: starts its thread, ends it with the device or when it is told to. Belongs to the
 * thread that started the runtime.
 */
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { type Mdev, MediatedError, type Runtime } from '@mediated/core';
import { EventDescriptor } from '../native/event-descriptor.js';
import { Ledger } from '../native/ledger.js';
import type { ServeNews, ServeOptions } from './serve-main.js';

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
  /** What the server holds: descriptors (its socket among them) and pieces of guest memory. */
  readonly ledger: Ledger;
  /** Resolves when the socket is gone: closed, or the device was removed. */
  readonly ended: Promise<void>;
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
    this.#stop = thread.stop;
    this.#wake = thread.wake;
    this.ended = once(thread.worker, 'exit').then(() => {
      process.off('exit', this.#atExit);
      this.#wake.close();
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
    if (Atomics.exchange(this.#stop, 0, 1) === 0) this.#wake.signal();
  }
}

/** @internal */
interface ServingThread {
  readonly worker: Worker;
  readonly ledger: Ledger;
  readonly stop: Int32Array<SharedArrayBuffer>;
  readonly wake: EventDescriptor;
}

/**
 * Serves a device (PCI-shaped, as `vfio-pci` devices are) on a thread of its own at a socket that appears now and goes with
 * the device. A machine that attaches opens it through its group, one that leaves or dies closes it; a removal waits for
 * that. Close what is served before the runtime.
 * Errors: ENODEV (no such device), EADDRINUSE (there is a file at the path), ENOENT and EACCES (the directory),
 * ENAMETOOLONG.
 */
export async function serveDevice(
  runtime: Runtime,
  device: Mdev | string,
  { path }: ServeDeviceOptions,
): Promise<ServedDevice> {
  const mdev = typeof device === 'string' ? runtime.bus.mdev(device) : device;
  if (mdev === undefined)
    throw new MediatedError('ENODEV', `there is no device ${String(device)}`, { syscall: 'serve' });
  const thread = startThread(runtime, mdev, path);
  const served = new ServedDevice(path, mdev, thread);
  const ended = served.ended.then((): ServeNews => ({ kind: 'failed', code: 'EIO', message: 'the thread has ended' }));
  const [news] = (await Promise.race([once(thread.worker, 'message'), ended.then((end) => [end])])) as [ServeNews];
  if (news.kind === 'failed') {
    await served.ended;
    throw new MediatedError(news.code, news.message.replace(`${news.code}: `, ''), { syscall: 'serve' });
  }
  const { events } = runtime.bus;
  const removed = ({ uuid, devpath }: { readonly uuid?: string | undefined; readonly devpath: string }) => {
    if (uuid === mdev.uuid && devpath.endsWith(`/${mdev.uuid}`)) void served.close();
  };
  const overlooked = () => {
    if (!mdev.presence.directory) void served.close();
  };
  events.on('remove', removed);
  events.on('lost', overlooked);
  void served.ended.then(() => {
    events.off('remove', removed);
    events.off('lost', overlooked);
  });
  return served;
}

function startThread(runtime: Runtime, mdev: Mdev, path: string): ServingThread {
  const { ticket, transfer } = runtime.invite();
  const ledger = new Ledger();
  const stop = new Int32Array(new SharedArrayBuffer(4));
  // Of this thread, not of the ledger: it goes after the thread has ended.
  const wake = EventDescriptor.create(new Ledger());
  const options: ServeOptions = {
    ticket,
    index: mdev.index,
    generation: mdev.generation,
    path,
    wake: wake.descriptor.number,
    stop,
    ledger: ledger.words,
  };
  const worker = new Worker(new URL('./serve-main.js', import.meta.url), {
    workerData: options,
    transferList: transfer,
    name: `vfio-user ${mdev.name}`,
  });
  runtime.watch(worker);
  return { worker, ledger, stop, wake };
}
