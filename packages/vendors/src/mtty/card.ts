/**
 * The card as its registers see it: configuration space, ports and the one interrupt behind them. Called by the mtty
 * device's read and write; each access runs to its end without a pause, which is what the device's lock is for
 * (mtty sections 2 and 3).
 */
import { MediatedError } from '@mediated/core';
import { splitAccess } from './access.js';
import { MttyConfigSpace } from './config-space.js';
import { IRQ_INDEXES, MttyInterrupts } from './interrupts.js';
import { MttyMigration } from './migration.js';
import { Uart } from './uart.js';

/** Region indexes that answer; BAR1 of a card with one port leads to a second port that nothing tells of (quirk). */
const BAR0 = 0;
const BAR1 = 1;
const CONFIG = 7;

/** A region starts at its index times this. */
export const REGION_BYTES = 2 ** 40;

/** The offset inside a region is cut to 16 bits. */
const OFFSET_RANGE = 0x10000;

/** Registers, interrupt and migration of one card. */
export class MttyCard {
  readonly ports: 1 | 2;
  readonly interrupts: MttyInterrupts;
  readonly config: MttyConfigSpace;
  /** Always two; a card with one port has, and migrates, the first. */
  readonly uarts: readonly [Uart, Uart];
  readonly migration: MttyMigration;

  /** `quirks`: as in Linux, or mended: what the first GET_INFO tells, addresses in BARs, images that were refused. */
  constructor(ports: 1 | 2, quirks = true) {
    this.ports = ports;
    this.config = new MttyConfigSpace(ports, quirks);
    this.interrupts = new MttyInterrupts(quirks ? 0 : IRQ_INDEXES);
    const raise = () => this.interrupts.raise();
    this.uarts = [new Uart(raise), new Uart(raise)];
    this.migration = new MttyMigration(this.uarts.slice(0, ports), quirks);
  }

  /**
   * Reads `into.length` bytes from `position` of the device's file; returns their number.
   * Errors: `EFAULT` when a piece lies in a region without registers; what was read before has taken effect.
   */
  read(position: number, into: Uint8Array): number {
    return complete('read', into.length, this.#access(position, into, readPiece));
  }

  /** Writes `bytes` at `position`; returns their number. Errors: `EFAULT`, after earlier pieces have taken effect. */
  write(position: number, bytes: Uint8Array): number {
    return complete('write', bytes.length, this.#access(position, bytes, writePiece));
  }

  #access(position: number, bytes: Uint8Array, piece: Piece): number {
    return splitAccess(position, bytes.length, (at, start, size) => {
      const region = Math.floor(at / REGION_BYTES);
      // Most transfers are one access: theirs is the whole.
      const part = size === bytes.length ? bytes : bytes.subarray(start, start + size);
      if (region !== BAR0 && region !== BAR1 && region !== CONFIG) return false;
      piece(region === CONFIG ? this.config : this.uarts[region], at % OFFSET_RANGE, part);
      return true;
    });
  }
}

type Piece = (target: Uart | MttyConfigSpace, offset: number, part: Uint8Array) => void;

/** A port uses the first byte of a wide access only, for the register at which it starts. */
const readPiece: Piece = (target, offset, part) => {
  if (target instanceof MttyConfigSpace) return target.read(offset, part);
  part.fill(0);
  part[0] = target.read(offset);
};

const writePiece: Piece = (target, offset, part) => {
  if (target instanceof MttyConfigSpace) target.write(offset, part);
  else target.write(offset, part[0] as number);
};

function complete(syscall: string, length: number, done: number): number {
  if (done < length) throw new MediatedError('EFAULT', 'no registers there', { syscall });
  return done;
}
