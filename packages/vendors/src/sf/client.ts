/**
 * Entry `@mediated/vendors/sf`: a subfunction as a program uses it, over its open device file and the mapping of its
 * rings. Belongs to one thread; the memory is shared with the driver's threads under the rules of `layout.ts`.
 */
import { type DeviceFile, InterruptCounter, type MappedMemory } from '@mediated/vfio';
import * as uapi from '@mediated/vfio/uapi';
import { regionOffset } from '../pci-function/pci-function.js';
import {
  REGISTERS_BAR,
  RINGS_BAR,
  ringsBytes,
  rxHead,
  rxRing,
  rxTail,
  SF_REGISTERS,
  SLOT_BYTES,
  SLOT_FRAME,
  SLOT_LENGTH,
  TX_HEAD,
  TX_RING,
  TX_TAIL,
} from './layout.js';
import { formatMac } from './mac.js';

export { SF_REGISTERS } from './layout.js';

const REGISTERS = regionOffset(REGISTERS_BAR);

export class NicClient {
  /** The function's address, six bytes. */
  readonly mac: Uint8Array;
  /** Frames that each ring holds. */
  readonly slots: number;
  readonly #file: DeviceFile;
  readonly #lanes: number;
  readonly #memory: Uint8Array<SharedArrayBuffer>;
  readonly #indexes: Int32Array<SharedArrayBuffer>;

  private constructor(file: DeviceFile, registers: DataView, memory: MappedMemory) {
    this.#file = file;
    this.mac = new Uint8Array(registers.buffer, registers.byteOffset + SF_REGISTERS.macLow, 6).slice();
    this.slots = registers.getUint32(SF_REGISTERS.slots, true);
    this.#lanes = registers.getUint32(SF_REGISTERS.lanes, true);
    this.#memory = memory;
    this.#indexes = new Int32Array(memory.buffer, memory.byteOffset, memory.length / 4);
  }

  /** Reads the registers of an open function and maps its rings. */
  static async open(file: DeviceFile): Promise<NicClient> {
    const registers = new DataView(new ArrayBuffer(SF_REGISTERS.doorbell));
    for (let at = 0; at < SF_REGISTERS.doorbell; at += 4) {
      new Uint8Array(registers.buffer).set(await file.read(REGISTERS + at, 4), at);
    }
    const slots = registers.getUint32(SF_REGISTERS.slots, true);
    const lanes = registers.getUint32(SF_REGISTERS.lanes, true);
    return new NicClient(file, registers, await file.mmap(regionOffset(RINGS_BAR), ringsBytes(slots, lanes)));
  }

  /** The address as text. */
  get address(): string {
    return formatMac(this.mac);
  }

  /** Puts a frame into the transmit ring; false: the ring is full until the next {@link send}. RangeError: too long. */
  queue(frame: Uint8Array): boolean {
    const tail = Atomics.load(this.#indexes, TX_TAIL);
    if ((tail - Atomics.load(this.#indexes, TX_HEAD)) >>> 0 >= this.slots) return false;
    if (frame.length > SLOT_BYTES - SLOT_FRAME) throw new RangeError(`a frame of ${frame.length} bytes fits no slot`);
    const slot = TX_RING + (tail & (this.slots - 1)) * SLOT_BYTES;
    this.#memory.set(frame, slot + SLOT_FRAME);
    this.#indexes[(slot + SLOT_LENGTH) / 4] = frame.length;
    Atomics.store(this.#indexes, TX_TAIL, (tail + 1) | 0);
    return true;
  }

  /** Sends what is queued, and `frame` too if it is given; it has been forwarded or dropped when this resolves. */
  async send(frame?: Uint8Array): Promise<void> {
    while (frame !== undefined && !this.queue(frame)) await this.#ring();
    await this.#ring();
  }

  /** Takes the next frame out of the receive rings; undefined: there is none. Frames of one sender come in order. */
  receive(): Uint8Array | undefined {
    for (let lane = 0; lane < this.#lanes; lane++) {
      const head = Atomics.load(this.#indexes, rxHead(lane));
      if (Atomics.load(this.#indexes, rxTail(lane)) === head) continue;
      const slot = rxRing(this.slots, lane) + (head & (this.slots - 1)) * SLOT_BYTES;
      const frame = this.#memory.slice(slot + SLOT_FRAME, slot + SLOT_FRAME + this.#indexes[(slot + SLOT_LENGTH) / 4]);
      Atomics.store(this.#indexes, rxHead(lane), (head + 1) | 0);
      return frame;
    }
    return undefined;
  }

  /** Binds a counter to the interrupt: it is signalled when frames have come. */
  async listen(): Promise<InterruptCounter> {
    const counter = InterruptCounter.create();
    const flags = uapi.IRQ_SET_FLAGS.dataEventfd | uapi.IRQ_SET_FLAGS.trigger;
    const argsz = uapi.IRQ_SET_BYTES + 4;
    const argument = uapi.irqSet.bytes({ argsz, flags, index: uapi.PCI_IRQS.msi, start: 0, count: 1 }, argsz);
    // The only descriptor of this call: its number is free to choose.
    new DataView(argument.buffer).setInt32(uapi.IRQ_SET_BYTES, 0, true);
    await this.#file.ioctl(uapi.DEVICE_SET_IRQS, argument, new Map([[0, counter.passed]]));
    return counter;
  }

  async #ring(): Promise<void> {
    await this.#file.write(REGISTERS + SF_REGISTERS.doorbell, Uint8Array.of(1, 0, 0, 0));
  }
}
