/**
 * Serves a device to virtual machines: starts its attendant and has the doorman wait at its socket, ends both with the device or
 * when it is told to. Belongs to the thread that started the runtime.
 */
import { type Mdev, MediatedError, type Runtime } from '@mediated/core';
import type { ActorRef } from '@mediated/core/actor';
import { Ledger } from '../native/ledger.js';
import { attendantActor } from './attendant.js';
import type { AttendantMessages } from './attendant-protocol.js';
import { type DoorHandle, Doorman } from './doorman.js';
import type { DoorOptions } from './doorman-protocol.js';

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
  readonly #door: DoorHandle;

  /** @internal See {@link serveDevice}. */
  constructor(path: string, mdev: Mdev, ledger: Ledger, door: DoorHandle, dismiss: () => Promise<void>) {
    this.path = path;
    this.mdev = mdev;
    this.ledger = ledger;
    this.#door = door;
    this.ended = door.closed.then(dismiss);
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
    this.#door.close();
    return this.ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * Serves a device (PCI-shaped, as `vfio-pci` devices are) at a socket that appears now and goes with the device. A machine
 * that attaches opens it through its group, one that leaves or dies closes it; a removal waits for that. What machines ask
 * is done on the device's own thread; one more thread waits at the sockets of all served devices. Close what is served before
 * the runtime. Errors: ENODEV (no such device), EADDRINUSE (there is a file at the path), ENOENT and EACCES (the directory),
 * ENAMETOOLONG, EAGAIN (it is the first, and no thread is left).
 */
export async function serveDevice(
  runtime: Runtime,
  device: Mdev | string,
  { path }: ServeDeviceOptions,
): Promise<ServedDevice> {
  const mdev = typeof device === 'string' ? runtime.bus.mdev(device) : device;
  if (mdev === undefined) throw noDevice(String(device));
  const ledger = new Ledger();
  const waiting = new Ledger();
  const shared = { ledger: ledger.words, waiting: waiting.words, stop: new Int32Array(new SharedArrayBuffer(4)) };
  const attendant = await startAttendant(runtime, mdev, shared);
  // With its thread, or the runtime, it is gone.
  const dismiss = () => runtime.system.stop(attendant).catch(() => {});
  let door: DoorHandle;
  try {
    door = Doorman.open(runtime, mdev, attendant.handle.thread, { path, attendant: attendant.handle, ...shared });
  } catch (error) {
    await dismiss();
    throw error;
  }
  const served = new ServedDevice(path, mdev, ledger, door, dismiss);
  try {
    await door.listening;
  } catch (error) {
    await served.ended;
    throw error;
  }
  // It was removed while the socket was made.
  if (!mdev.presence.directory) void served.close();
  return served;
}

function startAttendant(
  runtime: Runtime,
  mdev: Mdev,
  parts: Pick<DoorOptions, 'ledger' | 'waiting' | 'stop'>,
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
