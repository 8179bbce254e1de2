/**
 * SET_IRQS: the machine's event counters become the device's. The device signals them itself, on its own thread; those
 * by which the machine masks and unmasks are waited for by the doorman. Lives on the device's thread.
 */
import { InterruptCounter, type PassedFile } from '@mediated/vfio';
import {
  DEVICE_SET_IRQS,
  IRQ_SET_ACTION_MASK,
  IRQ_SET_BYTES,
  IRQ_SET_DATA_MASK,
  IRQ_SET_FLAGS,
  irqSet,
  PCI_IRQS,
} from '@mediated/vfio/uapi';
import { assertEventDescriptor, EventDescriptor } from '../native/event-descriptor.js';
import type { Descriptor } from '../native/ledger.js';
import type { Received } from '../protocol/incoming.js';
import type { AttachedDevice } from './attached-device.js';
import { assertBytes, refusal } from './refusal.js';

/** A counter of the machine in use by the device. */
interface Bound {
  readonly descriptor: Descriptor;
  readonly counter: InterruptCounter;
}

/** A counter that the machine signals, and the device's. */
interface Heard {
  readonly event: EventDescriptor;
  readonly counter: InterruptCounter;
}

type Request = ReturnType<typeof irqSet.decode>;

const { dataNone, dataBool, dataEventfd, mask, unmask, trigger } = IRQ_SET_FLAGS;
const DATA = new Set<number>([dataNone, dataBool, dataEventfd]);
const ACTIONS = new Set<number>([mask, unmask, trigger]);

/** What a machine has that signals no counters. */
export const NO_COUNTERS: readonly number[] = [];

export class MachineInterrupts {
  readonly #device: AttachedDevice;
  readonly #mostDescriptors: number;
  /** By action, index and interrupt. */
  readonly #bound = new Map<string, Bound>();
  /** Counters that the machine signals. */
  #heard: readonly Heard[] = [];
  #heardNumbers = NO_COUNTERS;

  constructor(device: AttachedDevice, mostDescriptors: number) {
    this.#device = device;
    this.#mostDescriptors = mostDescriptors;
  }

  /** Descriptors that are to be waited for, beside the socket; then {@link hear}. Another array when they are others. */
  get heard(): readonly number[] {
    return this.#heardNumbers;
  }

  holds(descriptor: Descriptor): boolean {
    for (const bound of this.#bound.values()) if (bound.descriptor === descriptor) return true;
    return false;
  }

  /** The machine may have signalled counters to mask or unmask. */
  hear(): void {
    for (const { event, counter } of this.#heard) if (event.take() > 0n) counter.signal();
  }

  /** EINVAL, and what the device answers. */
  async set({ payload, descriptors }: Received): Promise<void> {
    assertBytes(payload, IRQ_SET_BYTES);
    const request = irqSet.decode(payload);
    await this.#check(request, payload.length, descriptors.length);
    if ((request.flags & dataEventfd) !== 0) return this.#setCounters(request, descriptors);
    const argument = payload.slice(0, request.argsz);
    await this.#device.file.ioctl(DEVICE_SET_IRQS, argument);
    const { flags, index, count } = request;
    if ((flags & trigger) !== 0 && count === 0) this.#dropIndex(index);
  }

  /** The device is closed, or at least will signal nothing any more. */
  close(): void {
    for (const key of [...this.#bound.keys()]) this.#drop(key);
  }

  async #check({ argsz, flags, index, start, count }: Request, length: number, descriptors: number): Promise<void> {
    const data = flags & IRQ_SET_DATA_MASK;
    const action = flags & IRQ_SET_ACTION_MASK;
    const bytes = data === dataBool ? count : 0;
    if (flags !== (data | action) || !DATA.has(data) || !ACTIONS.has(action)) {
      throw refusal('EINVAL', `flags 0x${flags.toString(16)}`);
    }
    if (argsz < IRQ_SET_BYTES + bytes || length < IRQ_SET_BYTES + bytes || length < argsz) {
      throw refusal('EINVAL', `argsz ${argsz}, ${length} bytes`);
    }
    if (data === dataBool && length !== IRQ_SET_BYTES + count) throw refusal('EINVAL', `${length} bytes of booleans`);
    if (index >= this.#device.info.irqs) throw refusal('EINVAL', `no interrupt index ${index}`);
    if (action !== trigger && (index === PCI_IRQS.error || index === PCI_IRQS.request)) {
      throw refusal('EINVAL', `index ${index} has no mask`);
    }
    if (count === 0 && (start !== 0 || data !== dataNone || action !== trigger)) {
      throw refusal('EINVAL', 'a count of 0 disables an index and does nothing else');
    }
    if (start + count > (await this.#device.file.irqInfo(index)).count)
      throw refusal('EINVAL', `${count} from ${start}`);
    const wanted = data === dataEventfd ? [0, count] : [0];
    if (!wanted.includes(descriptors) || descriptors > this.#mostDescriptors) {
      throw refusal('EINVAL', `${descriptors} descriptors for ${count} interrupts`);
    }
  }

  async #setCounters({ flags, index, start, count }: Request, descriptors: readonly Descriptor[]): Promise<void> {
    for (const descriptor of descriptors) assertEventDescriptor(descriptor);
    const action = flags & IRQ_SET_ACTION_MASK;
    // Signals of the device go straight to the machine; what the machine signals, the device awaits.
    const made = descriptors.map((descriptor) =>
      action === trigger ? InterruptCounter.ofDescriptor(descriptor.number) : InterruptCounter.create(),
    );
    const argsz = IRQ_SET_BYTES + count * 4;
    const argument = irqSet.bytes({ argsz, flags, index, start, count }, argsz);
    const numbers = Int32Array.from({ length: count }, (_, at) => (at < made.length ? at : -1));
    argument.set(new Uint8Array(numbers.buffer), IRQ_SET_BYTES);
    const files = new Map<number, PassedFile>(made.map((counter, at) => [at, counter.passed]));
    try {
      await this.#device.file.ioctl(DEVICE_SET_IRQS, argument, files);
    } catch (error) {
      for (const counter of made) counter.detach();
      throw error;
    }
    for (let at = 0; at < count; at++) {
      const key = keyOf(action, index, start + at);
      this.#drop(key);
      const descriptor = descriptors[at];
      if (descriptor === undefined) continue;
      this.#bound.set(key, { descriptor, counter: made[at] });
      if (action === trigger) continue;
      this.#setHeard([...this.#heard, { event: new EventDescriptor(descriptor), counter: made[at] }]);
    }
  }

  #setHeard(heard: readonly Heard[]): void {
    this.#heard = heard;
    this.#heardNumbers = heard.length === 0 ? NO_COUNTERS : heard.map(({ event }) => event.descriptor.number);
  }

  #dropIndex(index: number): void {
    for (const key of [...this.#bound.keys()]) if (key.split(' ')[1] === String(index)) this.#drop(key);
  }

  /** The number may be another file's after this: the counter forgets it first. */
  #drop(key: string): void {
    const bound = this.#bound.get(key);
    if (bound === undefined) return;
    bound.counter.detach();
    const heard = this.#heard.filter(({ event }) => event.descriptor !== bound.descriptor);
    if (heard.length !== this.#heard.length) this.#setHeard(heard);
    this.#bound.delete(key);
    bound.descriptor.close();
  }
}

function keyOf(action: number, index: number, number: number): string {
  return `${action} ${index} ${number}`;
}
