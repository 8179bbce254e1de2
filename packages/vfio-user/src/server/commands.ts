/**
 * What each message asks of a device in use, and what it is answered. A register access that the driver answers at once is
 * answered without a promise. Lives on the device's thread.
 */
import type { Bus, Mdev } from '@mediated/core';
import type { DeviceFile, LocalFile, RemoteMemory } from '@mediated/vfio';
import { PCI_REGIONS } from '@mediated/vfio/uapi';
import type { Descriptor, Ledger } from '../native/ledger.js';
import type { Received } from '../protocol/incoming.js';
import { COMMANDS, FLAGS } from '../protocol/message.js';
import { REGION_ACCESS } from '../protocol/payloads.js';
import { type Capabilities, DEFAULT_CAPABILITIES } from '../protocol/version.js';
import { AttachedDevice } from './attached-device.js';
import { DmaMaps } from './dma-maps.js';
import { Features } from './features.js';
import { Infos, type ShownRegions } from './infos.js';
import { MachineInterrupts } from './interrupts.js';
import { type MachineAsker, MessageMemory } from './message-memory.js';
import { refusal } from './refusal.js';
import { type Access, RegionAccess } from './region-access.js';
import type { Replies } from './replies.js';

/** What this server tells of itself. Together with the rest of the message no more than machines have room for. */
export const OFFERED = {
  max_msg_fds: 8,
  max_data_xfer_size: 2 ** 20,
  pgsizes: 4096,
  max_dma_maps: 65535,
} as const satisfies Partial<Capabilities>;

const NOTHING = new Uint8Array(0);

/** What a device is served with. */
export interface Served {
  readonly bus: Bus;
  readonly mdev: Mdev;
  readonly ledger: Ledger;
  readonly shown: ShownRegions;
  /** A file of the device that this thread has opened, as the device's own thread, which this is. */
  readonly local: (file: DeviceFile) => LocalFile | undefined;
  /** What the device reads and writes by messages from now on. */
  readonly setRemoteMemory: (memory: RemoteMemory | undefined) => void;
}

export class Commands {
  readonly interrupts: MachineInterrupts;
  readonly #served: Served;
  readonly #replies: Replies;
  readonly #device: AttachedDevice;
  readonly #maps: DmaMaps;
  readonly #access: RegionAccess;
  readonly #infos: Infos;
  readonly #features: Features;

  private constructor(served: Served, replies: Replies, device: AttachedDevice, mostBytes: number) {
    this.#served = served;
    this.#replies = replies;
    this.#device = device;
    this.#maps = new DmaMaps(device, served.ledger, DEFAULT_CAPABILITIES.max_dma_maps);
    this.interrupts = new MachineInterrupts(device, OFFERED.max_msg_fds);
    this.#access = new RegionAccess(device, mostBytes);
    this.#infos = new Infos(device, served.shown);
    this.#features = new Features(device, mostBytes);
  }

  /** Opens the device for a machine that can do so much. What opening fails with. */
  static async open(served: Served, machine: Capabilities, replies: Replies, ask: MachineAsker): Promise<Commands> {
    const device = await AttachedDevice.open(served.bus, served.mdev, served.local);
    const mostBytes = Math.min(OFFERED.max_data_xfer_size, machine.max_data_xfer_size);
    const commands = new Commands(served, replies, device, mostBytes);
    served.setRemoteMemory(new MessageMemory(commands.#maps, ask, mostBytes));
    return commands;
  }

  /** Whether a descriptor that came with a message is in use now. */
  holds(descriptor: Descriptor): boolean {
    return this.interrupts.holds(descriptor);
  }

  /** Does what a message asks for. A promise: it is not done yet. Throws, or rejects, to refuse it. */
  perform(message: Received): void | Promise<void> {
    switch (message.command) {
      case COMMANDS.regionRead:
        return this.#read(message);
      case COMMANDS.regionWrite:
        return this.#write(message);
      default:
        return this.#performSeldom(message);
    }
  }

  /** The device is closed, and everything that the machine has given with it. */
  async close(): Promise<void> {
    this.#served.setRemoteMemory(undefined);
    try {
      await this.#features.close();
      await this.#device.close();
    } finally {
      this.interrupts.close();
      this.#maps.close();
    }
  }

  #read(message: Received): void | Promise<void> {
    assertNoDescriptors(message);
    const access = this.#access.decode(message.payload, false);
    if (access instanceof Promise) return access.then((known) => this.#readFrom(message, known));
    return this.#readFrom(message, access);
  }

  #readFrom(message: Received, access: Access): void | Promise<void> {
    const bytes = this.#access.read(access);
    if (bytes instanceof Promise) return bytes.then((late) => this.#answerRead(message, access, late));
    this.#answerRead(message, access, bytes);
  }

  #answerRead(message: Received, access: Access, bytes: Uint8Array): void {
    // Drivers whose configuration space ends one byte early answer what they have.
    const count = access.region.index === PCI_REGIONS.config ? access.count : bytes.length;
    const reply = this.#replies.room(message, REGION_ACCESS.bytes + count);
    if (reply === undefined) return;
    reply.set(message.payload);
    if (count !== access.count)
      new DataView(reply.buffer, reply.byteOffset).setUint32(REGION_ACCESS.count, count, true);
    reply.set(bytes, REGION_ACCESS.bytes);
    if (count !== bytes.length) reply.fill(0, REGION_ACCESS.bytes + bytes.length);
  }

  #write(message: Received): void | Promise<void> {
    assertNoDescriptors(message);
    const access = this.#access.decode(message.payload, true);
    if (access instanceof Promise) return access.then((known) => this.#writeTo(message, known));
    return this.#writeTo(message, access);
  }

  #writeTo(message: Received, access: Access): void | Promise<void> {
    const bytes = message.payload.subarray(REGION_ACCESS.bytes);
    if ((message.flags & FLAGS.noReply) !== 0) return this.#access.post(access, bytes);
    const writing = this.#access.write(access, bytes);
    if (writing instanceof Promise) return writing.then(() => this.#answerWrite(message));
    this.#answerWrite(message);
  }

  #answerWrite(message: Received): void {
    this.#replies.put(message, message.payload.subarray(0, REGION_ACCESS.bytes));
  }

  async #performSeldom(message: Received): Promise<void> {
    const { command, payload } = message;
    if (command !== COMMANDS.dmaMap && command !== COMMANDS.dmaUnmap && command !== COMMANDS.deviceSetIrqs) {
      assertNoDescriptors(message);
    }
    switch (command) {
      case COMMANDS.regionWriteMulti:
        await this.#access.writeMulti(payload, (message.flags & FLAGS.noReply) !== 0);
        return this.#replies.put(message, NOTHING);
      case COMMANDS.dmaMap:
        await this.#maps.map(message);
        return this.#replies.put(message, NOTHING);
      case COMMANDS.dmaUnmap:
        await this.#maps.unmap(message);
        return this.#replies.put(message, payload.subarray(0, 24));
      case COMMANDS.deviceGetInfo:
        return this.#replies.put(message, this.#infos.device(payload));
      case COMMANDS.deviceGetRegionInfo: {
        const { payload: answer, descriptor } = await this.#infos.region(payload);
        return this.#replies.put(message, answer, descriptor === undefined ? [] : [descriptor]);
      }
      case COMMANDS.deviceGetIrqInfo:
        return this.#replies.put(message, await this.#infos.irq(payload));
      case COMMANDS.deviceSetIrqs:
        await this.interrupts.set(message);
        return this.#replies.put(message, NOTHING);
      case COMMANDS.deviceReset:
        if (payload.length > 0) throw refusal('EINVAL', 'RESET has no payload');
        await this.#device.file.reset();
        return this.#replies.put(message, NOTHING);
      case COMMANDS.deviceFeature:
        return this.#replies.put(message, await this.#features.feature(payload));
      case COMMANDS.migrationDataRead:
        return this.#replies.put(message, await this.#features.readData(payload));
      case COMMANDS.migrationDataWrite:
        return this.#replies.put(message, await this.#features.writeData(payload));
      case COMMANDS.deviceGetRegionIoFds:
      case COMMANDS.dirtyPages:
        throw refusal('EOPNOTSUPP', `command ${command}`);
      default:
        throw refusal('EINVAL', `command ${command}`);
    }
  }
}

export function assertNoDescriptors({ descriptors }: Received): void {
  if (descriptors.length > 0) throw refusal('EINVAL', `${descriptors.length} descriptors that do not belong here`);
}
