/**
 * One machine and the device that it uses: takes the machine's messages, one after the other, and answers each (posted ones
 * never). Lives on the thread of the device, where what it asks of it is a call.
 */
import { type Bus, ERRNO, errnoName, isMediatedError, type Mdev } from '@mediated/core';
import type { RemoteMemory } from '@mediated/vfio';
import { PCI_REGIONS } from '@mediated/vfio/uapi';
import type { Ledger } from '../native/ledger.js';
import { PollSet, READABLE, WRITABLE } from '../native/poll-set.js';
import type { UnixSocket } from '../native/unix-socket.js';
import { Incoming, type Received } from '../protocol/incoming.js';
import { COMMANDS, FLAGS } from '../protocol/message.js';
import { Outgoing, type SendResult } from '../protocol/outgoing.js';
import { REGION_ACCESS } from '../protocol/payloads.js';
import { type Capabilities, DEFAULT_CAPABILITIES, decodeVersion, encodeVersion } from '../protocol/version.js';
import { AttachedDevice } from './attached-device.js';
import { DmaMaps } from './dma-maps.js';
import { Features } from './features.js';
import { Infos, type ShownRegions } from './infos.js';
import { MachineInterrupts } from './interrupts.js';
import { MessageMemory } from './message-memory.js';
import { refusal } from './refusal.js';
import { RegionAccess } from './region-access.js';

/** What this server tells of itself. Together with the rest of the message no more than machines have room for. */
const OFFERED = {
  max_msg_fds: 8,
  max_data_xfer_size: 2 ** 20,
  pgsizes: 4096,
  max_dma_maps: 65535,
} as const satisfies Partial<Capabilities>;

/** Bytes of a message, at most: a transfer with what stands before it. */
const MOST_BYTES = OFFERED.max_data_xfer_size + 256;
/** So many bytes of answers are collected before they are sent; beyond them there is room for the largest answer. */
const BATCH_BYTES = 65536;
const NOTHING = new Uint8Array(0);

/** Milliseconds that the device waits for its machine. */
const PATIENCE = 1000;

/** What a device is served with. */
export interface Served {
  readonly bus: Bus;
  readonly mdev: Mdev;
  readonly ledger: Ledger;
  readonly shown: ShownRegions;
  /** What the device reads and writes by messages from now on. */
  readonly setRemoteMemory: (memory: RemoteMemory | undefined) => void;
}

/** What a machine's device consists of once it is in use. */
interface Parts {
  readonly device: AttachedDevice;
  readonly maps: DmaMaps;
  readonly interrupts: MachineInterrupts;
  readonly access: RegionAccess;
  readonly infos: Infos;
  readonly features: Features;
}

/**
 * How serving has ended for now: there was nothing, or something; the machine takes no more answers; it is over, for the
 * machine is gone, has said what is no message, or the device has died.
 */
export type ServeResult = 'idle' | 'busy' | 'full' | 'ended';

export class Session {
  readonly #socket: UnixSocket;
  readonly #served: Served;
  readonly #incoming = new Incoming(MOST_BYTES);
  readonly #outgoing = new Outgoing(BATCH_BYTES + MOST_BYTES);
  #parts: Parts | undefined;
  #ended = false;
  /** The machine waits for an answer, and answers nothing meanwhile. */
  #isAwaited = false;
  #lastId = 0;
  /** Requests of the device that the machine has not answered in time. */
  readonly #givenUp = new Set<number>();

  constructor(socket: UnixSocket, served: Served) {
    this.#socket = socket;
    this.#served = served;
  }

  /** Counters of the machine that are to be waited for; then {@link hear}. */
  get heard(): readonly number[] {
    return this.#parts?.interrupts.heard ?? [];
  }

  hear(): void {
    this.#parts?.interrupts.hear();
  }

  /** Takes what the machine has sent, and answers. One call at a time. */
  async serve(): Promise<ServeResult> {
    if (this.#outgoing.waiting > 0 && this.#flush() !== 'sent') return this.#ended ? 'ended' : 'full';
    const received = this.#incoming.fill(this.#socket);
    if (received === 'gone') this.#ended = true;
    while (!this.#ended) {
      // An answer always has room: what the machine does not take keeps it from asking more.
      if (this.#outgoing.waiting > BATCH_BYTES && this.#flush() !== 'sent') return this.#ended ? 'ended' : 'full';
      let message: Received | undefined;
      try {
        message = this.#incoming.take();
      } catch (error) {
        // Where the next message begins is not known any more.
        this.#refuse({ ...this.#incoming.refused, flags: 0 }, error);
        this.#ended = true;
        break;
      }
      if (message === undefined) break;
      await this.#handle(message);
    }
    const sent = this.#flush();
    if (this.#ended) return 'ended';
    if (sent !== 'sent') return 'full';
    return received === 'bytes' ? 'busy' : 'idle';
  }

  /** The device is closed, and everything that the machine has given with it. */
  async close(): Promise<void> {
    this.#ended = true;
    this.#served.setRemoteMemory(undefined);
    const parts = this.#parts;
    this.#parts = undefined;
    try {
      await parts?.features.close();
      await parts?.device.close();
    } finally {
      parts?.interrupts.close();
      parts?.maps.close();
      this.#incoming.close();
      this.#socket.close();
    }
  }

  async #handle(message: Received): Promise<void> {
    this.#isAwaited = (message.flags & FLAGS.noReply) === 0;
    try {
      if ((message.flags & FLAGS.kind) === FLAGS.reply && this.#givenUp.delete(message.id)) return;
      if ((message.flags & FLAGS.kind) === FLAGS.reply) throw refusal('EINVAL', 'a reply to nothing');
      if ((message.flags & FLAGS.kind) !== 0) throw refusal('EINVAL', `flags 0x${message.flags.toString(16)}`);
      if (this.#parts === undefined) await this.#begin(message);
      else await this.#dispatch(message, this.#parts);
    } catch (error) {
      this.#refuse(message, error);
    } finally {
      this.#isAwaited = false;
      for (const descriptor of message.descriptors) {
        if (this.#parts?.interrupts.holds(descriptor) !== true) descriptor.close();
      }
    }
  }

  /** The first message says what the machine can do; the device is opened with it. */
  async #begin(message: Received): Promise<void> {
    if (message.command !== COMMANDS.version) throw refusal('EINVAL', 'VERSION is the first message');
    assertNoDescriptors(message);
    const capabilities = decodeVersion(message.payload);
    const { bus, mdev, ledger, shown } = this.#served;
    let device: AttachedDevice;
    try {
      device = await AttachedDevice.open(bus, mdev);
    } catch (error) {
      this.#ended = true;
      throw error;
    }
    const mostBytes = Math.min(OFFERED.max_data_xfer_size, capabilities.max_data_xfer_size);
    const maps = new DmaMaps(device, ledger, DEFAULT_CAPABILITIES.max_dma_maps);
    this.#served.setRemoteMemory(new MessageMemory(maps, (command, payload) => this.#ask(command, payload), mostBytes));
    this.#parts = {
      device,
      maps,
      interrupts: new MachineInterrupts(device, OFFERED.max_msg_fds),
      access: new RegionAccess(device, mostBytes),
      infos: new Infos(device, shown),
      features: new Features(device, mostBytes),
    };
    this.#answer(message, encodeVersion(OFFERED));
  }

  async #dispatch(message: Received, { device, maps, interrupts, access, infos, features }: Parts): Promise<void> {
    const { command, payload } = message;
    if (command !== COMMANDS.dmaMap && command !== COMMANDS.dmaUnmap && command !== COMMANDS.deviceSetIrqs) {
      assertNoDescriptors(message);
    }
    switch (command) {
      case COMMANDS.regionRead:
        return this.#read(message, access);
      case COMMANDS.regionWrite: {
        const request = await access.decode(payload, true);
        const bytes = payload.subarray(REGION_ACCESS.bytes);
        if ((message.flags & FLAGS.noReply) !== 0) return access.post(request, bytes);
        await access.write(request, bytes);
        return this.#answer(message, payload.subarray(0, REGION_ACCESS.bytes));
      }
      case COMMANDS.regionWriteMulti:
        await access.writeMulti(payload, (message.flags & FLAGS.noReply) !== 0);
        return this.#answer(message, NOTHING);
      case COMMANDS.dmaMap:
        await maps.map(message);
        return this.#answer(message, NOTHING);
      case COMMANDS.dmaUnmap:
        await maps.unmap(message);
        return this.#answer(message, payload.subarray(0, 24));
      case COMMANDS.deviceGetInfo:
        return this.#answer(message, infos.device(payload));
      case COMMANDS.deviceGetRegionInfo: {
        const { payload: answer, descriptor } = await infos.region(payload);
        return this.#answer(message, answer, descriptor === undefined ? [] : [descriptor]);
      }
      case COMMANDS.deviceGetIrqInfo:
        return this.#answer(message, await infos.irq(payload));
      case COMMANDS.deviceSetIrqs:
        await interrupts.set(message);
        return this.#answer(message, NOTHING);
      case COMMANDS.deviceReset:
        if (payload.length > 0) throw refusal('EINVAL', 'RESET has no payload');
        await device.file.reset();
        return this.#answer(message, NOTHING);
      case COMMANDS.deviceFeature:
        return this.#answer(message, await features.feature(payload));
      case COMMANDS.migrationDataRead:
        return this.#answer(message, await features.readData(payload));
      case COMMANDS.migrationDataWrite:
        return this.#answer(message, await features.writeData(payload));
      case COMMANDS.deviceGetRegionIoFds:
      case COMMANDS.dirtyPages:
        throw refusal('EOPNOTSUPP', `command ${command}`);
      default:
        throw refusal('EINVAL', `command ${command}`);
    }
  }

  async #read(message: Received, access: RegionAccess): Promise<void> {
    const request = await access.decode(message.payload, false);
    const bytes = await access.read(request);
    // Drivers whose configuration space ends one byte early answer what they have.
    const count = request.region.index === PCI_REGIONS.config ? request.count : bytes.length;
    const reply = this.#reply(message, REGION_ACCESS.bytes + count);
    if (reply === undefined) return;
    reply.set(message.payload);
    if (count !== request.count)
      new DataView(reply.buffer, reply.byteOffset).setUint32(REGION_ACCESS.count, count, true);
    reply.set(bytes, REGION_ACCESS.bytes);
    reply.fill(0, REGION_ACCESS.bytes + bytes.length);
  }

  #answer(message: Received, payload: Uint8Array, descriptors: readonly number[] = []): void {
    this.#reply(message, payload.length, descriptors)?.set(payload);
  }

  /** Room for an answer's payload; undefined: none is wanted. */
  #reply({ id, command, flags }: Received, bytes: number, descriptors: readonly number[] = []): Uint8Array | undefined {
    if ((flags & FLAGS.noReply) !== 0) return undefined;
    return this.#outgoing.put({ id, command, flags: FLAGS.reply }, bytes, descriptors);
  }

  #refuse({ id, command, flags }: { id: number; command: number; flags: number }, error: unknown): void {
    if ((flags & FLAGS.noReply) !== 0) return;
    const errno = isMediatedError(error) ? -error.errno : ERRNO.EIO;
    this.#outgoing.put({ id, command, flags: FLAGS.reply | FLAGS.error, errno }, 0);
  }

  /**
   * Asks the machine and waits for its answer, on the thread of the device. EFAULT: the machine itself waits for an answer
   * and takes no request meanwhile, it is gone, or it has not answered in time; else what it answers.
   */
  #ask(command: number, payload: Uint8Array): Uint8Array {
    if (this.#isAwaited) throw refusal('EFAULT', 'the machine waits for the device and cannot serve it');
    const deadline = performance.now() + PATIENCE;
    this.#lastId = (this.#lastId + 1) & 0xffff;
    const id = this.#lastId;
    if (!this.#outgoing.hasRoom(payload.length)) throw refusal('EFAULT', 'the machine takes nothing');
    this.#outgoing.put({ id, command, flags: 0 }, payload.length).set(payload);
    const set = new PollSet();
    for (;;) {
      const sent = this.#flush();
      const reply = this.#incoming.takeReply(id);
      if (reply !== undefined) {
        if ((reply.flags & FLAGS.error) === 0) return reply.payload;
        throw refusal(errnoName(reply.errno), 'the machine refuses the access');
      }
      set.set([
        { descriptor: this.#socket.descriptor.number, events: sent === 'full' ? READABLE | WRITABLE : READABLE },
      ]);
      const left = deadline - performance.now();
      set.wait(Math.max(0, Math.ceil(left)));
      const received = left <= 0 ? 'full' : this.#incoming.fillBehind(this.#socket);
      if (received === 'gone') this.#ended = true;
      if (received === 'gone' || received === 'full' || this.#ended) break;
    }
    this.#givenUp.add(id);
    throw refusal('EFAULT', 'the machine does not answer');
  }

  #flush(): SendResult {
    const result = this.#outgoing.flush(this.#socket);
    if (result === 'gone') this.#ended = true;
    return result;
  }
}

function assertNoDescriptors({ descriptors }: Received): void {
  if (descriptors.length > 0) throw refusal('EINVAL', `${descriptors.length} descriptors that do not belong here`);
}
