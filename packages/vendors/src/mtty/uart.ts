/**
 * One port of the card: a 16550-like UART whose transmitter is its receiver. Called by the card, one access at a time
 * under the device's lock; the state belongs to the device and is read and written by migration.
 *
 * Faithful to mtty section 5, quirks included. Those worth knowing: "empty" is head = tail and never looks at the
 * count, so a FIFO filled with exactly 16 bytes looks empty and stays stuck until it is cleared; the divisor
 * accumulates bits; the trigger level is 0 until the FIFO control register is first written and 1 ever after;
 * interrupt sources are or-ed, not ranked.
 */

const FIFO_BYTES = 16;
const FIFO_MASK = FIFO_BYTES - 1;

/** Registers, by the byte they are at. Some mean something else for reads, or while the divisor latch is open. */
const RX_TX = 0;
const INTERRUPT_ENABLE = 1;
const FIFO_CONTROL = 2;
const INTERRUPT_IDENTITY = 2;
const LINE_CONTROL = 3;
const MODEM_CONTROL = 4;
const LINE_STATUS = 5;
const MODEM_STATUS = 6;
const SCRATCH = 7;

/** Bits of the interrupt enable register. */
const ENABLE_RECEIVED = 0x01;
const ENABLE_TRANSMIT_EMPTY = 0x02;
const ENABLE_LINE_STATUS = 0x04;
const ENABLE_MODEM_STATUS = 0x08;
const ENABLE_READABLE = 0x0f;

/** Bits of the interrupt identity register. */
const IDENTITY_NONE = 0x01;
const IDENTITY_TRANSMIT_EMPTY = 0x02;
const IDENTITY_RECEIVED = 0x04;
const IDENTITY_LINE_STATUS = 0x06;
const IDENTITY_FIFO_ENABLED = 0xc0;

const FIFO_ENABLE = 0x01;
const FIFO_CLEAR = 0x06;

const LINE_CONTROL_LATCH = 0x80;

const MODEM_READY_OR_REQUEST = 0x03;
const MODEM_OUT2 = 0x08;
const MODEM_FLOW_CONTROL = 0x20;

const LINE_DATA_READY = 0x01;
const LINE_OVERRUN = 0x02;
const LINE_TRANSMITTER_EMPTY = 0x60;

const MODEM_CARRIER_AND_READY = 0xa2;
const MODEM_CLEAR_TO_SEND = 0x11;

/** The port; its public fields are its whole state, as migration carries it (mtty section 8). */
export class Uart {
  readonly registers = new Uint8Array(8);
  readonly fifo = new Uint8Array(FIFO_BYTES);
  head = 0;
  tail = 0;
  count = 0;
  /** Registers 0 and 1 are the divisor. */
  divisorLatch = false;
  overrun = false;
  divisor = 0;
  fifoControl = 0;
  maxFifo = FIFO_BYTES;
  triggerLevel = 0;
  readonly #interrupt: () => void;

  /** `interrupt` is called for every interrupt the port raises, in the middle of the access. */
  constructor(interrupt: () => void) {
    this.#interrupt = interrupt;
  }

  /** Reads a register; what is not one reads 0. Register 0 takes a byte from the FIFO. */
  read(register: number): number {
    switch (register) {
      case RX_TX:
        return this.divisorLatch ? this.divisor & 0xff : this.#receive();
      case INTERRUPT_ENABLE:
        return this.divisorLatch ? this.divisor >> 8 : this.#stored(INTERRUPT_ENABLE) & ENABLE_READABLE;
      case INTERRUPT_IDENTITY:
        return this.#interruptIdentity();
      case LINE_STATUS:
        return (this.#empty ? LINE_TRANSMITTER_EMPTY : LINE_DATA_READY) | (this.overrun ? LINE_OVERRUN : 0);
      case MODEM_STATUS: {
        const held = (this.#stored(MODEM_CONTROL) & MODEM_FLOW_CONTROL) !== 0 && this.count >= this.maxFifo;
        return MODEM_CARRIER_AND_READY | (held ? 0 : MODEM_CLEAR_TO_SEND);
      }
      case LINE_CONTROL:
      case MODEM_CONTROL:
      case SCRATCH:
        return this.#stored(register);
      default:
        return 0;
    }
  }

  /** Writes a register; writes to what is read-only or none are ignored. */
  write(register: number, byte: number): void {
    switch (register) {
      case RX_TX:
        if (this.divisorLatch) this.divisor |= byte;
        else this.#transmit(byte);
        return;
      case INTERRUPT_ENABLE:
        if (this.divisorLatch) {
          this.divisor |= byte << 8;
          return;
        }
        this.registers[INTERRUPT_ENABLE] = byte;
        if ((byte & ENABLE_TRANSMIT_EMPTY) !== 0 && this.#empty) this.#interrupt();
        return;
      case FIFO_CONTROL:
        this.fifoControl = byte;
        if ((byte & FIFO_CLEAR) !== 0) {
          this.head = 0;
          this.tail = 0;
          this.count = 0;
        }
        this.triggerLevel = 1;
        this.maxFifo = (byte & FIFO_ENABLE) !== 0 ? FIFO_BYTES : 1;
        return;
      case LINE_CONTROL:
        this.registers[LINE_CONTROL] = byte;
        this.divisorLatch = (byte & LINE_CONTROL_LATCH) !== 0;
        if (this.divisorLatch) this.divisor = 0;
        return;
      case MODEM_CONTROL:
        this.registers[MODEM_CONTROL] = byte;
        // Two sources, each by itself: one write can interrupt twice.
        if (this.#enabled(ENABLE_MODEM_STATUS) && (byte & MODEM_OUT2) !== 0) this.#interrupt();
        if (this.#enabled(ENABLE_MODEM_STATUS) && (byte & MODEM_READY_OR_REQUEST) !== 0) this.#interrupt();
        return;
      case SCRATCH:
        this.registers[SCRATCH] = byte;
        return;
    }
  }

  get #empty(): boolean {
    return this.head === this.tail;
  }

  #stored(register: number): number {
    return this.registers[register] as number;
  }

  #enabled(source: number): boolean {
    return (this.#stored(INTERRUPT_ENABLE) & source) !== 0;
  }

  #transmit(byte: number): void {
    if (this.count < this.maxFifo) {
      this.fifo[this.head & FIFO_MASK] = byte;
      this.head = (this.head + 1) & FIFO_MASK;
      this.count++;
      this.overrun = false;
      if (this.#enabled(ENABLE_RECEIVED) && this.count === this.triggerLevel) this.#interrupt();
    } else {
      this.overrun = true;
      if (this.#enabled(ENABLE_LINE_STATUS)) this.#interrupt();
    }
  }

  #receive(): number {
    let byte = 0;
    if (!this.#empty) {
      byte = this.fifo[this.tail & FIFO_MASK] as number;
      // A byte, as in the image: nothing keeps a loaded image from having fewer counted than lie in the FIFO.
      this.count = (this.count - 1) & 0xff;
      this.tail = (this.tail + 1) & FIFO_MASK;
    }
    if (this.#empty && this.#enabled(ENABLE_TRANSMIT_EMPTY)) this.#interrupt();
    return byte;
  }

  #interruptIdentity(): number {
    let identity = 0;
    if (this.#enabled(ENABLE_LINE_STATUS) && this.overrun) identity |= IDENTITY_LINE_STATUS;
    if (this.#enabled(ENABLE_RECEIVED) && this.count >= this.triggerLevel) identity |= IDENTITY_RECEIVED;
    if (this.#enabled(ENABLE_TRANSMIT_EMPTY) && this.#empty) identity |= IDENTITY_TRANSMIT_EMPTY;
    // A modem status interrupt would be identified by 0: it cannot be told from none.
    return (identity === 0 ? IDENTITY_NONE : identity) | IDENTITY_FIFO_ENABLED;
  }
}
