/** Sets the stage for tests of groups and containers: a runtime with the guest driver, its devices, client threads. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type Mdev, Runtime } from '@mediated/core';
import { type ContainerFile, type DeviceFile, type GroupFile, openContainer, openGroup } from '@mediated/vfio';
import { EXTENSIONS } from '@mediated/vfio/uapi';
import { DMA_READ, DMA_WRITE, OPENED, PIN } from './guest.fixture.js';
import type { GuestClientData } from './guest-client.fixture.js';

const GUEST = new URL('./guest.fixture.js', import.meta.url);
const CLIENT = new URL('./guest-client.fixture.js', import.meta.url);

/** A device with all that a program opens for it. */
export interface Guest {
  readonly mdev: Mdev;
  readonly group: GroupFile;
  readonly container: ContainerFile;
  readonly file: DeviceFile;
}

export class GuestStage {
  readonly runtime: Runtime;

  private constructor(runtime: Runtime) {
    this.runtime = runtime;
  }

  /** `threads`: of the driver; all serve the one parent, `g`. */
  static async set(threads = 1): Promise<GuestStage> {
    const runtime = Runtime.start({ restart: { intensity: 10, period: 60_000 } });
    await runtime.loadDriver(GUEST, { threads, parents: [{ name: 'g', threads }] });
    return new GuestStage(runtime);
  }

  get bus() {
    return this.runtime.bus;
  }

  /** A device on the given thread of the driver: the first digits of its UUID choose. */
  create(digits = 0, type: 'plain' | 'isolated' = 'plain'): Promise<Mdev> {
    return this.bus.parent('g').create(`guest-${type}`, uuidOf(digits));
  }

  /** What the driver's callbacks have heard on a device's thread. */
  async heard(mdev: Mdev): Promise<string[]> {
    const text = await mdev.showAttribute('guest/heard');
    return text === '' ? [] : text.split('\n');
  }

  /** Opens a group, a container with an IOMMU and the device. */
  async guest(mdev: Mdev): Promise<Guest> {
    const group = await openGroup(this.bus, groupOf(mdev));
    const container = await openContainer(this.bus);
    await group.setContainer(container);
    await container.setIommu(EXTENSIONS.type1v2);
    return { mdev, group, container, file: await group.openDevice(mdev.uuid) };
  }

  /** Starts a client thread; `said` is its first message, `ended` its exit. */
  client(data: Omit<GuestClientData, 'ticket'>): { worker: Worker; said: Promise<unknown>; ended: Promise<unknown> } {
    const { ticket, transfer } = this.runtime.invite();
    const worker = new Worker(CLIENT, { workerData: { ...data, ticket }, transferList: transfer });
    this.runtime.watch(worker);
    const said = once(worker, 'message').then(([message]) => message);
    said.catch(() => {});
    return { worker, said, ended: once(worker, 'exit') };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.runtime.close();
  }
}

export function groupOf(mdev: Mdev): number {
  const { group } = mdev;
  if (group === undefined) throw new Error(`${mdev.uuid} has no group`);
  return group;
}

export function uuidOf(digits: number): string {
  return `${digits.toString(16).padStart(8, '0')}-0000-0000-0000-000000000000`;
}

/** The errno with which something fails, `ok` if it does not. */
export function codeOf(asked: Promise<unknown>): Promise<string> {
  return asked.then(
    () => 'ok',
    (error: { code?: string }) => error.code ?? String(error),
  );
}

/** Has a device read guest memory. */
export async function dmaRead(file: DeviceFile, iova: bigint, length: number): Promise<Uint8Array> {
  const argument = argumentAt(iova, length);
  await file.ioctl(DMA_READ, argument);
  return argument.subarray(8);
}

/** Has a device write guest memory. */
export async function dmaWrite(file: DeviceFile, iova: bigint, bytes: Uint8Array): Promise<void> {
  const argument = argumentAt(iova, bytes.length);
  argument.set(bytes, 8);
  await file.ioctl(DMA_WRITE, argument);
}

/** Has a device pin guest memory; answers the first byte of it. */
export function pin(file: DeviceFile, iova: bigint, pages = 1): Promise<number> {
  const argument = argumentAt(iova, 4);
  new DataView(argument.buffer).setUint32(8, pages, true);
  return file.ioctl(PIN, argument);
}

/** How the device says that the file was opened. */
export async function openedAs(file: DeviceFile): Promise<unknown> {
  const argument = new Uint8Array(200);
  const length = await file.ioctl(OPENED, argument);
  return JSON.parse(new TextDecoder().decode(argument.subarray(0, length)));
}

function argumentAt(iova: bigint, length: number): Uint8Array<ArrayBuffer> {
  const argument = new Uint8Array(8 + length);
  new DataView(argument.buffer).setBigUint64(0, iova, true);
  return argument;
}
