/**
 * A virtual GPU as its program sees it: a PCI function with a few registers and a window onto its framebuffer, and the
 * vendor attributes that its profile gives it. Nothing is rendered. Made by the driver's `init`; lives on the device's
 * thread, only the framebuffer's memory is shared with the programs that map it.
 */
import { MediatedError } from '@mediated/core';
import type { VfioDevice } from '@mediated/vfio';
import { PciFunction } from '../pci-function/pci-function.js';
import type { Profile, ProfileAttribute } from './profile.js';

/** Registers of BAR0, 32 bits each; everything else reads 0 and ignores writes. */
const VGPU_REGISTERS = {
  /** `VGPU` in ASCII. */
  magic: 0x00,
  /** MiB of framebuffer. */
  framebuffer: 0x04,
  /** Keeps what is written, until a reset. */
  scratch: 0x08,
  /** A write raises MSI vector 0; reads how often it has, since the last reset. */
  doorbell: 0x0c,
} as const;
const VGPU_MAGIC = 0x55504756;

const REGISTERS_BAR = 0;
const REGISTERS_BYTES = 4096;
const FRAMEBUFFER_BAR = 2;
const MIB = 2 ** 20;
const DEFAULT_APERTURE = 16;

export class Vgpu {
  readonly pci: PciFunction;
  /** MiB. */
  readonly #framebuffer: number;
  readonly #texts = new Map<string, string>();
  #scratch = 0;
  #doorbells = 0;

  constructor(device: VfioDevice<undefined>, profile: Profile) {
    const { aperture = DEFAULT_APERTURE, types } = profile;
    this.#framebuffer = types[device.type.index].framebuffer ?? aperture;
    const bytes = MIB * Math.min(aperture, 2 ** Math.floor(Math.log2(this.#framebuffer)));
    let memory: SharedArrayBuffer | undefined;
    const registers = {
      bytes: REGISTERS_BYTES,
      read: (offset: number, into: Uint8Array) => this.#read(offset, into),
      write: (offset: number, written: Uint8Array) => this.#write(offset, written),
    };
    const framebuffer = {
      bytes,
      prefetchable: true,
      /** Made when it is first used: most devices of a test never are. */
      get memory() {
        return (memory ??= new SharedArrayBuffer(bytes));
      },
    };
    this.pci = new PciFunction(device, {
      identity: identityOf(profile),
      bars: new Map<number, typeof registers | typeof framebuffer>([
        [REGISTERS_BAR, registers],
        [FRAMEBUFFER_BAR, framebuffer],
      ]),
      vectors: 1,
      reset: () => {
        this.#scratch = 0;
        this.#doorbells = 0;
      },
    });
  }

  /** Text of a vendor attribute; `fill` replaces the placeholders of the text that it begins with. */
  show(path: string, attribute: ProfileAttribute, fill: (text: string) => string): string {
    return this.#texts.get(path) ?? `${fill(attribute.value)}\n`;
  }

  store(path: string, text: string): void {
    this.#texts.set(path, text);
  }

  #read(offset: number, into: Uint8Array): void {
    into.fill(0);
    assertRegister(offset, into.length);
    const value = {
      [VGPU_REGISTERS.magic]: VGPU_MAGIC,
      [VGPU_REGISTERS.framebuffer]: this.#framebuffer,
      [VGPU_REGISTERS.scratch]: this.#scratch,
      [VGPU_REGISTERS.doorbell]: this.#doorbells,
    }[offset];
    new DataView(into.buffer, into.byteOffset).setUint32(0, value ?? 0, true);
  }

  #write(offset: number, bytes: Uint8Array): void {
    assertRegister(offset, bytes.length);
    if (offset === VGPU_REGISTERS.scratch) {
      this.#scratch = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
    } else if (offset === VGPU_REGISTERS.doorbell) {
      this.#doorbells = (this.#doorbells + 1) >>> 0;
      this.pci.raise(0);
    }
  }
}

function assertRegister(offset: number, length: number): void {
  if (length === 4 && offset % 4 === 0) return;
  throw new MediatedError('EINVAL', `${length} bytes at ${offset} are no register; 4 bytes at a multiple of 4 are`);
}

function identityOf({ pci }: Profile) {
  const id = (text: string | undefined, otherwise: number) => (text === undefined ? otherwise : Number(text));
  const vendor = id(pci?.vendor, 0x1af4);
  const device = id(pci?.device, 0x0010);
  return {
    vendor,
    device,
    subsystemVendor: id(pci?.subsystemVendor, vendor),
    subsystemDevice: id(pci?.subsystemDevice, device),
    classCode: id(pci?.class, 0x030000),
  };
}
