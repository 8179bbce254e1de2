/**
 * A subfunction: a PCI function with a few registers, a transmit ring and receive rings in shared memory, and an
 * interrupt for frames that come. Made by the driver's `init`; lives on the device's thread, which alone takes frames out
 * of its transmit ring; receive rings are filled by any of the driver's threads (`switch.ts`).
 */
import { isMediatedError, MediatedError } from '@mediated/core';
import type { VfioDevice } from '@mediated/vfio';
import { PciFunction } from '../pci-function/pci-function.js';
import {
  MAX_FRAME,
  MIN_FRAME,
  REGISTERS_BAR,
  REGISTERS_BYTES,
  RINGS_BAR,
  rxHead,
  rxTail,
  SF_MAGIC,
  SF_REGISTERS,
  SF_VERSION,
  SLOT_BYTES,
  SLOT_FRAME,
  SLOT_LENGTH,
  TX_HEAD,
  TX_RING,
  TX_TAIL,
} from './layout.js';
import { formatMac, macOf } from './mac.js';
import type { Switch } from './switch.js';

const IDENTITY = {
  vendor: 0x1af4,
  device: 0x5346,
  subsystemVendor: 0x1af4,
  subsystemDevice: 0x0001,
  classCode: 0x020000,
};

export class NetworkFunction {
  readonly pci: PciFunction;
  readonly port: number;
  readonly mac: Uint8Array;
  readonly #switch: Switch;
  readonly #rings: Uint8Array<SharedArrayBuffer>;
  readonly #indexes: Int32Array<SharedArrayBuffer>;
  readonly #registers = new Map<number, number>();
  /** Frames taken out of the transmit ring. */
  #sent = 0;
  #listening: { readonly stop: AbortController; readonly ended: Promise<void> } | undefined;

  /** Takes a port. ENOSPC: there is none. */
  constructor(device: VfioDevice<undefined>, fabric: Switch) {
    const port = fabric.takePort();
    if (port < 0) {
      const text = `all ${fabric.options.functions} functions of ${device.type.parent} are in use`;
      throw new MediatedError('ENOSPC', text, { syscall: 'create' });
    }
    this.port = port;
    this.#switch = fabric;
    this.mac = macOf(fabric.pool, port);
    this.#rings = fabric.rings(port);
    this.#indexes = new Int32Array(this.#rings.buffer);
    const mac = new DataView(this.mac.buffer);
    const { slots, lanes } = fabric.options;
    for (const [register, value] of [
      [SF_REGISTERS.magic, SF_MAGIC],
      [SF_REGISTERS.version, SF_VERSION],
      [SF_REGISTERS.macLow, mac.getUint32(0, true)],
      [SF_REGISTERS.macHigh, mac.getUint16(4, true)],
      [SF_REGISTERS.slots, slots],
      [SF_REGISTERS.lanes, lanes],
      [SF_REGISTERS.slotBytes, SLOT_BYTES],
      [SF_REGISTERS.maxFrame, MAX_FRAME],
    ] as const) {
      this.#registers.set(register, value);
    }
    const registers = {
      bytes: REGISTERS_BYTES,
      read: (offset: number, into: Uint8Array) => this.#read(offset, into),
      write: (offset: number, bytes: Uint8Array) => this.#write(offset, bytes),
    };
    const rings = { bytes: this.#rings.byteLength, prefetchable: true, memory: this.#rings.buffer };
    this.pci = new PciFunction(device, {
      identity: IDENTITY,
      bars: new Map<number, typeof registers | typeof rings>([
        [REGISTERS_BAR, registers],
        [RINGS_BAR, rings],
      ]),
      vectors: 1,
      reset: () => this.#emptyRings(),
    });
  }

  get address(): string {
    return formatMac(this.mac);
  }

  /** First open: the link comes up. */
  open(): void {
    this.#emptyRings();
    const stop = new AbortController();
    this.#listening = { stop, ended: this.#listen(stop.signal) };
    this.#switch.table.setUp(this.port, true);
  }

  /** Last close: the link goes down, what has not been received is lost. */
  async close(): Promise<void> {
    this.#switch.table.setUp(this.port, false);
    this.#listening?.stop.abort();
    await this.#listening?.ended;
    await this.pci.close();
  }

  /** The device is gone. */
  release(): void {
    this.#switch.givePort(this.port);
  }

  /** Raises the interrupt when frames have come, once for all that have until then. */
  async #listen(signal: AbortSignal): Promise<void> {
    const arrival = this.#switch.table.arrival(this.port);
    try {
      for (;;) {
        await arrival.wait({ signal });
        while (arrival.tryWait());
        this.pci.raise(0);
      }
    } catch (error) {
      if (!isMediatedError(error, 'ECANCELED')) throw error;
    }
  }

  #emptyRings(): void {
    const { table, options } = this.#switch;
    const arrival = table.arrival(this.port);
    while (arrival.tryWait());
    this.#sent = 0;
    Atomics.store(this.#indexes, TX_TAIL, 0);
    Atomics.store(this.#indexes, TX_HEAD, 0);
    for (let lane = 0; lane < options.lanes; lane++) {
      const tail = table.tail(this.port, lane);
      Atomics.store(this.#indexes, rxTail(lane), tail);
      Atomics.store(this.#indexes, rxHead(lane), tail);
    }
  }

  /** Sends what is in the transmit ring: at most one lap of it. An index that cannot be drops everything. */
  #transmit(): void {
    const { table, options } = this.#switch;
    const pending = (Atomics.load(this.#indexes, TX_TAIL) - this.#sent) >>> 0;
    if (pending > options.slots) table.add(this.port, 'tx_dropped', 1);
    else for (let frame = 0; frame < pending; frame++) this.#send((this.#sent + frame) & (options.slots - 1));
    this.#sent = (this.#sent + pending) | 0;
    Atomics.store(this.#indexes, TX_HEAD, this.#sent);
  }

  #send(slot: number): void {
    const { table } = this.#switch;
    const at = TX_RING + slot * SLOT_BYTES;
    const length = this.#indexes[(at + SLOT_LENGTH) / 4];
    if (length < MIN_FRAME || length > MAX_FRAME) return table.add(this.port, 'tx_dropped', 1);
    this.#switch.forward(this.port, this.#rings.subarray(at + SLOT_FRAME, at + SLOT_FRAME + length));
    table.add(this.port, 'tx_frames', 1);
    table.add(this.port, 'tx_bytes', length);
  }

  #read(offset: number, into: Uint8Array): void {
    assertRegister(offset, into.length);
    new DataView(into.buffer, into.byteOffset).setUint32(0, this.#registers.get(offset) ?? 0, true);
  }

  #write(offset: number, bytes: Uint8Array): void {
    assertRegister(offset, bytes.length);
    if (offset === SF_REGISTERS.doorbell) this.#transmit();
  }
}

function assertRegister(offset: number, length: number): void {
  if (length === 4 && offset % 4 === 0) return;
  throw new MediatedError('EINVAL', `${length} bytes at ${offset} are no register; 4 bytes at a multiple of 4 are`);
}
