/**
 * One mdpy display: configuration space, framebuffer, and the accesses to both (mdpy sections 2 to 5). Called by the
 * driver's callbacks. Private to the device's thread, but for the framebuffer: clients that map it read and write it at
 * any time, without a lock, as they do the memory of a real card.
 */
import { DRM_FORMAT_XRGB8888 } from '@mediated/vfio/uapi';
import { BAR0, CONFIG_BYTES, DISPLAY_CONFIG, DisplayConfigSpace } from '../framebuffer/config-space.js';
import { allocateShared } from '../framebuffer/memory.js';
import type { Plane } from '../framebuffer/requests.js';
import { transfer } from '../framebuffer/transfer.js';
import type { MdpyMode } from './modes.js';

/** Where the framebuffer begins in the device's file. */
export const FRAMEBUFFER_OFFSET = 4096;

/** Index of the framebuffer's second region, outside of those that GET_INFO counts. */
export const DISPLAY_REGION = 16;

function configOf({ width, height, memoryBytes }: MdpyMode): DisplayConfigSpace {
  const u32 = (value: number) => [...new Uint8Array(Uint32Array.of(value).buffer)];
  return new DisplayConfigSpace(
    [
      ...DISPLAY_CONFIG,
      // Vendor 1b36, device 000f.
      [0x00, [0x36, 0x1b, 0x0f, 0x00]],
      // Status: there is a list of capabilities, and it begins at 0x40.
      [0x06, [0x10, 0x00]],
      [0x34, [0x40]],
      // A vendor capability of 16 bytes: format, width, height.
      [0x40, [0x09, 0x00, 0x10, 0x00]],
      [0x44, u32(DRM_FORMAT_XRGB8888)],
      [0x48, u32(width)],
      [0x4c, u32(height)],
    ],
    new Map([[BAR0, memoryBytes]]),
  );
}

/** The state of one device. */
export class MdpyDisplay {
  readonly mode: MdpyMode;
  readonly config: DisplayConfigSpace;
  readonly framebuffer: Uint8Array<SharedArrayBuffer>;
  /** Interrupt indexes that GET_INFO has told of; 0 before the first. Survives closing. */
  told = 0;
  readonly #offsetCounts: boolean;

  /** `offsetCounts`: file accesses reach the byte that they name; else, as in Linux, always the first ones. ENOMEM. */
  constructor(mode: MdpyMode, offsetCounts: boolean) {
    this.mode = mode;
    this.#offsetCounts = offsetCounts;
    this.config = configOf(mode);
    this.framebuffer = allocateShared(mode.memoryBytes);
    this.paint();
  }

  /** Paints grey rows, from black at the top to nearly white. What lies behind the picture stays as it is. */
  paint(): void {
    const { height, stride } = this.mode;
    for (let row = 0; row < height; row++) {
      this.framebuffer.fill(Math.floor((row * 255) / height), row * stride, (row + 1) * stride);
    }
  }

  /** Reads from byte `position` of the device's file. EFAULT. */
  read(position: number, into: Uint8Array): number {
    if (this.#isBulk(position, into)) {
      into.set(this.#bytes(position, into.length));
      return into.length;
    }
    return transfer('read', position, into, (at, part) => {
      if (at < CONFIG_BYTES) this.config.read(at, part);
      else if (this.#holds(at, part.length)) part.set(this.#bytes(at, part.length));
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
      if (at < CONFIG_BYTES) this.config.write(at, part);
      else if (this.#holds(at, part.length)) this.#bytes(at, part.length).set(part);
      else return false;
      return true;
    });
  }

  get plane(): Plane {
    const { width, height, stride, memoryBytes } = this.mode;
    // The size is that of the memory, not of the picture (quirk).
    return { format: DRM_FORMAT_XRGB8888, width, height, stride, size: memoryBytes, place: DISPLAY_REGION };
  }

  /** A transfer that lies in the framebuffer as a whole, where pieces make no difference but that they take longer. */
  #isBulk(position: number, { length }: Uint8Array): boolean {
    return this.#offsetCounts && length > 4 && this.#holds(position, length);
  }

  #holds(position: number, length: number): boolean {
    return position >= FRAMEBUFFER_OFFSET && position + length <= FRAMEBUFFER_OFFSET + this.framebuffer.length;
  }

  #bytes(position: number, length: number): Uint8Array {
    const from = this.#offsetCounts ? position - FRAMEBUFFER_OFFSET : 0;
    return this.framebuffer.subarray(from, from + length);
  }
}
