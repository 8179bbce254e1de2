/**
 * Makes a PNG of a framebuffer's pixels. Called by `screenshot`, usually on a thread of the runtime's workqueue: packing
 * the picture of a large display takes as long as a thousand requests.
 */
import { encode } from 'fast-png';

/** Pixels as a framebuffer has them: XRGB8888 (blue first, four bytes each), `stride` bytes from row to row. */
export interface Picture {
  readonly pixels: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly stride: number;
}

/** The bytes of a PNG file, 8 bits of red, green and blue per pixel. */
export function encodePng({ pixels, width, height, stride }: Picture): Uint8Array {
  const data = new Uint8Array(width * height * 3);
  let to = 0;
  for (let row = 0; row < height; row++) {
    const end = row * stride + width * 4;
    for (let from = row * stride; from < end; from += 4) {
      data[to++] = pixels[from + 2] as number;
      data[to++] = pixels[from + 1] as number;
      data[to++] = pixels[from] as number;
    }
  }
  return encode({ width, height, data, channels: 3, depth: 8 });
}
