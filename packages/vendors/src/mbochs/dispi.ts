/**
 * The DISPI registers of the Bochs display, and the framebuffer that they describe (mbochs sections 4 and 7). Called by
 * the display on the device's thread. Any register takes any value; whether they make sense is asked only when somebody
 * wants to see the picture.
 */

/** Number of each register; all are 16 bits. */
const ID = 0;
const XRES = 1;
const YRES = 2;
const BPP = 3;
const ENABLE = 4;
const VIRT_WIDTH = 6;
const X_OFFSET = 8;
const Y_OFFSET = 9;
const VIDEO_MEMORY_64K = 10;
const REGISTERS = 11;

const BOCHS_ID = 0xb0c5;
const ENABLED = 0x01;
const LEAST_PIXELS = 64;
const BYTES_PER_PIXEL = 4;

/** A picture in the video memory: pixels of 32 bits; stride, offset and size in bytes. */
export interface Mode {
  readonly width: number;
  readonly height: number;
  readonly stride: number;
  readonly offset: number;
  readonly size: number;
}

export class Dispi {
  readonly #memoryBytes: number;
  readonly #registers = new Uint16Array(REGISTERS);

  constructor(memoryBytes: number) {
    this.#memoryBytes = memoryBytes;
    this.reset();
  }

  reset(): void {
    this.#registers.fill(0);
    this.#registers[ID] = BOCHS_ID;
    this.#registers[VIDEO_MEMORY_64K] = this.#memoryBytes / 0x10000;
  }

  /** Value of a register; 0 where there is none. */
  read(register: number): number {
    return this.#registers[register] ?? 0;
  }

  /** Sets a register; ignored where there is none. */
  write(register: number, value: number): void {
    if (register < REGISTERS) this.#registers[register] = value;
  }

  /** The picture that the registers describe; undefined when they describe none that lies in the video memory. */
  get mode(): Mode | undefined {
    const [width, height] = [this.read(XRES), this.read(YRES)];
    if ((this.read(ENABLE) & ENABLED) === 0 || this.read(BPP) !== 8 * BYTES_PER_PIXEL) return undefined;
    if (width < LEAST_PIXELS || height < LEAST_PIXELS) return undefined;
    const stride = Math.max(this.read(VIRT_WIDTH), width) * BYTES_PER_PIXEL;
    const offset = this.read(X_OFFSET) * BYTES_PER_PIXEL + this.read(Y_OFFSET) * stride;
    const size = stride * height;
    return offset + size <= this.#memoryBytes ? { width, height, stride, offset, size } : undefined;
  }
}
