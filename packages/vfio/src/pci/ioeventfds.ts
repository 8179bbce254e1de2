/**
 * Counters whose signal is a write to a BAR (spec/pci section 5.3): VFIO_DEVICE_IOEVENTFD. Private to the function's
 * thread, which awaits the counters. What is written while memory is off is lost.
 */
import { MediatedError } from '@mediated/core';
import { Virqfd } from '../irqs/virqfd.js';
import type { IoctlCall } from '../operations.js';
import { readArgument } from '../uapi/argument.js';
import { IOEVENTFD_SIZE_MASK, ioeventfd } from '../uapi/pci.js';
import { type AccessedFunction, type Bar, writeBar } from './bar-access.js';

const REGION_SHIFT = 40n;
const LEAST_BYTES = 28;
/** Most of a function. */
const LIMIT = 1000;

interface Binding {
  readonly bar: number;
  readonly offset: number;
  readonly data: bigint;
  readonly width: number;
  readonly virqfd: Virqfd;
}

export class Ioeventfds {
  readonly #pci: AccessedFunction;
  readonly #bars: readonly (Bar | undefined)[];
  readonly #failed: (error: unknown) => void;
  #bindings: Binding[] = [];

  constructor(pci: AccessedFunction, bars: readonly (Bar | undefined)[], failed: (error: unknown) => void) {
    this.#pci = pci;
    this.#bars = bars;
    this.#failed = failed;
  }

  /** Serves the ioctl. Errors: EFAULT, EINVAL, EEXIST (the same is there), ENOSPC, ENODEV (fd -1: it is not there), EBADF. */
  set(argument: Uint8Array, call: IoctlCall): Promise<undefined> | undefined {
    const { flags, offset, data, fd } = readArgument(ioeventfd, argument, LEAST_BYTES);
    const width = [1, 2, 4, 8].find((bit) => bit === flags);
    if (width === undefined || (flags & ~IOEVENTFD_SIZE_MASK) !== 0 || fd < -1) throw invalid('width or descriptor');
    const index = Number(offset >> REGION_SHIFT);
    const at = Number(offset & ((1n << REGION_SHIFT) - 1n));
    const bar = this.#bars[index];
    if (bar === undefined || at + width > bar.spec.size)
      throw invalid(`region ${index} has no ${width} bytes at ${at}`);
    if (bar.hidden !== undefined && at < bar.hidden[1] && at + width > bar.hidden[0]) {
      throw invalid('the MSI-X table is there');
    }
    const same = this.#bindings.find(
      (one) => one.bar === index && one.offset === at && one.data === data && one.width === width,
    );
    if (fd < 0) {
      if (same === undefined) throw new MediatedError('ENODEV', 'there is no such ioeventfd', { syscall: 'ioctl' });
      this.#bindings = this.#bindings.filter((one) => one !== same);
      return same.virqfd.disable().then(() => undefined);
    }
    if (same !== undefined) throw new MediatedError('EEXIST', 'that ioeventfd is there already', { syscall: 'ioctl' });
    if (this.#bindings.length >= LIMIT) {
      throw new MediatedError('ENOSPC', `a function has at most ${LIMIT} ioeventfds`, { syscall: 'ioctl' });
    }
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, data, true);
    const virqfd = new Virqfd();
    virqfd.enable(call.eventfd(fd), {
      thread: () => this.#write(bar, at, bytes.subarray(0, width)),
      failed: this.#failed,
    });
    this.#bindings.push({ bar: index, offset: at, data, width, virqfd });
    return undefined;
  }

  /** Removes all; none acts any more when it resolves. */
  async clear(): Promise<void> {
    const bindings = this.#bindings;
    this.#bindings = [];
    await Promise.all(bindings.map(({ virqfd }) => virqfd.disable()));
  }

  get count(): number {
    return this.#bindings.length;
  }

  async #write(bar: Bar, offset: number, bytes: Uint8Array): Promise<void> {
    if (bar.spec.kind !== 'io' && !this.#pci.memoryEnabled) return;
    await writeBar(this.#pci, bar, offset, bytes);
  }
}

function invalid(message: string): MediatedError {
  return new MediatedError('EINVAL', `ioeventfd: ${message}`, { syscall: 'ioctl' });
}
