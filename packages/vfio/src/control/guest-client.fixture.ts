/**
 * A client thread for tests of groups and containers: attaches with the ticket in `workerData`, does one job, posts
 * `{ value }` or `{ code }`.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { BusClient, type BusTicket } from '@mediated/core';
import {
  Descriptors,
  openContainerSync,
  openDeviceNodeSync,
  openGroup,
  openGroupSync,
  openIommufdSync,
  openKvmSync,
} from '@mediated/vfio';
import { EXTENSIONS, GROUP_GET_DEVICE_FD, GROUP_SET_CONTAINER, SET_IOMMU } from '@mediated/vfio/uapi';
import { DMA_READ, KVM } from './guest.fixture.js';

export interface GuestClientData {
  readonly ticket: BusTicket;
  readonly uuid: string;
  readonly job: keyof typeof jobs;
  readonly number?: number;
  readonly memory?: SharedArrayBuffer;
  /** What the job waits for, at a place of its own: word 0 becomes 1. */
  readonly begin?: Int32Array<SharedArrayBuffer>;
}

const { ticket, uuid, job, number = 0, memory, begin } = workerData as GuestClientData;
const { bus } = BusClient.attach(ticket);
const post = (message: unknown) => parentPort?.postMessage(message);
const group = () => bus.mdev(uuid)?.group as number;
/** Files that are open when the thread ends. */
const kept: unknown[] = [];

function everythingSync() {
  const groupFile = openGroupSync(bus, group());
  const container = openContainerSync(bus);
  groupFile.setContainerSync(container);
  container.setIommuSync(EXTENSIONS.type1v2);
  if (memory !== undefined) container.mapSync({ memory, iova: 0n });
  const file = groupFile.openDeviceSync(uuid);
  kept.push(groupFile, container, file);
  return { groupFile, container, file };
}

const jobs = {
  /** Opens everything, blocking, and ends. */
  openAndDie() {
    everythingSync();
    post({ value: 'open' });
    process.exit(0);
  },
  /** The same by descriptors. */
  descriptorsAndDie() {
    const descriptors = new Descriptors(bus);
    const container = descriptors.openSync('/dev/vfio/vfio');
    const opened = descriptors.openSync(`/dev/vfio/${group()}`);
    descriptors.ioctlSync(opened, GROUP_SET_CONTAINER, new Uint8Array(Int32Array.of(container).buffer));
    descriptors.ioctlSync(container, SET_IOMMU, EXTENSIONS.type1v2);
    descriptors.ioctlSync(opened, GROUP_GET_DEVICE_FD, Buffer.from(`${uuid}\0`));
    kept.push(descriptors);
    post({ value: 'open' });
    process.exit(0);
  },
  /** Everything that blocks, once; answers what came out. */
  blockingFaces() {
    const { groupFile, container, file } = everythingSync();
    const out: unknown[] = [groupFile.statusSync().containerSet, container.checkExtensionSync(EXTENSIONS.type1v2)];
    container.startDirtyTrackingSync();
    out.push(container.dirtyPagesSync({ iova: 0n, size: 4096n })[0]);
    container.stopDirtyTrackingSync();
    out.push(container.unmapSync());
    file.closeSync();
    groupFile.unsetContainerSync();
    groupFile.closeSync();
    container.closeSync();
    const context = openIommufdSync(bus);
    const kvm = openKvmSync(bus);
    kvm.createDeviceSync();
    const ioas = context.allocateIoasSync();
    out.push(context.mapSync(ioas, { memory: memory as SharedArrayBuffer }));
    const node = openDeviceNodeSync(bus, uuid);
    kvm.addSync(node);
    node.bindSync(context);
    out.push(node.ioctlSync(KVM) === kvm.id);
    node.attachSync(ioas);
    node.ioctlSync(DMA_READ, new Uint8Array(9));
    node.detachSync();
    kvm.removeSync(node);
    node.closeSync();
    out.push(context.unmapSync(ioas));
    context.destroyIoasSync(ioas);
    context.closeSync();
    kvm.closeSync();
    const program = new Descriptors(bus);
    const descriptor = program.openSync(`/dev/vfio/${group()}`);
    program.closeSync(program.dup(descriptor));
    program.closeAllSync();
    openGroupSync(bus, group()).closeSync();
    return out;
  },
  /** Asks for a device and ends before it is answered. */
  async openingAndDie() {
    const groupFile = await openGroup(bus, group());
    const container = openContainerSync(bus);
    groupFile.setContainerSync(container);
    container.setIommuSync(EXTENSIONS.type1v2);
    groupFile.openDevice(uuid).catch(() => {});
    post({ value: 'opening' });
    setImmediate(() => process.exit(0));
  },
  /** Asks for a device twice, of which the second waits for the first. */
  async openingTwice() {
    const { groupFile, file } = everythingSync();
    file.closeSync();
    post({ value: 'ready' });
    if (begin !== undefined) Atomics.wait(begin, 0, 0);
    groupFile.openDevice(uuid).catch(() => {});
    groupFile.openDevice(uuid).catch(() => {});
    kept.push(setInterval(() => {}, 1_000_000));
    return undefined;
  },
  /** Tries to be the one that opens the group, `number` times; answers how often it was. */
  async openOften() {
    let won = 0;
    for (let i = 0; i < number; i++) {
      try {
        await using _file = await openGroup(bus, group());
        won++;
      } catch (error) {
        if ((error as { code?: string }).code !== 'EBUSY') throw error;
      }
    }
    return won;
  },
  /** Has the device read what lies at its iova 0, and unmaps everything. */
  readBack() {
    const { container, file } = everythingSync();
    const argument = new Uint8Array(12);
    file.ioctlSync(DMA_READ, argument);
    const read = [...argument.subarray(8)];
    container.unmapSync();
    return read;
  },
};

try {
  const value = await jobs[job]();
  if (value !== undefined) post({ value });
} catch (error) {
  post({ code: (error as { code?: string }).code, message: String(error) });
}
