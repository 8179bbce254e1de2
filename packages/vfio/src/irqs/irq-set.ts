/**
 * The argument of VFIO_DEVICE_SET_IRQS and the checks that all drivers share (spec/vfio-core section 14). Called by a
 * driver before it looks at the action; `device-interrupts.ts` does what commonly follows. Pure.
 */
import { MediatedError } from '@mediated/core';
import { IRQ_SET_ACTION_MASK, IRQ_SET_BYTES, IRQ_SET_DATA_MASK, IRQ_SET_FLAGS, irqSet } from '../uapi/irq.js';

/** Kind of data, by its flag, and its bytes per interrupt. */
const KINDS = new Map<number, readonly [kind: IrqData, bytes: number]>([
  [IRQ_SET_FLAGS.dataNone, ['none', 0]],
  [IRQ_SET_FLAGS.dataBool, ['bool', 1]],
  [IRQ_SET_FLAGS.dataEventfd, ['eventfd', 4]],
]);
const ACTIONS = new Map<number, IrqAction>([
  [IRQ_SET_FLAGS.mask, 'mask'],
  [IRQ_SET_FLAGS.unmask, 'unmask'],
  [IRQ_SET_FLAGS.trigger, 'trigger'],
]);
/** `count` and `start` together stay below this. */
const MAX_UINT32 = 0xffffffff;

export type IrqData = 'none' | 'bool' | 'eventfd';
export type IrqAction = 'mask' | 'unmask' | 'trigger';

/** What the caller of SET_IRQS wants of the interrupts `start` to `start + count - 1` of an index. */
export interface IrqSet {
  readonly index: number;
  readonly start: number;
  readonly count: number;
  /** Undefined: no action, or several. Most drivers answer ENOTTY. */
  readonly action: IrqAction | undefined;
  readonly kind: IrqData;
  /** Exactly what belongs to `count` interrupts: nothing, a byte each, or a descriptor of four bytes each. */
  readonly data: Uint8Array;
}

/**
 * Reads and checks the argument of SET_IRQS, but for the action. `indexes`: how many interrupt indexes the device has;
 * `interruptsOf`: how many interrupts the requested one has (it is not asked for an index out of range).
 * A count of 0 is valid as long as `start` is below the number of interrupts.
 * Errors: EFAULT (bytes that are read were not passed), EINVAL (all else).
 */
export function readIrqSet(argument: Uint8Array, indexes: number, interruptsOf: (index: number) => number): IrqSet {
  assertBytes(argument, IRQ_SET_BYTES);
  const { argsz, flags, index, start, count } = irqSet.decode(argument);
  const interrupts = index < indexes ? interruptsOf(index) : 0;
  if (argsz < IRQ_SET_BYTES) throw invalid(`argsz is ${argsz}; it is at least ${IRQ_SET_BYTES}`);
  if (index >= indexes) throw invalid(`there are ${indexes} interrupt indexes, no ${index}`);
  if (count >= MAX_UINT32 - start) throw invalid(`${count} interrupts from ${start}`);
  if ((flags & ~(IRQ_SET_DATA_MASK | IRQ_SET_ACTION_MASK)) !== 0) throw invalid(`flags 0x${flags.toString(16)}`);
  if (start >= interrupts || start + count > interrupts) {
    throw invalid(`index ${index} has ${interrupts} interrupts, not ${count} from ${start}`);
  }
  const kind = KINDS.get(flags & IRQ_SET_DATA_MASK);
  if (kind === undefined) throw invalid('not exactly one kind of data');
  const size = count * kind[1];
  if (argsz - IRQ_SET_BYTES < size) throw invalid(`argsz is ${argsz}; ${size} bytes of data are announced`);
  assertBytes(argument, IRQ_SET_BYTES + size);
  const data = argument.subarray(IRQ_SET_BYTES, IRQ_SET_BYTES + size);
  return { index, start, count, action: ACTIONS.get(flags & IRQ_SET_ACTION_MASK), kind: kind[0], data };
}

/** The descriptor of the interrupt `start + number`; negative: none. Only for data of kind `eventfd`. */
export function descriptorAt({ data }: IrqSet, number: number): number {
  return new DataView(data.buffer, data.byteOffset, data.byteLength).getInt32(number * 4, true);
}

/** True when the interrupt `start + number` is meant: always without data, with kind `bool` when its byte is not 0. */
export function isMeant({ kind, data }: IrqSet, number: number): boolean {
  return kind === 'none' || data[number] !== 0;
}

function assertBytes(argument: Uint8Array, least: number): void {
  if (argument.length >= least) return;
  throw new MediatedError('EFAULT', `the argument has ${argument.length} bytes, ${least} are read`, {
    syscall: 'ioctl',
  });
}

function invalid(message: string): MediatedError {
  return new MediatedError('EINVAL', message, { syscall: 'ioctl' });
}
