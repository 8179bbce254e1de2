/**
 * A program that plays the virtual machine: attaches to a served device and uses it in every way the protocol has, without
 * QEMU. For tests of devices, and of the server.
 */
import type { DeviceInfo, IrqInfo } from '@mediated/vfio';
import {
  deviceFeature,
  deviceInfo,
  FEATURE_FLAGS,
  FEATURES,
  featureMigState,
  IRQ_SET_FLAGS,
  irqInfo,
  irqSet,
  type MigrationState,
  regionInfo,
} from '@mediated/vfio/uapi';
import { EventDescriptor } from '../native/event-descriptor.js';
import { Ledger } from '../native/ledger.js';
import { COMMANDS } from '../protocol/message.js';
import { DMA_UNMAP_FLAGS, dmaUnmapRequest, migrationData, regionAccess } from '../protocol/payloads.js';
import { type Capabilities, DEFAULT_CAPABILITIES, decodeVersion, encodeVersion } from '../protocol/version.js';
import { answered, Channel, type Reply } from './channel.js';
import { type GuestMapping, mapRequest, OwnMemories } from './guest-mappings.js';
import { multiRequest, type SmallWrite, writeRequest } from './region-writes.js';
import { type ServedRegion, servedRegion } from './served-region.js';

const NOTHING = new Uint8Array(0);

export class VfioUserClient {
  /** For messages of one's own making. */
  readonly channel: Channel;
  readonly ledger: Ledger;
  #capabilities = DEFAULT_CAPABILITIES;
  readonly #own = new OwnMemories();

  private constructor(path: string, ledger: Ledger) {
    this.ledger = ledger;
    this.channel = new Channel(path, ledger, (request) => this.#own.serve(request));
  }

  /** @internal Connects, and says nothing yet. */
  static open(path: string, ledger: Ledger = new Ledger()): VfioUserClient {
    return new VfioUserClient(path, ledger);
  }

  /** What the server can do. */
  get capabilities(): Capabilities {
    return this.#capabilities;
  }

  /** Sends a command; its reply, an error too. */
  request(command: number, payload: Uint8Array = NOTHING, descriptors?: readonly number[]): Promise<Reply> {
    return this.channel.request(command, payload, descriptors);
  }

  async negotiate(capabilities: Partial<Capabilities> = DEFAULT_CAPABILITIES): Promise<void> {
    const { payload } = await this.#ask(COMMANDS.version, encodeVersion(capabilities));
    this.#capabilities = decodeVersion(payload);
  }

  async info(): Promise<Omit<DeviceInfo, 'capabilities'>> {
    const request = deviceInfo.bytes({ argsz: 16 }).subarray(0, 16);
    const {
      flags,
      num_regions: regions,
      num_irqs: irqs,
    } = deviceInfo.decode((await this.#ask(COMMANDS.deviceGetInfo, request)).payload);
    return { flags, regions, irqs };
  }

  /** EINVAL: there is none of this index. */
  async regionInfo(index: number): Promise<ServedRegion> {
    let reply = await this.#ask(COMMANDS.deviceGetRegionInfo, regionInfo.bytes({ argsz: regionInfo.size, index }));
    const { argsz } = regionInfo.decode(reply.payload);
    if (argsz > regionInfo.size) {
      reply = await this.#ask(COMMANDS.deviceGetRegionInfo, regionInfo.bytes({ argsz, index }));
    }
    return servedRegion(index, reply, this.ledger);
  }

  async irqInfo(index: number): Promise<IrqInfo> {
    const reply = await this.#ask(COMMANDS.deviceGetIrqInfo, irqInfo.bytes({ argsz: irqInfo.size, index }));
    const { flags, count } = irqInfo.decode(reply.payload);
    return { index, flags, count };
  }

  /** A counter for interrupts. Close it. */
  eventDescriptor(): EventDescriptor {
    return EventDescriptor.create(this.ledger);
  }

  /** The device signals these from now on. */
  async bindInterrupts(index: number, events: readonly EventDescriptor[], start = 0): Promise<void> {
    const flags = IRQ_SET_FLAGS.dataEventfd | IRQ_SET_FLAGS.trigger;
    const request = { argsz: irqSet.size, flags, index, start, count: events.length };
    const descriptors = events.map(({ descriptor }) => descriptor.number);
    await this.#ask(COMMANDS.deviceSetIrqs, irqSet.bytes(request), descriptors);
  }

  /** SET_IRQS without data: masks, unmasks, fires; a count of 0 disables the index. */
  async setIrqs(action: 'mask' | 'unmask' | 'trigger', index: number, count: number, start = 0): Promise<void> {
    const flags = IRQ_SET_FLAGS.dataNone | IRQ_SET_FLAGS[action];
    await this.#ask(COMMANDS.deviceSetIrqs, irqSet.bytes({ argsz: irqSet.size, flags, index, start, count }));
  }

  async read(region: number, offset: number, count: number): Promise<Uint8Array> {
    const request = regionAccess.bytes({ offset: BigInt(offset), region, count });
    return (await this.#ask(COMMANDS.regionRead, request)).payload.subarray(regionAccess.size);
  }

  async write(region: number, offset: number, bytes: Uint8Array): Promise<void> {
    await this.#ask(COMMANDS.regionWrite, writeRequest(region, offset, bytes));
  }

  /** A write without an answer, as a machine writes to memory. */
  post(region: number, offset: number, bytes: Uint8Array): Promise<void> {
    return this.channel.post(COMMANDS.regionWrite, writeRequest(region, offset, bytes));
  }

  async writeMulti(writes: readonly SmallWrite[]): Promise<void> {
    await this.#ask(COMMANDS.regionWriteMulti, multiRequest(writes));
  }

  async mapMemory(mapping: GuestMapping): Promise<void> {
    const { payload, descriptors, own } = mapRequest(mapping);
    await this.#ask(COMMANDS.dmaMap, payload, descriptors);
    if (own !== undefined) this.#own.add(own);
  }

  /** Unmaps what was mapped so; without a range everything. ENOENT. */
  async unmapMemory(range?: { readonly address: bigint; readonly size: number }): Promise<void> {
    const { address = 0n, size = 0 } = range ?? {};
    const flags = range === undefined ? DMA_UNMAP_FLAGS.all : 0;
    const request = { argsz: dmaUnmapRequest.size, flags, address, size: BigInt(size) };
    await this.#ask(COMMANDS.dmaUnmap, dmaUnmapRequest.bytes(request));
    this.#own.remove(range?.address);
  }

  async reset(): Promise<void> {
    await this.#ask(COMMANDS.deviceReset, NOTHING);
  }

  /** DEVICE_FEATURE. `flags`: the feature's number and `FEATURE_FLAGS`; `room`: bytes of the answer's data, at most. */
  async feature(flags: number, data: Uint8Array = NOTHING, room = data.length): Promise<Uint8Array> {
    const request = deviceFeature.bytes({ argsz: deviceFeature.size + room, flags }, deviceFeature.size + data.length);
    request.set(data, deviceFeature.size);
    return (await this.#ask(COMMANDS.deviceFeature, request)).payload.subarray(deviceFeature.size);
  }

  async migrationState(): Promise<MigrationState> {
    const data = await this.feature(FEATURES.migDeviceState | FEATURE_FLAGS.get, NOTHING, featureMigState.size);
    return featureMigState.decode(data).device_state as MigrationState;
  }

  async setMigrationState(state: MigrationState): Promise<void> {
    const data = featureMigState.bytes({ device_state: state, data_fd: -1 });
    await this.feature(FEATURES.migDeviceState | FEATURE_FLAGS.set, data);
  }

  /** The next bytes of the state; none at its end. */
  async readMigrationData(size: number): Promise<Uint8Array> {
    const request = migrationData.bytes({ argsz: migrationData.size, size });
    return (await this.#ask(COMMANDS.migrationDataRead, request)).payload.subarray(migrationData.size);
  }

  async writeMigrationData(bytes: Uint8Array): Promise<void> {
    const argsz = migrationData.size + bytes.length;
    const request = migrationData.bytes({ argsz, size: bytes.length }, argsz);
    request.set(bytes, migrationData.size);
    await this.#ask(COMMANDS.migrationDataWrite, request);
  }

  /** Leaves, as a machine that exits does: without a word. */
  close(): Promise<void> {
    return this.channel.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #ask(command: number, payload: Uint8Array, descriptors?: readonly number[]): Promise<Reply> {
    return answered(await this.request(command, payload, descriptors));
  }
}

/**
 * Attaches to a served device. The client keeps the process alive until it is closed, as a socket does; all clients of a thread are
 * waited for by one other thread. ENOENT: there is no socket; EIO; what opening the device fails with.
 */
export async function connect(path: string, capabilities?: Partial<Capabilities>): Promise<VfioUserClient> {
  const client = VfioUserClient.open(path);
  try {
    await client.negotiate(capabilities);
    return client;
  } catch (error) {
    await client.close();
    throw error;
  }
}
