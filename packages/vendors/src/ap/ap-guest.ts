/**
 * A virtual machine on the emulated AP bus, as programs see it: which matrix device it is connected to, what its crypto
 * control block says, and the instruction by which it asks for interrupts. Any thread.
 */
import { type Mdev, MediatedError } from '@mediated/core';
import type { DeviceFile } from '@mediated/vfio';
import type { ApMemory } from './ap-memory.js';
import { exclusively } from './exclusive.js';
import { GuestRecord } from './guest-record.js';
import { bitsOf } from './masks.js';
import { MatrixRecord } from './matrix-record.js';
import { AQIC_FUNCTION, GUEST_PQAP, pqap } from './pqap.js';

/** What PQAP(AQIC) asks for. */
export interface InterruptRequest {
  readonly apqn: number;
  readonly enable: boolean;
  /** Interrupt subclass, 0 to 7. Default 0. */
  readonly isc?: number;
  /** Address of the notification byte in the guest's memory. Default 0: none. */
  readonly nib?: bigint;
}

/** What a guest is like. */
export interface ApGuestOptions {
  /** It has a crypto control block, without which nothing can be attached. Default true. */
  readonly crypto?: boolean;
  /** It takes adapter interrupts. Default true. */
  readonly interrupts?: boolean;
  /** Number of the virtual machine with which vfio knows it, for devices that are opened through their group. */
  readonly kvm?: number;
}

export class ApGuest {
  readonly #ap: ApMemory;
  readonly #record: GuestRecord;
  #destroyed = false;

  private constructor(ap: ApMemory, record: GuestRecord) {
    this.#ap = ap;
    this.#record = record;
  }

  /** @internal See `ApBus.createGuest`. */
  static async create(ap: ApMemory, options: ApGuestOptions): Promise<ApGuest> {
    const { crypto = true, interrupts = true, kvm = 0 } = options;
    const record = await exclusively(ap, () => GuestRecord.create(ap, crypto, interrupts, kvm));
    if (record === undefined) throw new MediatedError('ENOSPC', 'there is no room for another guest');
    return new ApGuest(ap, record);
  }

  /**
   * Connects a device that is opened without a group (`openDevice`), where no virtual machine can be told of: its next
   * first open attaches it to this guest. ENODEV: it is gone.
   */
  async connect({ index, generation, uuid }: Mdev): Promise<void> {
    await exclusively(this.#ap, () => {
      const matrix = MatrixRecord.of(this.#ap, index, generation);
      if (matrix === undefined || this.#destroyed) {
        throw new MediatedError('ENODEV', `device ${uuid} or this guest is gone`, { syscall: 'connect' });
      }
      matrix.connected = this.#record;
    });
  }

  /** The next first open of a device finds no guest. */
  async disconnect({ index, generation }: Mdev): Promise<void> {
    await exclusively(this.#ap, () => {
      const matrix = MatrixRecord.of(this.#ap, index, generation);
      if (matrix !== undefined) matrix.connected = undefined;
    });
  }

  /** The guest ends. What is attached to it stays so until the device is closed. */
  async destroy(): Promise<void> {
    await exclusively(this.#ap, () => {
      if (this.#destroyed) return;
      this.#destroyed = true;
      this.#record.destroy();
      for (const matrix of MatrixRecord.all(this.#ap)) {
        if (matrix.connected?.index === this.#record.index) matrix.connected = undefined;
      }
    });
  }

  /** Its crypto control block: ids of adapters, domains and control domains. */
  masks(): Promise<{ adapters: number[]; domains: number[]; controlDomains: number[] }> {
    return exclusively(this.#ap, () => {
      const [adapters, domains, controlDomains] = this.#record.masks;
      return { adapters: bitsOf(adapters), domains: bitsOf(domains), controlDomains: bitsOf(controlDomains) };
    });
  }

  /** How often its masks were written. */
  updates(): Promise<number> {
    return exclusively(this.#ap, () => this.#record.updates);
  }

  /** How many queues have an interrupt subclass registered, for each of the eight. */
  registrations(): Promise<number[]> {
    return exclusively(this.#ap, () => Array.from({ length: 8 }, (_, isc) => this.#record.registrations(isc)));
  }

  /**
   * Executes PQAP(AQIC) in this guest; `file` is the open device that is attached to it. Returns the response code.
   * EOPNOTSUPP: the machine has no such interrupts, the instruction is the VMM's business.
   */
  async interrupt(file: DeviceFile, { apqn, enable, isc = 0, nib = 0n }: InterruptRequest): Promise<number> {
    const gr0 = BigInt(apqn) | (AQIC_FUNCTION << 24n);
    const gr1 = (enable ? 1n << 47n : 0n) | BigInt(isc & 7);
    const argument = pqap.bytes({ gr0, gr1, gr2: nib, guest: this.#record.index });
    await file.ioctl(GUEST_PQAP, argument);
    return Number((pqap.decode(argument).gr1 >> 16n) & 0xffn);
  }
}
