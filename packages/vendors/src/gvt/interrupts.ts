/**
 * SET_IRQS of a vGPU and the delivery of its MSI (gvt section 7). Called by the vGPU on the device's thread.
 */
import { isMediatedError, MediatedError } from '@mediated/core';
import {
  descriptorAt,
  type InterruptCounter,
  type IoctlCall,
  type IrqAction,
  type IrqSet,
  readIrqSet,
} from '@mediated/vfio';
import {
  IRQ_INFO_BYTES,
  IRQ_INFO_FLAGS,
  IRQ_SET_ACTION_MASK,
  IRQ_SET_BYTES,
  IRQ_SET_DATA_MASK,
  IRQ_SET_FLAGS,
  irqInfo,
  irqSet,
  PCI_IRQS,
  readArgument,
} from '@mediated/vfio/uapi';

const { intx, msi } = PCI_IRQS;
const INTX_FLAGS = IRQ_INFO_FLAGS.eventfd | IRQ_INFO_FLAGS.maskable | IRQ_INFO_FLAGS.automasked;
const MSI_FLAGS = IRQ_INFO_FLAGS.eventfd | IRQ_INFO_FLAGS.noresize;

const ACTIONS = new Map<number, IrqAction>([
  [IRQ_SET_FLAGS.mask, 'mask'],
  [IRQ_SET_FLAGS.unmask, 'unmask'],
  [IRQ_SET_FLAGS.trigger, 'trigger'],
]);

export class GvtInterrupts {
  #msi: InterruptCounter | undefined;

  /** GET_IRQ_INFO. EINVAL: neither INTx nor MSI. */
  getInfo(argument: Uint8Array): void {
    const { index } = readArgument(irqInfo, argument, IRQ_INFO_BYTES);
    if (countOf(index) === 0) throw refused('EINVAL', `no interrupt ${index}`);
    irqInfo.encode(argument, { flags: index === intx ? INTX_FLAGS : MSI_FLAGS, count: 1 });
  }

  /** Errors: EFAULT, EINVAL, EBADF, ENOTTY. INTx takes everything and does nothing. */
  set(argument: Uint8Array, call: IoctlCall): void {
    if (argument.length < IRQ_SET_BYTES) throw refused('EFAULT', `${IRQ_SET_BYTES} bytes are read`);
    if ((irqSet.decode(argument).flags & IRQ_SET_FLAGS.dataNone) !== 0) this.#setWithoutData(argument);
    else this.#setWithData(checked(argument), call);
  }

  /** An MSI, if somebody takes it. */
  signal(): void {
    this.#msi?.signal();
  }

  /** The last close lets the eventfd go. */
  tearDown(): void {
    this.#msi = undefined;
  }

  /** Nothing of the header is checked (quirk), but that there is no data of another kind besides. */
  #setWithoutData(argument: Uint8Array): void {
    const { flags, index, count } = irqSet.decode(argument);
    if ((flags & IRQ_SET_DATA_MASK) !== IRQ_SET_FLAGS.dataNone) throw refused('EINVAL', 'several kinds of data');
    assertKnown(index, ACTIONS.get(flags & IRQ_SET_ACTION_MASK));
    if (index === msi && count === 0) this.#msi = undefined;
  }

  #setWithData(set: IrqSet, call: IoctlCall): void {
    assertKnown(set.index, set.action);
    if (set.index !== msi || set.kind !== 'eventfd') return;
    if (set.count === 0) throw refused('EINVAL', 'a descriptor is wanted');
    const descriptor = descriptorAt(set, 0);
    if (descriptor < 0) throw refused('EBADF', `${descriptor} is no descriptor`);
    this.#msi = call.eventfd(descriptor);
  }
}

function checked(argument: Uint8Array): IrqSet {
  try {
    return readIrqSet(argument, PCI_IRQS.count, countOf);
  } catch (error) {
    if (isMediatedError(error, 'EFAULT')) throw error;
    throw new MediatedError('EINVAL', 'malformed interrupt set', { syscall: 'ioctl', cause: error });
  }
}

function assertKnown(index: number, action: IrqAction | undefined): void {
  if (index === intx && action !== undefined) return;
  if (index === msi && action === 'trigger') return;
  throw refused('ENOTTY', `interrupt ${index} cannot do that`);
}

function countOf(index: number): number {
  return index === intx || index === msi ? 1 : 0;
}

function refused(code: 'EINVAL' | 'EBADF' | 'EFAULT' | 'ENOTTY', message: string): MediatedError {
  return new MediatedError(code, message, { syscall: 'ioctl' });
}
