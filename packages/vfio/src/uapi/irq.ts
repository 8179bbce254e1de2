/** Interrupts of a device: GET_IRQ_INFO and SET_IRQS (spec/vfio-core sections 14, 15 and 21). */
import { defineStruct } from './struct.js';

/** ioctl commands; their arguments are {@link irqInfo}, and {@link irqSet} with its data. */
export const DEVICE_GET_IRQ_INFO = 0x3b6d;
export const DEVICE_SET_IRQS = 0x3b6e;

export const irqInfo = defineStruct([
  ['argsz', 'u32'],
  ['flags', 'u32'],
  ['index', 'u32'],
  ['count', 'u32'],
]);
/** Least bytes of {@link irqInfo} that a driver accepts. */
export const IRQ_INFO_BYTES = 16;

/** Flags of {@link irqInfo}. */
export const IRQ_INFO_FLAGS = { eventfd: 1, maskable: 2, automasked: 4, noresize: 8 } as const;

/** The header; a byte (BOOL) or a descriptor of 4 bytes (EVENTFD) per interrupt follows it. */
export const irqSet = defineStruct([
  ['argsz', 'u32'],
  ['flags', 'u32'],
  ['index', 'u32'],
  ['start', 'u32'],
  ['count', 'u32'],
]);
/** Bytes of {@link irqSet}: the least that a driver accepts. */
export const IRQ_SET_BYTES = 20;

/** Flags of {@link irqSet}: one kind of data and one action. */
export const IRQ_SET_FLAGS = {
  dataNone: 1,
  dataBool: 2,
  dataEventfd: 4,
  mask: 8,
  unmask: 0x10,
  trigger: 0x20,
} as const;
/** All kinds of data, all actions. */
export const IRQ_SET_DATA_MASK = 0x07;
export const IRQ_SET_ACTION_MASK = 0x38;
