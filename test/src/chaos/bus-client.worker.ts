/**
 * A client that creates, uses and removes devices, blocking, or awaiting as several users at once, until it is killed or the
 * run ends. Started by `clients.ts`. A user that removes a device has closed its own files first: in the kernel, too, who
 * waits for the removal of a device that it has open itself waits for ever.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { Endpoint } from '@mediated/core/actor';
import { BusClient, type BusTicket, isMediatedError, type Mdev } from '@mediated/core';
import {
  type DeviceFile,
  openContainer,
  openContainerSync,
  openDevice,
  openDeviceSync,
  openGroup,
  openGroupSync,
} from '@mediated/vfio';
import { EXTENSIONS } from '@mediated/vfio/uapi';
import { OwnWords, type StepName } from './client-words.js';
import { LockYard, type YardHandle } from './lock-yard.js';
import { Random } from './random.js';

/** What a bus client is given. */
export interface BusClientData {
  readonly words: SharedArrayBuffer;
  readonly place: number;
  readonly ticket: BusTicket;
  readonly yard: YardHandle;
  readonly seed: number;
  readonly stream: number;
  /** Users that await; 0: one that blocks. */
  readonly users: number;
  /** UUIDs that all clients share, few enough that they meet. */
  readonly uuids: readonly string[];
  /** What is broken on purpose, if anything. */
  readonly breakage: string | undefined;
}

const MOST_FILES = 2;
const USER_STEPS = 30;
const PAGE = 4096;
const RESET = 0x3b6f;

const WITHOUT_FILE: Partial<Record<StepName, number>> = {
  create: 34,
  open: 34,
  remove: 16,
  'remove file': 6,
  program: 10,
  look: 4,
  attribute: 6,
};
const WITH_FILE: Partial<Record<StepName, number>> = {
  read: 24,
  write: 16,
  close: 30,
  open: 8,
  create: 6,
  mutex: 6,
  look: 4,
};

/**
 * Refusals that the kernel gives too, or that a death explains: EIO (a thread has ended), ESHUTDOWN (the parent's actor was
 * stopped). ENOENT: no such device or parent. EBUSY: the group is open.
 */
const EXPECTED: Partial<Record<StepName, readonly string[]>> = {
  create: ['EEXIST', 'EUSERS', 'ENOSPC', 'ENODEV', 'EINVAL'],
  open: ['ENOENT', 'ENODEV'],
  read: [],
  write: [],
  close: [],
  mutex: [],
  remove: ['ENOENT', 'ENODEV', 'EAGAIN'],
  'remove file': ['ENOENT', 'ENODEV', 'EAGAIN'],
  program: ['ENOENT', 'ENODEV', 'EBUSY', 'EINVAL', 'EPERM'],
  look: ['ENOENT', 'ENODEV'],
  attribute: ['ENOENT', 'ENODEV'],
};

const { words, place, ticket, yard: yardHandle, seed, stream, users, uuids, breakage } = workerData as BusClientData;
if (breakage === 'asks') Endpoint.prototype.noticeNews = () => {};
const own = new OwnWords(words, place);
const client = BusClient.attach(ticket);
const { bus } = client;
const blocks = users === 0;
const yard = LockYard.from(yardHandle);
const memory = new SharedArrayBuffer(PAGE);
let filesOpen = 0;

function complain(text: string): void {
  parentPort?.postMessage(text);
}

class User {
  readonly #random: Random;
  readonly #files: DeviceFile[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  async step(): Promise<void> {
    const chosen = this.#random.weighted(
      (this.#files.length === 0 ? WITHOUT_FILE : WITH_FILE) as Record<StepName, number>,
    );
    const name = own.makesWay && (chosen === 'create' || chosen.startsWith('remove')) ? 'look' : chosen;
    // A blocking client's attribute reads would need an event loop.
    await this.#try(blocks && name === 'attribute' ? 'look' : name);
  }

  /** Lets go of everything. */
  async letGo(): Promise<void> {
    while (this.#files.length > 0) await this.#try('close');
  }

  async #try(name: StepName): Promise<void> {
    try {
      await own.step(name, () => this.#perform(name));
    } catch (error) {
      const code = isMediatedError(error) ? error.code : 'none';
      if (code === 'EIO' || code === 'ESHUTDOWN' || EXPECTED[name]?.includes(code)) return;
      complain(`${name}: ${error instanceof Error ? error.stack : String(error)}`);
    }
  }

  async #perform(name: StepName): Promise<void> {
    const random = this.#random;
    switch (name) {
      case 'create': {
        const parents = bus.parents();
        if (parents.length === 0) return;
        const parent = random.pick(parents);
        const type = random.pick(parent.types).id;
        const uuid = random.pick(uuids);
        await (blocks ? parent.createSync(type, uuid) : parent.create(type, uuid));
        return;
      }
      case 'remove': {
        await this.letGo();
        const mdev = this.#device();
        await (blocks ? mdev?.removeSync() : mdev?.remove());
        return;
      }
      case 'remove file': {
        await this.letGo();
        const mdev = this.#device();
        await (blocks ? mdev?.storeRemoveSync() : mdev?.storeRemove());
        return;
      }
      case 'open': {
        const mdev = this.#device();
        if (mdev === undefined || this.#files.length >= MOST_FILES) return;
        this.#keep(blocks ? openDeviceSync(bus, mdev) : await openDevice(bus, mdev));
        own.danger();
        return;
      }
      case 'read': {
        const file = random.pick(this.#files);
        const [byte] = blocks ? file.readSync(0, 1) : await file.read(0, 1);
        if (byte !== (file.mdev.index & 0xff)) complain(`a file of slot ${file.mdev.index} has read ${byte}`);
        return;
      }
      case 'write': {
        const file = random.pick(this.#files);
        if (random.below(2) === 0)
          await (blocks ? file.writeSync(0, Uint8Array.of(1)) : file.write(0, Uint8Array.of(1)));
        else await (blocks ? file.ioctlSync(RESET) : file.ioctl(RESET));
        return;
      }
      case 'close': {
        const [file] = this.#files.splice(random.below(this.#files.length), 1);
        own.files = --filesOpen;
        await (blocks ? file?.closeSync() : file?.close());
        return;
      }
      case 'mutex': {
        // Held across a request to a device's thread.
        const guard = blocks ? yard.mutex.lockSync() : await yard.mutex.lock();
        try {
          if (guard.ownerDied) {
            yard.underMutex.repair();
            yard.mutex.markConsistent();
          }
          const file = random.pick(this.#files);
          own.danger();
          if (blocks) own.critical(() => file.readSync(0, 1));
          else await file.read(0, 1);
        } finally {
          guard.release();
        }
        return;
      }
      case 'program':
        await this.#program();
        return;
      case 'look': {
        for (const mdev of bus.mdevs()) if (!mdev.presence.directory) continue;
        this.#device();
        return;
      }
      case 'attribute': {
        const mdev = this.#device();
        if (mdev === undefined) return;
        if (random.below(2) === 0) await mdev.storeAttribute('chaos/text', 'words');
        else await mdev.showAttribute('chaos/text');
        return;
      }
      default:
        throw new Error(`a user of the bus has no step ${name}`);
    }
  }

  /** What a virtual machine monitor does: group, container, memory, device, and everything back. */
  async #program(): Promise<void> {
    const mdev = this.#device();
    if (mdev === undefined) return;
    const closing: { close(): Promise<void>; closeSync(): void }[] = [];
    const opened = <T extends { close(): Promise<void>; closeSync(): void }>(file: T): T => {
      closing.unshift(file);
      own.danger();
      return file;
    };
    try {
      const group = opened(blocks ? openGroupSync(bus, mdev) : await openGroup(bus, mdev));
      const container = opened(blocks ? openContainerSync(bus) : await openContainer(bus));
      await (blocks ? group.setContainerSync(container) : group.setContainer(container));
      await (blocks ? container.setIommuSync(EXTENSIONS.type1v2) : container.setIommu(EXTENSIONS.type1v2));
      await (blocks ? container.mapSync({ memory, iova: 0n }) : container.map({ memory, iova: 0n }));
      const device = opened(blocks ? group.openDeviceSync(mdev.uuid) : await group.openDevice(mdev.uuid));
      const pin = new Uint8Array(8);
      await (blocks ? device.writeSync(0, pin) : device.write(0, pin));
      own.danger();
      if (this.#random.below(2) === 0) await (blocks ? container.unmapSync() : container.unmap());
    } finally {
      for (const file of closing) {
        own.danger();
        await (blocks ? file.closeSync() : file.close());
      }
    }
  }

  #keep(file: DeviceFile): void {
    this.#files.push(file);
    own.files = ++filesOpen;
  }

  #device(): Mdev | undefined {
    return bus.mdev(this.#random.pick(uuids));
  }
}

/** Lives until it is killed or the run ends. No top-level await: bundled, this file is CommonJS (`bundle.ts`). */
async function live(): Promise<never> {
  // Who awaits nothing but a word of shared memory would otherwise be done.
  parentPort?.ref();
  own.begin(client.client.endpoint.thread);
  const all = Array.from({ length: Math.max(1, users) }, (_, user) => new User(new Random(seed, stream * 16 + user)));
  const pending = () => client.client.endpoint.pending.awaited;
  for (let goesOn = true; goesOn; ) {
    while (!own.mustRest) {
      // A few steps of each user: then all of them are at rest together, if they are to rest.
      const steps = all.map(async (user) => {
        for (let count = 0; count < USER_STEPS && !own.mustRest; count++) await user.step();
        // At once: another user's removal may wait for these files.
        await user.letGo();
      });
      await Promise.all(steps);
    }
    goesOn = blocks ? own.restSync(pending(), () => client.client.endpoint.drain()) : await own.rest(pending);
  }
  client.close();
  process.exit(0);
}

void live();
