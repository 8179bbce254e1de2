/**
 * What a PCI function is made of, as data: written by whoever describes a topology or makes a mediated PCI device, read
 * by `config-hardware.ts` and `pci-device.ts`. Structured-cloneable, but for the fields that a driver fills in.
 */
import { MediatedError } from '@mediated/core';

/** A base address register and the memory or ports behind it. */
export interface BarSpec {
  /** Bytes: a power of two, at least 16 (memory) or 4 (ports). */
  readonly size: number;
  /** Default `memory`. */
  readonly kind?: 'memory' | 'io';
  readonly prefetchable?: boolean;
  /** A 64-bit memory BAR, which takes the next one as well. */
  readonly wide?: boolean;
  /** Accesses reach the model, register by register; else the BAR is plain shared memory. */
  readonly registers?: boolean;
  /** Whether a program may map it; default: memory that is no registers. */
  readonly mmap?: boolean;
}

/** A capability of which nothing but its bytes is known here. */
export interface RawCapability {
  readonly id: number;
  /** The bytes behind id and next pointer. */
  readonly bytes: readonly number[];
}

/** An extended capability of which nothing but its bytes is known here. */
export interface RawExtendedCapability {
  readonly id: number;
  readonly version?: number;
  /** The bytes behind the first four. */
  readonly bytes: readonly number[];
}

/** Ways to reset one function, as the kernel names them. */
export const RESET_METHODS = ['flr', 'af_flr', 'pm', 'bus'] as const;
export type ResetMethod = (typeof RESET_METHODS)[number];

/** A PCI function. */
export interface FunctionSpec {
  readonly vendor: number;
  readonly device: number;
  /** 24 bits: base class, sub-class, interface. */
  readonly classCode?: number;
  readonly revision?: number;
  readonly subsystem?: { readonly vendor: number; readonly device: number };
  /** BAR0 to BAR5; a null is one that there is none of, as is the place behind a wide one. */
  readonly bars?: readonly (BarSpec | null)[];
  /** Expansion ROM: its bytes; or of what size the register is while no image can be read. */
  readonly rom?: { readonly size: number; readonly image?: Uint8Array };
  readonly vga?: boolean;
  /** Interrupt pin, 0 to 4; 0: it has no INTx. Default 1. */
  readonly pin?: number;
  /** The host cannot mask its INTx: the function is offered without one. */
  readonly brokenIntx?: boolean;
  readonly pm?: { readonly noSoftReset?: boolean };
  readonly msi?: { readonly vectors: 1 | 2 | 4 | 8 | 16 | 32; readonly wide?: boolean; readonly maskable?: boolean };
  readonly msix?: {
    readonly vectors: number;
    readonly bar: number;
    readonly offset: number;
    /** Default: behind the table. */
    readonly pendingOffset?: number;
  };
  /** Vectors that the host has left for it; default: as many as it can use. */
  readonly hostVectors?: number;
  /** A PCI Express function: it has the extended configuration space. */
  readonly express?: { readonly flr?: boolean };
  readonly af?: { readonly flr?: boolean; readonly pending?: boolean };
  /** Vital product data, as bytes. */
  readonly vpd?: Uint8Array;
  /** A vendor-specific capability: the bytes behind id, next pointer and length. */
  readonly vendorCapability?: readonly number[];
  /** Further capabilities. They come first, in the order given. */
  readonly capabilities?: readonly RawCapability[];
  readonly extended?: readonly RawExtendedCapability[];
}

const BAR_COUNT = 6;

/** Throws EINVAL when a description cannot be built; `what` names the function in the message. */
export function checkFunction(what: string, spec: FunctionSpec): void {
  const refuse = (reason: string): never => {
    throw new MediatedError('EINVAL', `${what}: ${reason}`, { syscall: 'loadDriver' });
  };
  const number = (name: string, value: number | undefined, most: number) => {
    if (value !== undefined && !(Number.isInteger(value) && value >= 0 && value <= most)) {
      refuse(`${name} is ${value}; it is a number from 0 to 0x${most.toString(16)}`);
    }
  };
  if (spec.vendor === undefined || spec.device === undefined) refuse('it needs vendor and device');
  number('vendor', spec.vendor, 0xffff);
  number('device', spec.device, 0xffff);
  number('classCode', spec.classCode, 0xff_ffff);
  number('revision', spec.revision, 0xff);
  number('pin', spec.pin, 4);
  number('hostVectors', spec.hostVectors, 2048);
  const { bars = [], msix, rom } = spec;
  if (bars.length > BAR_COUNT) refuse(`it has ${bars.length} BARs; there are ${BAR_COUNT}`);
  for (const [index, bar] of bars.entries()) {
    if (bar === null) continue;
    if (index > 0 && bars[index - 1]?.wide === true) refuse(`BAR${index} is the upper half of a wide BAR`);
    const least = bar.kind === 'io' ? 4 : 16;
    if (!isPowerOfTwo(bar.size) || bar.size < least || bar.size > 2 ** 34) {
      refuse(`BAR${index} has ${bar.size} bytes; a power of two from ${least} is possible`);
    }
    if (bar.kind === 'io' && (bar.wide || bar.prefetchable || bar.mmap || bar.size > 256)) {
      refuse(`BAR${index} are ports: at most 256, and neither wide nor prefetchable nor mapped`);
    }
    if (bar.wide && index === BAR_COUNT - 1) refuse('BAR5 has no upper half');
  }
  if (rom !== undefined && (!isPowerOfTwo(rom.size) || rom.size < 2048 || rom.size > 2 ** 24)) {
    refuse(`the ROM has ${rom.size} bytes; a power of two from 2048 is possible`);
  }
  if (rom?.image !== undefined && rom.image.length > rom.size) refuse('the image of the ROM is larger than the ROM');
  if (msix !== undefined) {
    if (!(Number.isInteger(msix.vectors) && msix.vectors >= 1 && msix.vectors <= 2048)) {
      refuse(`MSI-X has ${msix.vectors} vectors; 1 to 2048 are possible`);
    }
    const bar = bars[msix.bar];
    const { offset, pendingOffset = msix.offset + msix.vectors * 16 } = msix;
    if (!bar || bar.kind === 'io') refuse(`the MSI-X table lies in BAR${msix.bar}, which is no memory`);
    if (offset % 8 !== 0 || pendingOffset % 8 !== 0) refuse('the MSI-X table begins at a multiple of 8');
    if (bar && offset + msix.vectors * 16 > bar.size) refuse('the MSI-X table ends beyond its BAR');
  }
}

function isPowerOfTwo(value: number): boolean {
  return Number.isInteger(value) && value > 0 && 2 ** Math.round(Math.log2(value)) === value;
}
