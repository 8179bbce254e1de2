/**
 * One mbochs display: configuration space, registers, EDID, video memory, planes, and the accesses to them (mbochs
 * sections 2 to 7). Called by the driver's callbacks. Private to the device's thread, but for the video memory: whoever
 * has mapped it, or a dma-buf, reads and writes it at any time, without a lock, as the memory of a real card.
 */
import { DRM_FORMAT_XRGB8888, DRM_PLANE_TYPES } from '@mediated/vfio/uapi';
import { BAR0, BAR2, CONFIG_BYTES, DISPLAY_CONFIG, DisplayConfigSpace } from '../framebuffer/config-space.js';
import { allocateShared } from '../framebuffer/memory.js';
import { NO_PLANE, type Plane, refused } from '../framebuffer/requests.js';
import { transfer } from '../framebuffer/transfer.js';
import { Dispi } from './dispi.js';
import { Edid } from './edid.js';
import { Planes } from './planes.js';
import type { MbochsType } from './types.js';

/** Where the areas begin in the device's file. */
export const REGISTERS_OFFSET = 0x1000;
export const EDID_OFFSET = 0x2000;
export const MEMORY_OFFSET = 0x3000;

/** Bytes of the page of registers, and of the EDID region. */
export const REGISTERS_BYTES = 0x1000;
export const EDID_BYTES = 0x1000;

/** What the page of registers holds: the EDID as the guest sees it, and the DISPI registers. */
const EDID_END = 0x400;
const DISPI = 0x500;
const DISPI_END = 0x516;

/** The kernel takes the wrong offset off a position: file accesses reach this many bytes further (quirk). */
const KERNEL_SHIFT = MEMORY_OFFSET - REGISTERS_OFFSET;

/** The state of one device. */
export class MbochsDisplay {
  readonly type: MbochsType;
  readonly memoryBytes: number;
  readonly config: DisplayConfigSpace;
  readonly dispi: Dispi;
  readonly edid: Edid;
  readonly planes = new Planes();
  readonly #shift: number;
  readonly #firstQueryFails: boolean;
  #memory: Uint8Array<SharedArrayBuffer> | undefined;

  /** `quirks`: file accesses to the video memory are shifted, and the first query of a mode fails, as in Linux. */
  constructor(type: MbochsType, quirks: boolean) {
    this.type = type;
    this.memoryBytes = type.megabytes * 2 ** 20;
    this.#shift = quirks ? KERNEL_SHIFT : 0;
    this.#firstQueryFails = quirks;
    const bars = new Map([
      [BAR0, this.memoryBytes],
      [BAR2, REGISTERS_BYTES],
    ]);
    // Vendor 1234, device 1111; no capabilities.
    this.config = new DisplayConfigSpace([...DISPLAY_CONFIG, [0x00, [0x34, 0x12, 0x11, 0x11]]], bars);
    this.dispi = new Dispi(this.memoryBytes);
    this.edid = new Edid(type);
  }

  /** The video memory: made when first touched, zeroed. ENOMEM. */
  get memory(): Uint8Array<SharedArrayBuffer> {
    this.#memory ??= allocateShared(this.memoryBytes);
    return this.#memory;
  }

  /** The last file is closed: memory and planes are no more, for those who do not still map them. */
  close(): void {
    this.planes.clear();
    this.#memory = undefined;
  }

  /** Reads from byte `position` of the device's file. EFAULT. */
  read(position: number, into: Uint8Array): number {
    if (this.#isBulk(position, into)) {
      into.set(this.#bytes(position, into.length));
      return into.length;
    }
    return transfer('read', position, into, (at, part) => {
      const { length } = part;
      if (at < CONFIG_BYTES) this.config.read(at, part);
      else if (inside(at, length, REGISTERS_OFFSET, REGISTERS_BYTES)) this.#readRegister(at - REGISTERS_OFFSET, part);
      else if (inside(at, length, EDID_OFFSET, EDID_BYTES)) this.edid.read(at - EDID_OFFSET, part);
      else if (this.#inMemory(at, length)) part.set(this.#bytes(at, length));
      else return false;
      return true;
    });
  }

  /** Writes at byte `position` of the device's file. EFAULT, after earlier pieces have taken effect. */
  write(position: number, bytes: Uint8Array): number {
    if (this.#isBulk(position, bytes)) {
      this.#bytes(position, bytes.length).set(bytes);
      return bytes.length;
    }
    return transfer('write', position, bytes, (at, part) => {
      const { length } = part;
      if (at < CONFIG_BYTES) this.config.write(at, part);
      else if (inside(at, length, REGISTERS_OFFSET, REGISTERS_BYTES)) this.#writeRegister(at - REGISTERS_OFFSET, part);
      else if (inside(at, length, EDID_OFFSET, EDID_BYTES)) this.edid.write(at - EDID_OFFSET, part);
      else if (this.#inMemory(at, length)) this.#bytes(at, length).set(part);
      else return false;
      return true;
    });
  }

  /**
   * The plane of a type; nothing is shown on others than the primary one. ENOMEM: a mode that is new, the first time
   * that it is asked for (quirk), or really.
   */
  plane(type: number): Plane {
    const mode = type === DRM_PLANE_TYPES.primary ? this.dispi.mode : undefined;
    if (mode === undefined) return NO_PLANE;
    const { width, height, stride, size } = mode;
    let id = this.planes.find(mode);
    if (id === undefined) {
      id = this.planes.add(mode, () => this.memory.buffer);
      if (this.#firstQueryFails) throw refused('ENOMEM', 'a new mode; it is there from now on');
    }
    return { format: DRM_FORMAT_XRGB8888, width, height, stride, size, place: id };
  }

  /** Only two bytes at once reach a DISPI register. */
  #readRegister(offset: number, into: Uint8Array): void {
    into.fill(0);
    if (offset < EDID_END) this.edid.readAsGuest(offset, into);
    else if (isDispi(offset, into.length)) {
      const value = this.dispi.read((offset - DISPI) / 2);
      into[0] = value & 0xff;
      into[1] = value >> 8;
    }
  }

  #writeRegister(offset: number, bytes: Uint8Array): void {
    if (!isDispi(offset, bytes.length)) return;
    const [low, high] = bytes as unknown as [number, number];
    this.dispi.write((offset - DISPI) / 2, low | (high << 8));
  }

  /** A transfer that lies in the memory as a whole, where pieces make no difference but that they take longer. */
  #isBulk(position: number, { length }: Uint8Array): boolean {
    return length > 4 && this.#inMemory(position, length);
  }

  /** What the shift would put behind the end is nowhere: there the kernel reaches into memory that is not the card's. */
  #inMemory(position: number, length: number): boolean {
    return inside(position, length, MEMORY_OFFSET, this.memoryBytes - this.#shift);
  }

  #bytes(position: number, length: number): Uint8Array {
    const start = position - MEMORY_OFFSET + this.#shift;
    return this.memory.subarray(start, start + length);
  }
}

function inside(position: number, length: number, start: number, size: number): boolean {
  return position >= start && position + length <= start + size;
}

function isDispi(offset: number, length: number): boolean {
  return length === 2 && offset >= DISPI && offset < DISPI_END;
}
