/**
 * A card as bytes: what migration carries of it (mtty section 8). A header that names the format and the number of ports,
 * then a record for each port, little-endian. Configuration space and interrupts are not carried. Pure but for the ports
 * that are loaded.
 */
import { defineStruct, type ValuesOfStruct } from '@mediated/vfio/uapi';
import type { Uart } from './uart.js';

const MAGIC = 0x7e9d09898c3e2c4en;
const MAJOR_VERSION = 1;
const MINOR_VERSION = 0;

const header = defineStruct([
  ['magic', 'u64'],
  ['major', 'u32'],
  ['minor', 'u32'],
  ['ports', 'u32'],
  ['flags', 'u32'],
]);
export const HEADER_BYTES = header.size;

const REGISTERS_BYTES = 8;
const FIFO_BYTES = 16;
/** What follows registers and FIFO in a port's record. */
const port = defineStruct([
  ['head', 'u8'],
  ['tail', 'u8'],
  ['count', 'u8'],
  ['divisorLatch', 'u8'],
  ['overrun', 'u8'],
  ['divisor', 'u16'],
  ['fifoControl', 'u8'],
  ['maxFifo', 'u8'],
  ['triggerLevel', 'u8'],
]);
const PORT_BYTES = REGISTERS_BYTES + FIFO_BYTES + port.size;

export function imageBytes(ports: number): number {
  return HEADER_BYTES + ports * PORT_BYTES;
}

export function encodeHeader(ports: number): Uint8Array {
  return header.bytes({ magic: MAGIC, major: MAJOR_VERSION, minor: MINOR_VERSION, ports, flags: 0 });
}

/** True when an image's header is that of a card with so many ports. */
export function isHeaderOf(ports: number, bytes: Uint8Array): boolean {
  const wanted = encodeHeader(ports);
  return wanted.every((byte, at) => byte === bytes[at]);
}

/** The records of ports, as they stand behind the header. */
export function encodePorts(uarts: readonly Uart[]): Uint8Array {
  const bytes = new Uint8Array(uarts.length * PORT_BYTES);
  for (const [number, uart] of uarts.entries()) {
    const at = number * PORT_BYTES;
    bytes.set(uart.registers, at);
    bytes.set(uart.fifo, at + REGISTERS_BYTES);
    port.encode(bytes.subarray(at + REGISTERS_BYTES + FIFO_BYTES), {
      head: uart.head,
      tail: uart.tail,
      count: uart.count,
      divisorLatch: Number(uart.divisorLatch),
      overrun: Number(uart.overrun),
      divisor: uart.divisor,
      fifoControl: uart.fifoControl,
      maxFifo: uart.maxFifo,
      triggerLevel: uart.triggerLevel,
    });
  }
  return bytes;
}

/** Makes ports what a whole image says. Nothing in the records is refused; places in the FIFO wrap as places do. */
export function loadPorts(uarts: readonly Uart[], image: Uint8Array): void {
  for (const [number, uart] of uarts.entries()) {
    const record = image.subarray(imageBytes(number), imageBytes(number + 1));
    uart.registers.set(record.subarray(0, REGISTERS_BYTES));
    uart.fifo.set(record.subarray(REGISTERS_BYTES, REGISTERS_BYTES + FIFO_BYTES));
    const values: ValuesOfStruct<typeof port> = port.decode(record.subarray(REGISTERS_BYTES + FIFO_BYTES));
    uart.head = values.head % FIFO_BYTES;
    uart.tail = values.tail % FIFO_BYTES;
    uart.count = values.count;
    uart.divisorLatch = values.divisorLatch !== 0;
    uart.overrun = values.overrun !== 0;
    uart.divisor = values.divisor;
    uart.fifoControl = values.fifoControl;
    uart.maxFifo = values.maxFifo;
    uart.triggerLevel = values.triggerLevel;
  }
}
