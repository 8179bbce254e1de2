/**
 * A matrix device on its own thread: its record on the AP bus, its eventfd, the pages that it has pinned; what its file
 * answers (ap sections 11 and 12). Called by the driver.
 */
import { MediatedError } from '@mediated/core';
import { type InterruptCounter, type IoctlCall, readIrqSet } from '@mediated/vfio';
import {
  DEVICE_FLAGS,
  DEVICE_INFO_BYTES,
  deviceInfo,
  IRQ_INFO_BYTES,
  IRQ_INFO_FLAGS,
  IRQ_SET_BYTES,
  IRQ_SET_FLAGS,
  irqInfo,
  irqSet,
  readArgument,
} from '@mediated/vfio/uapi';
import type { ApMemory } from './ap-memory.js';
import { exclusively } from './exclusive.js';
import { disableInterrupt, enableInterrupt } from './interrupts.js';
import type { MatrixRecord } from './matrix-record.js';
import { NotificationPins, type PageAccess } from './pins.js';
import { AQIC_FUNCTION, pqap } from './pqap.js';
import { Queue, RESPONSES } from './queue.js';
import { resetQueues } from './reset.js';
import { trace } from './trace.js';

/** The one interrupt of a device: it is wanted back. */
const INTERRUPTS = 1;
const DESCRIPTOR_BYTES = 4;
/** Bit 16 of the second register, counted from the left of 64. */
const ENABLE = 1n << 47n;
const SUBCLASS_MASK = 7n;

export class MatrixDevice {
  readonly record: MatrixRecord;
  readonly pins: NotificationPins;
  readonly #ap: ApMemory;
  /** Kept across closes. */
  #request: InterruptCounter | undefined;

  constructor(ap: ApMemory, record: MatrixRecord, access: PageAccess) {
    this.#ap = ap;
    this.record = record;
    this.pins = new NotificationPins(ap, access);
  }

  /** Runs `body` as the only one on the AP bus; then unpins what it has ended. */
  async alone<T>(body: (ap: ApMemory, record: MatrixRecord) => T | Promise<T>): Promise<T> {
    try {
      return await exclusively(this.#ap, () => body(this.#ap, this.record));
    } finally {
      this.pins.settle();
    }
  }

  /** The device is wanted back for the `count`th time. */
  request(count: number): void {
    if (this.#request !== undefined) this.#request.signal();
    else if (count === 0) trace(this.#ap, 'request', this.record.index, count);
  }

  getInfo(argument: Uint8Array): void {
    readArgument(deviceInfo, argument, DEVICE_INFO_BYTES);
    const flags = DEVICE_FLAGS.ap | DEVICE_FLAGS.reset;
    deviceInfo.encode(argument.subarray(0, DEVICE_INFO_BYTES), { flags, num_regions: 0, num_irqs: INTERRUPTS });
  }

  getIrqInfo(argument: Uint8Array): void {
    const { index } = readArgument(irqInfo, argument, IRQ_INFO_BYTES);
    if (index !== 0) throw refused('EINVAL', `there is one interrupt, no ${index}`);
    irqInfo.encode(argument, { flags: IRQ_INFO_FLAGS.eventfd, count: INTERRUPTS });
  }

  /** Errors: EINVAL, EBADF; what was bound stays bound. */
  setIrqs(argument: Uint8Array, call: IoctlCall): void {
    readIrqSet(argument, INTERRUPTS, () => INTERRUPTS);
    const { flags } = irqSet.decode(argument);
    if ((flags & IRQ_SET_FLAGS.trigger) === 0) throw refused('EINVAL', 'the interrupt can only be bound');
    if ((flags & IRQ_SET_FLAGS.dataEventfd) === 0) throw refused('EINVAL', 'an eventfd is wanted');
    // The descriptor is read even if `count` is 0.
    if (argument.length < IRQ_SET_BYTES + DESCRIPTOR_BYTES) throw refused('EFAULT', 'no descriptor was passed');
    const descriptor = new DataView(argument.buffer, argument.byteOffset + IRQ_SET_BYTES).getInt32(0, true);
    if (descriptor < -1) throw refused('EINVAL', `${descriptor} is no descriptor`);
    this.#request = descriptor === -1 ? undefined : call.eventfd(descriptor);
  }

  /** Resets all queues that it has. EIO: one of them did not answer with 0. */
  async reset(): Promise<void> {
    const isReset = await this.alone((ap, record) => resetQueues(ap, record.linked()));
    if (!isReset) throw refused('EIO', 'a queue was not reset');
  }

  /** The guest's PQAP. Returns the condition code; EOPNOTSUPP: the instruction is not for this driver. */
  async pqap(argument: Uint8Array): Promise<number> {
    if (argument.length < pqap.size) throw refused('EFAULT', `${pqap.size} bytes are read`);
    const { gr0, gr1, gr2, guest } = pqap.decode(argument);
    if (!this.#ap.interrupts || ((gr0 >> 24n) & 0xffn) !== AQIC_FUNCTION) {
      throw refused('EOPNOTSUPP', 'the VMM has to execute this PQAP');
    }
    const response = await this.alone((ap, record) => {
      const queue = new Queue(ap, Number(gr0 & 0xffffn));
      if (record.guest?.index !== guest || queue.link !== record.index) return RESPONSES.notAvailable;
      if ((gr1 & ENABLE) === 0n) return disableInterrupt(ap, queue);
      return enableInterrupt(ap, record, queue, Number(gr1 & SUBCLASS_MASK), gr2, this.pins);
    });
    pqap.encode(argument, { gr1: BigInt(response) << 16n });
    return response === RESPONSES.normal ? 0 : 3;
  }

  /** Guest memory goes: no queue may notify there any more when this returns. */
  async dmaUnmap(iova: bigint, size: bigint): Promise<void> {
    await this.alone((ap) => {
      // What is pinned then belongs to registrations of this device, not to ended ones of queues that others have by now.
      this.pins.settle();
      for (const queue of this.pins.within(iova, size)) disableInterrupt(ap, queue);
    });
  }
}

function refused(code: 'EINVAL' | 'EFAULT' | 'EIO' | 'EOPNOTSUPP', message: string): MediatedError {
  return new MediatedError(code, message, { syscall: 'ioctl' });
}
