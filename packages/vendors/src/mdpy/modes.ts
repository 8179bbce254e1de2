/** The types of mdpy: the size of their picture, and what follows from it (mdpy section 1). Read by the whole driver. */
import type { MdevType } from '@mediated/core';

export type MdpyTypeName = 'vga' | 'xga' | 'hd';

/** A picture of `width` times `height` pixels of 32 bits. */
export class MdpyMode {
  readonly width: number;
  readonly height: number;

  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
  }

  /** Bytes from one row to the next. */
  get stride(): number {
    return this.width * 4;
  }

  /** Bytes of the picture. */
  get pictureBytes(): number {
    return this.stride * this.height;
  }

  /** Bytes of the framebuffer: the next power of two. */
  get memoryBytes(): number {
    return 2 ** Math.ceil(Math.log2(this.pictureBytes));
  }

  get text(): string {
    return `${this.width}x${this.height}`;
  }
}

/** By sysfs name, in the order of the module. */
export const MODES: Readonly<Record<MdpyTypeName, MdpyMode>> = {
  vga: new MdpyMode(640, 480),
  xga: new MdpyMode(1024, 768),
  hd: new MdpyMode(1920, 1080),
};

export function modeOf(type: MdevType): MdpyMode {
  return MODES[type.sysfsName as MdpyTypeName];
}
