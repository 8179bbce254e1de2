/**
 * The emulated AP bus of a machine, as programs see it: adapters, domains and their queues, who owns them, the guests.
 * Made on the supervising thread before the driver `vfio_ap` is loaded with its handle; other threads attach with it.
 * Every change runs under the bus's mutex on the calling thread, as the kernel's AP bus calls the driver (ap section 8).
 */
import { MediatedError } from '@mediated/core';
import { type ApBusHandle, ApMemory, type BusView } from './ap-memory.js';
import { ApGuest, type ApGuestOptions } from './ap-guest.js';
import { isAnyAssigned, isShadowed } from './assignment.js';
import { exclusively } from './exclusive.js';
import { bitsOf, hasBit, hexOf, MASK_BITS, maskOf, without } from './masks.js';
import { MatrixRecord } from './matrix-record.js';
import { apqnName, Queue, SCRIPT_LENGTH } from './queue.js';
import { changeHost, completeScan, isEligible, probeQueue, removeQueue } from './queue-binding.js';
import { type ApEvent, readTrace } from './trace.js';
import { parseMaskChange } from './written.js';

/** What is plugged into the machine. */
export interface ApConfiguration {
  /** Type of each adapter by its id, e.g. `{ 5: 13 }` for a CEX7; 0 for one whose type is not known. */
  readonly adapters: Readonly<Record<number, number>>;
  readonly domains: readonly number[];
  /** Default: the domains. */
  readonly controlDomains?: readonly number[];
}

/** A machine's AP bus when it starts. */
export interface ApBusOptions extends ApConfiguration {
  /** Ids go beyond 63 and 15 (the APXA facility). Default true. */
  readonly extended?: boolean;
  /** Highest ids, with `extended`. Default 255. */
  readonly highestAdapter?: number;
  readonly highestDomain?: number;
  /** Queues can interrupt guests (the AIV facility). Default true. */
  readonly interrupts?: boolean;
  /** Adapters and domains whose queues the default drivers own, as the mask files take them. Default: all. */
  readonly apmask?: string;
  readonly aqmask?: string;
}

const ALL = `0x${'f'.repeat(64)}`;

/** APQN of a queue. */
export function apqn(adapter: number, domain: number): number {
  return (adapter << 8) | domain;
}

/** The AP bus. Methods may be called on any thread of the process that is on the mdev bus. */
export class ApBus {
  readonly #ap: ApMemory;

  private constructor(ap: ApMemory) {
    this.#ap = ap;
  }

  /**
   * Makes the AP bus of a machine, for the devices of one mdev bus (`runtime.bus`). Queues that no default driver owns
   * are bound to vfio_ap. On the supervising thread. EINVAL: an id above 255, a mask that is none.
   */
  static async create(bus: BusView, options: ApBusOptions): Promise<ApBus> {
    const ap = ApMemory.create(bus);
    const { extended = true, highestAdapter = 255, highestDomain = 255, interrupts = true } = options;
    ap.describe(extended, highestAdapter, highestDomain, interrupts);
    ap.ownership[0].set(parseMaskChange(ap.ownership[0], options.apmask ?? ALL));
    ap.ownership[1].set(parseMaskChange(ap.ownership[1], options.aqmask ?? ALL));
    const made = new ApBus(ap);
    await made.configure(options);
    return made;
  }

  /** The AP bus of another thread, by its handle and this thread's mdev bus. */
  static attach(bus: BusView, handle: ApBusHandle): ApBus {
    return new ApBus(new ApMemory(handle, bus));
  }

  /** For the driver's option `apBus`, and for other threads. */
  get handle(): ApBusHandle {
    return this.#ap.handle;
  }

  /** The machine is plugged differently: the configuration changes, the bus is scanned. */
  async configure(configuration: ApConfiguration): Promise<void> {
    await this.changeConfiguration(configuration);
    await this.scan();
  }

  /** First half of {@link configure}: guests lose what is gone. EINVAL: an id above 255. */
  async changeConfiguration({ adapters, domains, controlDomains = domains }: ApConfiguration): Promise<void> {
    const ids = Object.keys(adapters).map(Number);
    for (const id of [...ids, ...domains, ...controlDomains]) assertId(id);
    const masks = [maskOf(ids), maskOf(domains), maskOf(controlDomains)] as const;
    await exclusively(this.#ap, () => {
      for (const [id, type] of Object.entries(adapters)) this.#ap.adapterTypes[Number(id)] = type;
      changeHost(this.#ap, masks);
    });
  }

  /** Second half: queue devices go and come, drivers are told, guests get what has come. */
  async scan(): Promise<void> {
    const ap = this.#ap;
    await exclusively(ap, async () => {
      for (let number = 0; number < MASK_BITS * MASK_BITS; number++) {
        const queue = new Queue(ap, number);
        const wanted = hasBit(ap.host[0], queue.adapter) && hasBit(ap.host[1], queue.domain);
        if (queue.present && !wanted) {
          if (queue.bound) await removeQueue(ap, queue);
          queue.present = false;
        } else if (!queue.present && wanted) {
          queue.present = true;
          await this.#offer(queue);
        }
      }
      await completeScan(ap);
    });
  }

  /** Text of `/sys/bus/ap/apmask`. */
  get apmask(): string {
    return `0x${hexOf(this.#ap.ownership[0])}\n`;
  }

  /** Text of `/sys/bus/ap/aqmask`. */
  get aqmask(): string {
    return `0x${hexOf(this.#ap.ownership[1])}\n`;
  }

  /**
   * A write to one of them; queues move between the default drivers and vfio_ap. EINVAL: no mask; EBUSY: a queue that
   * would go to the default drivers is assigned to a device, nothing changes.
   */
  async writeMask(name: 'apmask' | 'aqmask', text: string): Promise<void> {
    const ap = this.#ap;
    await exclusively(ap, async () => {
      const [mask, other] = name === 'apmask' ? ap.ownership : [ap.ownership[1], ap.ownership[0]];
      const wanted = parseMaskChange(mask, text);
      const taken = without(wanted, mask);
      const [adapters, domains] = name === 'apmask' ? [taken, other] : [other, taken];
      if (isAnyAssigned(ap, adapters, domains)) {
        throw new MediatedError('EBUSY', `${name}: a queue is assigned to a device`, { syscall: 'write' });
      }
      mask.set(wanted);
      for (const adapter of bitsOf(ap.host[0])) {
        for (const domain of bitsOf(ap.host[1])) {
          const queue = new Queue(ap, apqn(adapter, domain));
          if (queue.bound && !isEligible(ap, queue)) await removeQueue(ap, queue);
          else if (queue.present && !queue.bound) await this.#offer(queue);
        }
      }
    });
  }

  /** Binds a queue to vfio_ap. ENODEV: there is none, or it is not for vfio_ap; EBUSY: it is bound already. */
  async bind(number: number): Promise<void> {
    await exclusively(this.#ap, async () => {
      const queue = this.#queue(number);
      if (queue.bound) throw new MediatedError('EBUSY', `${apqnName(number)} is bound`, { syscall: 'bind' });
      if (!queue.present || !isEligible(this.#ap, queue)) throw this.#missing(number, 'bind');
      await this.#offer(queue);
    });
  }

  /** Unbinds a queue from vfio_ap; a guest that has it loses the adapter. ENODEV: it is not bound. */
  async unbind(number: number): Promise<void> {
    await exclusively(this.#ap, async () => {
      const queue = this.#queue(number);
      if (!queue.bound) throw this.#missing(number, 'unbind');
      await removeQueue(this.#ap, queue);
    });
  }

  /** Text of a bound queue's `status` file. ENOENT: it is not bound. */
  status(number: number): Promise<'assigned\n' | 'unassigned\n' | 'in use\n'> {
    return exclusively(this.#ap, () => {
      const queue = this.#queue(number);
      if (!queue.bound) throw new MediatedError('ENOENT', `${apqnName(number)} is not bound`, { syscall: 'open' });
      if (queue.link < 0) return 'unassigned\n';
      const record = new MatrixRecord(this.#ap, queue.link);
      const isUsed = record.guest !== undefined && isShadowed(record, queue.adapter, queue.domain);
      return isUsed ? 'in use\n' : 'assigned\n';
    });
  }

  /**
   * What a queue's card answers to instructions: the responses of `script`, one each, then `lasting` for good. Takes
   * effect at once, also on a reset that waits for the queue. EINVAL: a script of more than 16 responses.
   */
  answerWith(number: number, lasting: number, script: readonly number[] = []): void {
    if (script.length > SCRIPT_LENGTH) {
      throw new MediatedError('EINVAL', `a script has at most ${SCRIPT_LENGTH} responses`, { syscall: 'answerWith' });
    }
    this.#queue(number).answerWith(lasting, script);
  }

  /** A new guest. ENOSPC: there are 4096. See {@link ApGuest}. */
  createGuest(options: ApGuestOptions = {}): Promise<ApGuest> {
    return ApGuest.create(this.#ap, options);
  }

  /** What happened on the bus from event `since` on; of old events the last 4096. */
  trace(since = 0): ApEvent[] {
    return readTrace(this.#ap, since);
  }

  /** A queue that may be bound is reset first, as the bus does with a queue that changes hands. */
  async #offer(queue: Queue): Promise<void> {
    if (!isEligible(this.#ap, queue)) return;
    queue.zeroise();
    await probeQueue(this.#ap, queue);
  }

  #queue(number: number): Queue {
    assertId(number >>> 8);
    return new Queue(this.#ap, number);
  }

  #missing(number: number, syscall: string): MediatedError {
    return new MediatedError('ENODEV', `${apqnName(number)} is not there, or not for vfio_ap`, { syscall });
  }
}

function assertId(id: number): void {
  if (Number.isInteger(id) && id >= 0 && id < MASK_BITS) return;
  throw new MediatedError('EINVAL', `${id} is no id of an adapter or domain: 0 to ${MASK_BITS - 1}`);
}
