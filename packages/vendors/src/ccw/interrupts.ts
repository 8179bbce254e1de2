/**
 * The three interrupts of a device (ccw section 6): I/O, channel reports, and the request to let go of it. Bindings
 * outlive a close and end with the device. Called by SET_IRQS and by whatever signals; on the device's thread, no lock.
 */
import { MediatedError } from '@mediated/core';
import type { InterruptCounter, IoctlCall, IrqAction, IrqData } from '@mediated/vfio';

/** Interrupt indexes; each has one interrupt. */
export const IRQ_IO = 0;
export const IRQ_REPORT = 1;
export const IRQ_REQUEST = 2;
export const IRQ_COUNT = 3;

export class CcwInterrupts {
  readonly #counters: (InterruptCounter | undefined)[] = new Array(IRQ_COUNT).fill(undefined);

  /** Raises an interrupt. False: nothing is bound to it. */
  signal(index: number): boolean {
    const counter = this.#counters[index];
    counter?.signal();
    return counter !== undefined;
  }

  /**
   * Acts on a SET_IRQS whose header was checked; `data` is what follows the header. Only the first element counts, also
   * when the count is 0 (quirk). Errors: EINVAL (not a trigger; a negative descriptor but -1), EFAULT (no data), and
   * those of finding the counter, which keep what was bound.
   */
  set(index: number, kind: IrqData, action: IrqAction | undefined, data: Uint8Array, call: IoctlCall): void {
    if (action !== 'trigger') throw invalid('these interrupts can only be triggered');
    if (kind === 'none') {
      this.signal(index);
    } else if (kind === 'bool') {
      if (first(data, 1)[0] !== 0) this.signal(index);
    } else {
      const bytes = first(data, 4);
      const descriptor = new DataView(bytes.buffer, bytes.byteOffset, 4).getInt32(0, true);
      if (descriptor < -1) throw invalid(`${descriptor} is no descriptor`);
      this.#counters[index] = descriptor === -1 ? undefined : call.eventfd(descriptor);
    }
  }

  /** Ends all bindings. */
  release(): void {
    this.#counters.fill(undefined);
  }
}

function first(data: Uint8Array, bytes: number): Uint8Array {
  if (data.length >= bytes) return data.subarray(0, bytes);
  throw new MediatedError('EFAULT', `${bytes} bytes are read behind the header`, { syscall: 'ioctl' });
}

function invalid(message: string): MediatedError {
  return new MediatedError('EINVAL', message, { syscall: 'ioctl' });
}
